# SPDX-License-Identifier: MIT
"""The auto-scaler over HTTP: settings, roles, a person's hand, the history."""
import os
import signal
import time
import unittest

from hive import WAIT_SECONDS, Hive

CONFIG = """
scaling:
  up_cooldown_seconds: 0
  down_cooldown_seconds: 0
  cpu_max_percent: 1000
  reserve_mib: 0
  templates:
    parrot:
      min_bots: 1
      max_bots: 3
      wait_seconds: 2.5
templates:
  parrot:
    adapter: echo
  spare:
    adapter: echo
  broken:
    adapter: process
    argv: [/nonexistent/program]
  far:
    adapter: external
"""


def until(holds):
    """Asks again and again until it holds; each time is a round trip. For what
    is seen at the scaler's next look, of which no event tells."""
    limit = time.monotonic() + WAIT_SECONDS
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError("still not so")


class Scaling(unittest.TestCase):
    def setUp(self):
        self.hive = Hive(config=CONFIG).__enter__()
        self.addCleanup(lambda: self.hive.__exit__())

    def template(self, name):
        return next(t for t in self.hive.must("GET", "/scaling")["templates"]
                    if t["template"] == name)

    def bots(self):
        return {b["id"]: b for b in self.hive.must("GET", "/bots")["items"]}

    def ready(self, *names):
        """Waits until there are such bots and they are ready."""
        def holds():
            bots = self.bots()
            return all(n in bots and bots[n]["state"] == "ready"
                       for n in names)
        self.hive.wait(holds)

    def put(self, **templates):
        return self.hive.must("PUT", "/scaling", {"templates": templates})

    def refused(self, method, path, body, status, *words):
        got, problem = self.hive.call(method, path, body)
        self.assertEqual(got, status, problem)
        for word in words:
            self.assertIn(word, problem["detail"])
        return problem

    def test_the_file_says_it_and_min_bots_come(self):
        t = self.template("parrot")
        self.assertEqual((t["source"], t["enabled"], t["min_bots"],
                          t["max_bots"], t["wait_seconds"]),
                         ("file", True, 1, 3, 2.5))
        spare = self.template("spare")
        self.assertEqual((spare["source"], spare["enabled"]),
                         ("default", False))
        self.ready("parrot-auto-1")
        bot = self.bots()["parrot-auto-1"]
        self.assertEqual((bot["template"], bot["managed_by"]),
                         ("parrot", "scaler"))
        until(lambda: self.template("parrot")["bots"]["ready"] == 1)
        self.assertEqual(self.template("parrot")["managed"], 1)
        first = self.hive.must("GET", "/scaling/history")["items"][-1]
        self.assertEqual((first["kind"], first["cause"], first["by"]),
                         ("launch", "min_bots", "scaler"))
        self.assertIn("min_bots is 1", first["reason"])
        made = [e for e in self.hive.must("GET", "/audit")["items"]
                if e["target"] == "parrot-auto-1"]
        self.assertEqual((made[0]["actor"], made[0]["action"]),
                         ("scaler", "bot.create"))
        self.assertEqual(self.hive.say("parrot-auto-1", "Hi")["content"],
                         "Hi")

    def test_what_is_put_outlives_a_kill_and_goes_with_null(self):
        self.ready("parrot-auto-1")
        all_ = self.hive.must("PUT", "/scaling", {
            "limits": {"max_bots": 9}, "templates": {
                "parrot": {"min_bots": 2}, "spare": {"max_bots": 4}}})
        self.assertEqual((all_["source"], all_["limits"]["max_bots"],
                          all_["limits"]["up_cooldown_seconds"]),
                         ("api", 9, 0))
        self.ready("parrot-auto-2")
        self.hive.kill()
        self.hive.start()
        t = self.template("parrot")
        self.assertEqual((t["source"], t["min_bots"], t["max_bots"],
                          t["updated_by"]), ("api", 2, 3, "admin"))
        self.ready("parrot-auto-1")
        self.ready("parrot-auto-2")
        until(lambda: self.template("parrot")["managed"] == 2)
        self.assertEqual(len(self.bots()), 2)  # none beside its own
        self.hive.must("PUT", "/scaling", {
            "limits": None, "templates": {"parrot": None, "spare": None}})
        self.assertEqual(self.template("parrot")["source"], "file")
        self.assertEqual(self.template("spare")["source"], "default")

    def test_killed_while_it_launches_it_still_knows_its_own(self):
        wanted = 1
        for _ in range(4):
            wanted += 2
            self.put(parrot={"min_bots": wanted, "max_bots": wanted})
            self.hive.wait(lambda: len(self.bots()) > wanted - 2)
            self.hive.kill()
            self.hive.start()
        self.hive.wait(lambda: [b["state"] for b in self.bots().values()]
                       == ["ready"] * wanted)
        until(lambda: self.template("parrot")["bots"]["ready"] == wanted)
        bots = self.bots()
        self.assertEqual(len(bots), wanted)
        self.assertEqual({b["managed_by"] for b in bots.values()}, {"scaler"})
        self.put(parrot={"min_bots": 0})
        gone = self.hive.must("POST", "/scaling/down", {
            "template": "parrot", "count": wanted})["bots"]
        self.assertEqual(sorted(gone), sorted(bots))
        self.hive.wait(lambda: not self.bots())

    def test_the_file_is_read_again(self):
        self.ready("parrot-auto-1")
        path = os.path.join(self.hive.dir, "config.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONFIG.replace("min_bots: 1", "min_bots: 2")
                    .replace("  spare:\n    adapter: echo\n", ""))
        self.hive.process.send_signal(signal.SIGHUP)
        self.ready("parrot-auto-2")
        names = [t["template"] for t in
                 self.hive.must("GET", "/scaling")["templates"]]
        self.assertEqual(names, ["broken", "far", "parrot"])

    def test_by_hand_within_the_limits_and_recorded(self):
        self.ready("parrot-auto-1")
        self.assertEqual(
            self.hive.must("POST", "/scaling/up", {
                "template": "parrot", "count": 2})["bots"],
            ["parrot-auto-2", "parrot-auto-3"])
        self.refused("POST", "/scaling/up", {"template": "parrot"}, 409,
                     "max_bots is 3")
        self.ready("parrot-auto-3")
        self.ready("parrot-auto-2")
        self.refused("POST", "/scaling/down", {"template": "parrot",
                                               "count": 3}, 409,
                     "min_bots is 1")
        gone = self.hive.must("POST", "/scaling/down", {
            "template": "parrot", "count": 2})["bots"]
        self.assertEqual(len(gone), 2)
        self.hive.wait(lambda: len(self.bots()) == 1)
        kinds = [(d["kind"], d["by"]) for d in
                 self.hive.must("GET", "/scaling/history")["items"]
                 if d["cause"] == "person"]
        self.assertEqual(kinds, [("drain", "admin"), ("drain", "admin"),
                                 ("launch", "admin")])
        # Their history stays.
        self.assertTrue(self.hive.must(
            "GET", f"/bots/{gone[0]}/history")["items"])

    def test_refusals_name_the_place(self):
        for body, pointer in (
                ({"templates": {"parrot": {"min_bots": 4}}},
                 "/templates/parrot/min_bots"),
                ({"templates": {"parrot": {"bots": 4}}},
                 "/templates/parrot/bots"),
                ({"templates": {"nobody": {"max_bots": 4}}},
                 "/templates/nobody"),
                ({"templates": {"far": {"max_bots": 4}}},
                 "/templates/far"),
                ({"limits": {"cpu_max_percent": 0}},
                 "/limits/cpu_max_percent"),
                ({"more": 1}, "/more")):
            problem = self.refused("PUT", "/scaling", body, 422)
            self.assertEqual(problem["errors"][0]["pointer"], pointer)
        self.refused("POST", "/scaling/up", {"template": "spare"}, 409,
                     "not scaled")
        self.refused("POST", "/scaling/up", {"template": "nobody"}, 404,
                     "nobody")
        self.refused("POST", "/scaling/up", {"template": "parrot",
                                             "count": 0}, 422)
        self.refused("POST", "/scaling/up", {}, 422)
        self.refused("GET", "/scaling/history?cursor=x", None, 422)
        self.assertEqual(self.template("parrot")["source"], "file")

    def test_a_dry_run_launches_nothing(self):
        self.ready("parrot-auto-1")
        self.hive.must("PUT", "/scaling", {
            "limits": {"dry_run": True},
            "templates": {"spare": {"min_bots": 1}}})
        done = self.hive.wait(lambda: [
            d for d in self.hive.must("GET", "/scaling/history")["items"]
            if d["template"] == "spare"])
        self.assertFalse(done[0]["done"])
        self.assertEqual(list(self.bots()), ["parrot-auto-1"])

    def test_new_bots_that_fail_pause_their_template(self):
        self.put(broken={"min_bots": 1, "max_bots": 4})
        paused = until(
            lambda: self.template("broken")["paused_seconds"] > 0 and
            self.template("broken"))
        self.assertGreater(paused["failures"], 0)
        self.assertLessEqual(len([b for b in self.bots()
                                  if b.startswith("broken")]), 1)

    def test_a_bot_that_is_adopted_belongs_to_nobody_else(self):
        self.ready("parrot-auto-1")
        self.hive.must("PATCH", "/bots/parrot-auto-1", {"managed_by": None})
        until(lambda: self.template("parrot")["managed"] == 0)
        self.refused("POST", "/scaling/down", {"template": "parrot"}, 409)

    def test_events_tell_of_decisions(self):
        after = self.hive.must("GET", "/scaling")
        self.assertTrue(after["active"])
        with self.hive.stream("GET", "/events?after=0") as stream:
            for event, data, _ in stream:
                if event == "scaling.decision":
                    break
        self.assertEqual((data["subject"], data["data"]["kind"]),
                         ("parrot", "launch"))


if __name__ == "__main__":
    unittest.main()
