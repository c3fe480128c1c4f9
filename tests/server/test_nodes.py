# SPDX-License-Identifier: MIT
"""Two real deiad on one private PostgreSQL: what they share, what they do not,
and what becomes of one that ends, is killed, or hangs."""

import itertools
import os
import signal
import subprocess
import sys
import time
import unittest

import postgres
from hive import WAIT_SECONDS, Hive, program, wait_gone
from prometheus import Page


def setUpModule():
    why = postgres.missing()
    if why:
        raise unittest.SkipTest(why)


def until(holds, seconds=WAIT_SECONDS):
    """Asks again and again until it holds; each time is a round trip."""
    limit = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"still not so after {seconds} s")


# A bot that cannot answer until the file sys.argv[1] is there.
STUBBORN = """
import json, os, sys
print('{"type":"ready"}', flush=True)
for line in sys.stdin:
    j = json.loads(line)
    if j["type"] == "ping":
        print(json.dumps({"type": "pong", "n": j["n"]}), flush=True)
    elif j["type"] == "shutdown":
        break
    elif j["type"] == "task" and os.path.exists(sys.argv[1]):
        print(json.dumps({"type": "done", "id": j["id"], "text": "well"}),
              flush=True)
    elif j["type"] == "task":
        print(json.dumps({"type": "error", "id": j["id"], "code": "no",
                          "message": "not yet", "retryable": False}),
              flush=True)
"""


class Nodes(unittest.TestCase):
    numbers = itertools.count()

    @classmethod
    def setUpClass(cls):
        cls.pg = postgres.Cluster().start()
        cls.addClassCleanup(cls.pg.close)

    def setUp(self):
        self.url = self.pg.create(f"hive{next(self.numbers)}")

    def node(self, name, **more):
        return Hive(env={"DEIA_DATABASE_URL": self.url,
                         "DEIA_NODE_NAME": name}, **more)

    def bots(self, hive):
        return {b["id"]: (b["node"], b["state"])
                for b in hive.must("GET", "/bots")["items"]}

    def names(self, hive):
        return {n["name"]: n for n in hive.must("GET", "/nodes")["items"]}

    def tokens(self, hive):
        """Their ids, and whether they are revoked."""
        return {t["id"]: t["revoked"]
                for t in hive.must("GET", "/tokens")["items"]}

    def must_refuse(self, hive, method, path, body=None):
        status, answer = hive.call(method, path, body)
        self.assertEqual((status, answer["code"]), (409, "other_node"),
                         (path, answer))
        return answer["detail"]

    # ---- metrics -------------------------------------------------------

    def test_each_has_the_series_of_its_own_bots(self):
        with self.node("a") as a, self.node("b") as b:
            a.launch("A-1")
            b.launch("B-1")
            for hive in (a, b):
                until(lambda hive=hive: len(self.bots(hive)) == 2)
            for hive, bot in ((a, "A-1"), (b, "B-1")):
                page = Page(hive.must("GET", "/metrics"))
                self.assertEqual([labels["bot"] for labels, _ in
                                  page.all("deia_bot_state")], [bot])
                self.assertEqual(page.value("deia_bots"), 1)
                self.assertEqual(page.value("deia_bots_left_out"), 0)
                self.assertEqual(page.value("deia_store_up",
                                            backend="postgresql"), 1)

    # ---- names ---------------------------------------------------------

    def test_each_lists_the_nodes(self):
        config = "node:\n  url: http://a.example:8000\n"
        with self.node("a", config=config) as a, self.node("b") as b:
            until(lambda: len(self.names(a)) == 2)
            seen = self.names(b)
            self.assertEqual(sorted(seen), ["a", "b"])
            self.assertEqual(seen["a"]["url"], "http://a.example:8000")
            self.assertIsNone(seen["b"]["url"])
            self.assertEqual((seen["a"]["this"], seen["b"]["this"]),
                             (False, True))
            self.assertTrue(seen["a"]["alive"] and seen["b"]["alive"])
            page = b.must("GET", "/nodes?limit=1")
            self.assertEqual(page["next_cursor"], "a")
            page = b.must("GET", "/nodes?limit=1&cursor=a")
            self.assertEqual([n["name"] for n in page["items"]], ["b"])
            self.assertEqual(b.stop(), 0)
            until(lambda: sorted(self.names(a)) == ["a"], 10)

    def test_a_name_that_is_taken_is_refused(self):
        with self.node("a") as a:
            second = self.node("a")
            try:
                with self.assertRaises(AssertionError) as refused:
                    second.start()
            finally:
                second.__exit__()
            self.assertIn('a node named "a" runs already',
                          str(refused.exception))
            self.assertIn("node.name", str(refused.exception))
            self.assertEqual(sorted(self.names(a)), ["a"])

    def test_a_database_in_use_is_not_used_alone(self):
        with self.node("a") as a:
            env = {k: v for k, v in a.env.items()
                   if k != "DEIA_DATABASE_URL"}
            done = subprocess.run(
                [program(a.build, "deia"), "migrate", "copy", "--from",
                 self.url, "--to", os.path.join(a.dir, "copy")], env=env,
                text=True, capture_output=True, timeout=WAIT_SECONDS,
                check=False)
            self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertIn("use", done.stderr)

    # ---- bots ----------------------------------------------------------

    def test_each_shows_the_bots_of_all_and_acts_on_its_own(self):
        config = "node:\n  url: http://a.example:8000\n"
        with self.node("a", config=config) as a, self.node("b") as b:
            a.launch("BOT-A")
            b.launch("BOT-B")
            a.wait_state("BOT-A", "ready")
            b.wait_state("BOT-B", "ready")
            both = {"BOT-A": ("a", "ready"), "BOT-B": ("b", "ready")}
            until(lambda: self.bots(a) == both and self.bots(b) == both, 10)
            self.assertEqual({n: v["bots"] for n, v in self.names(b).items()},
                             {"a": 1, "b": 1})
            shown = b.must("GET", "/bots/BOT-A")
            self.assertEqual((shown["node"], shown["state"]), ("a", "ready"))
            for verb in ("start", "stop", "restart", "pause", "resume",
                         "interrupt"):
                why = self.must_refuse(b, "POST", f"/bots/BOT-A/{verb}")
            self.assertIn('lives on node "a"', why)
            self.assertIn("http://a.example:8000", why)
            self.must_refuse(b, "POST", "/bots/BOT-A/chat",
                             {"content": "hello"})
            self.must_refuse(b, "PATCH", "/bots/BOT-A", {"type": "x"})
            self.must_refuse(b, "DELETE", "/bots/BOT-A?force=true")
            self.must_refuse(b, "GET", "/bots/BOT-A/logs")
            self.must_refuse(b, "POST", "/bots/BOT-A/conversations", {})
            self.must_refuse(b, "DELETE", "/bots/BOT-A/chat")
            self.must_refuse(b, "POST", "/bots/BOT-A/heartbeat")
            self.must_refuse(b, "POST", "/tasks/claim", {"bot": "BOT-A"})
            self.must_refuse(b, "POST", "/dialogues",
                             {"a": "BOT-A", "b": "BOT-B", "content": "tea?"})
            many = b.must("POST", "/bots/actions",
                          {"action": "pause", "ids": ["BOT-A", "BOT-B"]})
            self.assertEqual([i.get("error", {}).get("code")
                              for i in many["items"]], ["other_node", None])
            status, answer = b.call("POST", "/bots",
                                    {"id": "BOT-A", "adapter": "echo"})
            self.assertEqual((status, answer["code"]),
                             (409, "already_exists"))
            self.assertEqual(a.must("GET", "/bots/BOT-A")["state"], "ready")

    def learned(self, hive, bot):
        got = hive.must("GET", f"/scheduler/bots/{bot}")["task_types"]
        return {p["task_type"]: p["samples"] for p in got if p["samples"]}

    def test_each_learns_about_its_own_bots_and_leaves_the_others(self):
        with self.node("a") as a, self.node("b") as b:
            a.launch("BOT-A")
            b.launch("BOT-B")
            until(lambda: len(self.bots(a)) == len(self.bots(b)) == 2)
            done = {"task_type": "writing", "seconds": 2, "success": True}
            a.must("POST", "/scheduler/executions", {"bot": "BOT-A", **done})
            for _ in range(2):
                b.must("POST", "/scheduler/executions",
                       {"bot": "BOT-B", **done})
            self.must_refuse(a, "POST", "/scheduler/executions",
                             {"bot": "BOT-B", **done})
            self.must_refuse(a, "GET", "/scheduler/bots/BOT-B")
            self.must_refuse(a, "DELETE", "/scheduler/bots/BOT-B")
            self.assertEqual([i["bot"] for i in a.must(
                "GET", "/scheduler/bots")["items"]], ["BOT-A"])
            self.assertEqual(a.must(
                "GET", "/scheduler/recommendation?task_type=writing")
                ["candidates"], 1)
            a.must("DELETE", "/scheduler/bots")
            self.assertEqual(b.stop(), 0)
            b.start()
            self.assertEqual(self.learned(b, "BOT-B"), {"writing": 2})
            self.assertEqual(a.stop(), 0)
            a.start()
            self.assertEqual(self.learned(a, "BOT-A"), {})

    def deia(self, hive, *words):
        return subprocess.run(
            [program(hive.build, "deia"), "--url", hive.url, *words],
            env={**hive.env, "DEIA_TOKEN": hive.token}, text=True,
            capture_output=True, timeout=WAIT_SECONDS, check=False)

    def test_the_command_line_names_nodes_where_there_are_several(self):
        with self.node("a") as a:
            a.launch("BOT-A")
            self.assertNotIn("NODE", self.deia(a, "bot", "list").stdout)
            with self.node("b") as b:
                b.launch("BOT-B")
                until(lambda: len(self.bots(b)) == 2, 10)
                rows = [line.split()[:2] for line in
                        self.deia(b, "bot", "list").stdout.splitlines()]
                self.assertEqual(rows, [["BOT", "NODE"], ["BOT-A", "a"],
                                        ["BOT-B", "b"]])
                rows = self.deia(b, "nodes").stdout.splitlines()
                self.assertEqual([r.split()[0] for r in rows],
                                 ["NODE", "a", "b"])
                self.assertIn("this one", rows[2])
                names = self.deia(b, "nodes", "-q").stdout
                self.assertEqual(names, "a\nb\n")
                done = self.deia(b, "bot", "stop", "BOT-A")
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertIn('lives on node "a"', done.stderr)

    def test_events_of_all_nodes_are_live_in_one_order(self):
        with self.node("a") as a, self.node("b") as b:
            until(lambda: len(self.names(a)) == 2)
            last = a.must("GET", "/bots")  # both have settled
            self.assertEqual(last["items"], [])
            with a.stream("GET", "/events") as at_a, \
                    b.stream("GET", "/events") as at_b:
                for i in range(3):
                    a.launch(f"BOT-A{i}")
                    b.launch(f"BOT-B{i}")
                seen = []
                for stream in (at_a, at_b):
                    got, seqs = set(), []
                    for event, data, ident in stream:
                        if ident is None:
                            continue
                        seqs.append(int(ident))
                        if event == "bot.created":
                            got.add(data["subject"])
                        if len(got) == 6:
                            break
                    self.assertEqual(seqs, sorted(set(seqs)))
                    seen.append(got)
                self.assertEqual(seen[0], seen[1])

    def test_what_happens_to_a_bot_is_seen_at_the_other(self):
        with self.node("a") as a, self.node("b") as b:
            a.launch("BOT-A", type="reader")
            until(lambda: self.bots(b).get("BOT-A") == ("a", "ready"), 10)
            a.must("POST", "/bots/BOT-A/pause")
            until(lambda: self.bots(b)["BOT-A"] == ("a", "paused"), 10)
            a.must("PATCH", "/bots/BOT-A", {"type": "writer"})
            until(lambda: b.must("GET", "/bots/BOT-A")["type"] == "writer",
                  10)
            a.must("POST", "/bots/BOT-A/stop")
            until(lambda: self.bots(b)["BOT-A"] == ("a", "stopped"), 10)
            until(lambda: not b.must("GET", "/bots/BOT-A")["wanted"], 10)
            a.must("DELETE", "/bots/BOT-A")
            until(lambda: not self.bots(b), 10)
            status, _ = b.call("GET", "/bots/BOT-A")
            self.assertEqual(status, 404)
            # The id is free again, for any of them.
            b.launch("BOT-A")
            until(lambda: self.bots(a).get("BOT-A") == ("b", "ready"), 10)

    def test_one_id_is_made_once(self):
        with self.node("a") as a, self.node("b") as b:
            bodies = [{"id": f"BOT-{i:03}", "adapter": "echo"}
                      for i in range(20)]
            made = [[hive.call("POST", "/bots?start=false", body)[0]
                     for hive in (a, b)] for body in bodies]
            for statuses in made:
                self.assertEqual(sorted(statuses), [201, 409])
            until(lambda: len(self.bots(a)) == 20
                  and self.bots(a) == self.bots(b), 10)

    def test_pages_are_read_at_any_node(self):
        with self.node("a") as a, self.node("b") as b:
            a.launch("BOT-A")
            a.wait_state("BOT-A", "ready")
            a.say("BOT-A", "first")
            until(lambda: "BOT-A" in self.bots(b), 10)
            self.assertEqual([m["content"] for m in b.lines("BOT-A")],
                             ["first", "first"])
            a.say("BOT-A", "second")
            self.assertEqual([m["content"] for m in b.lines("BOT-A")],
                             ["first", "first", "second", "second"])
            self.assertEqual(b.lines("BOT-A"), a.lines("BOT-A"))
            talks = b.must("GET", "/bots/BOT-A/conversations")["items"]
            self.assertEqual(len(talks), 1)
            text = b.must("GET", "/bots/BOT-A/chat/export?format=txt")
            self.assertIn("second", text)
            states = [m["state"] for m in
                      b.must("GET", "/bots/BOT-A/history")["items"]]
            self.assertEqual(states, ["ready", "starting"])
            page = b.must("GET", "/bots/BOT-A/status")
            self.assertIsNone(page["now"])

    def test_a_report_has_the_rows_of_all(self):
        with self.node("a") as a, self.node("b") as b:
            for hive, bot in ((a, "BOT-A"), (b, "BOT-B")):
                hive.launch(bot)
                hive.wait_state(bot, "ready")
                hive.say(bot, "hello")
                task = hive.must("POST", "/tasks",
                                 {"content": "x", "bot": bot})["id"]
                until(lambda hive=hive, task=task: hive.must(
                    "GET", f"/tasks/{task}")["status"] == "succeeded")
            b.launch("broken", "process", argv=["/nonexistent/program"])
            b.wait_state("broken", "failed")
            until(lambda: "broken" in str(
                a.must("GET", "/report")["attention"]))
            shown = [hive.must("GET", "/report") for hive in (a, b)]
            for key in ("tasks", "chat", "tokens", "bots", "types"):
                self.assertEqual(shown[0][key], shown[1][key], key)
            self.assertEqual((shown[0]["tasks"]["done"],
                              shown[0]["chat"]["answers"]), (2, 2))
            self.assertIn("Bot broken does not run", str(
                shown[0]["attention"]))

    def test_rows_without_a_node_are_taken_over(self):
        with self.node("a") as a:
            a.launch("BOT-A")
            a.wait_state("BOT-A", "ready")
            self.assertEqual(a.stop(), 0)
            name = self.url.rpartition("/")[2]
            self.pg.sql("UPDATE bots SET node = ''", name)
            with self.node("b") as b:
                self.assertEqual(self.bots(b)["BOT-A"][0], "b")
                b.wait_state("BOT-A", "ready")
                self.assertEqual(self.pg.sql("SELECT node FROM bots", name),
                                 ["b"])
                a.start()
                self.assertEqual(self.bots(a), {"BOT-A": ("b", "ready")})

    # ---- tokens --------------------------------------------------------

    def test_tokens_are_good_and_revoked_everywhere(self):
        with self.node("a") as a, self.node("b") as b:
            made = a.must("POST", "/tokens", {"name": "w", "role": "viewer"})
            head = {"Authorization": "Bearer " + made["token"]}

            def answer(hive):
                return hive.call("GET", "/auth/whoami", headers=head)[0]

            # Too many wrong ones from one address would be refused.
            until(lambda: made["id"] in self.tokens(b), 10)
            self.assertEqual((answer(a), answer(b)), (200, 200))
            a.must("DELETE", f"/tokens/{made['id']}")
            self.assertEqual(answer(a), 401)
            until(lambda: self.tokens(b)[made["id"]], 10)
            self.assertEqual(answer(b), 401)
            # The files' tokens of both are good at both.
            other = {"Authorization": "Bearer " + a.token}
            self.assertEqual(b.call("GET", "/bots", headers=other)[0], 200)
            other = {"Authorization": "Bearer " + b.token}
            self.assertEqual(a.call("GET", "/bots", headers=other)[0], 200)

    def test_the_token_of_an_external_bot_goes_with_it(self):
        with self.node("a") as a, self.node("b") as b:
            bot = a.launch("EXT-A", adapter="external")
            head = {"Authorization": "Bearer " + bot["token"]}
            until(lambda: len(self.tokens(b)) == 3, 10)
            self.assertEqual(
                b.call("GET", "/auth/whoami", headers=head)[0], 200)
            a.must("DELETE", "/bots/EXT-A?force=true")
            until(lambda: len(self.tokens(b)) == 2, 10)
            self.assertEqual(
                b.call("GET", "/auth/whoami", headers=head)[0], 401)

    # ---- mail and dialogues --------------------------------------------

    def test_mail_goes_to_bots_of_any_node(self):
        with self.node("a") as a, self.node("b") as b:
            a.launch("BOT-A", on_message="reply")
            b.launch("BOT-B", on_message="reply")
            until(lambda: len(self.bots(a)) == len(self.bots(b)) == 2, 10)
            sent = b.must("POST", "/messages",
                          {"to": "BOT-A", "content": "ping"})
            until(lambda: b.must("GET", f"/messages/{sent['id']}")["status"]
                  == "read")
            status, _ = b.call("POST", "/messages",
                               {"to": "BOT-X", "content": "nobody"})
            self.assertEqual(status, 404)

    def test_dialogues_belong_to_their_node(self):
        with self.node("a") as a, self.node("b") as b:
            for bot in ("BOT-1", "BOT-2"):
                a.launch(bot)
                a.wait_state(bot, "ready")
            talk = a.must("POST", "/dialogues", {
                "a": "BOT-1", "b": "BOT-2", "content": "tea", "turns": 500})
            self.assertEqual(talk["node"], "a")
            path = f"/dialogues/{talk['id']}"
            self.assertEqual(b.must("GET", path)["node"], "a")
            if b.must("GET", path)["status"] == "running":
                status, answer = b.call("POST", path + "/stop")
                if a.must("GET", path)["status"] == "running":
                    self.assertEqual((status, answer["code"]),
                                     (409, "other_node"))
            a.call("POST", path + "/stop")
            until(lambda: b.must("GET", path)["status"] != "running")

    def test_a_dialogue_goes_on_when_another_node_requeues_its_letter(self):
        with self.node("a") as a, self.node("b") as b:
            may = os.path.join(a.dir, "may")
            a.launch("BOT-1", "process",
                     argv=[sys.executable, "-c", STUBBORN, may])
            a.launch("BOT-2")
            for bot in ("BOT-1", "BOT-2"):
                a.wait_state(bot, "ready")
            talk = a.must("POST", "/dialogues", {
                "a": "BOT-1", "b": "BOT-2", "content": "tea", "turns": 2})
            path = f"/dialogues/{talk['id']}"
            until(lambda: b.must("GET", path)["status"] == "failed")
            letter, = b.must("GET", "/messages?status=failed")["items"]
            with open(may, "w", encoding="utf-8"):
                pass
            # 429 while the inbox comes from the other node.
            until(lambda: b.call("POST", f"/messages/{letter['id']}/requeue")
                  [0] == 200)
            until(lambda: b.must("GET", path)["status"] == "done")

    # ---- ends ----------------------------------------------------------

    def test_each_scales_its_own_bots_with_common_settings(self):
        config = "templates: {parrot: {adapter: echo}}\n"
        with self.node("one", config=config) as one, \
                self.node("two", config=config) as two:
            one.must("PUT", "/scaling", {
                "limits": {"cpu_max_percent": 1000, "reserve_mib": 0},
                "templates": {"parrot": {"min_bots": 1, "max_bots": 2}}})
            until(lambda: self.bots(one) == {
                "parrot-one-auto-1": ("one", "ready"),
                "parrot-two-auto-1": ("two", "ready")})
            for hive in one, two:
                state = hive.must("GET", "/scaling")["templates"][0]
                self.assertEqual((state["source"], state["max_bots"]),
                                 ("api", 2))
            self.assertEqual(
                two.must("POST", "/scaling/up", {"template": "parrot"}),
                {"bots": ["parrot-two-auto-2"]})
            by = until(lambda: {
                (d["node"], d["by"]) for d in
                one.must("GET", "/scaling/history")["items"]})
            self.assertEqual(by, {("one", "scaler"), ("two", "scaler"),
                                  ("two", "admin")})
            two.must("PUT", "/scaling", {"templates": {"parrot": None}})
            until(lambda: one.must("GET", "/scaling")["templates"][0]
                  ["source"] == "default")

    def test_a_killed_node_is_gone_and_comes_back(self):
        with self.node("a") as a, self.node("b") as b:
            b.launch("BOT-B")
            until(lambda: self.bots(a).get("BOT-B") == ("b", "ready"), 10)
            below = b.kill()
            self.assertEqual(wait_gone(below), [])
            until(lambda: sorted(self.names(a)) == ["a"], 20)
            self.assertEqual(self.bots(a)["BOT-B"], ("b", "stopped"))
            shown = a.must("GET", "/bots/BOT-B")
            self.assertIn('node "b" does not run', shown["state_reason"])
            why = self.must_refuse(a, "POST", "/bots/BOT-B/start")
            self.assertIn("does not run", why)
            lost = [e for e in a.must("GET", "/audit")["items"]
                    if e["action"] == "node.lost"]
            self.assertEqual([e["target"] for e in lost], ["b"])
            b.start()
            b.wait_state("BOT-B", "ready")
            until(lambda: self.bots(a)["BOT-B"] == ("b", "ready"), 10)
            self.assertEqual(sorted(self.names(a)), ["a", "b"])

    def test_a_killed_node_starts_again_at_once(self):
        with self.node("a") as a, self.node("b") as b:
            b.launch("BOT-B")
            b.wait_state("BOT-B", "ready")
            b.kill()
            b.start()
            b.wait_state("BOT-B", "ready")
            until(lambda: self.bots(a).get("BOT-B") == ("b", "ready"), 10)

    def test_a_node_that_hangs_is_shut_out_and_ends(self):
        with self.node("a") as a, self.node("b") as b:
            b.launch("BOT-B")
            until(lambda: self.bots(a).get("BOT-B") == ("b", "ready"), 10)
            b.process.send_signal(signal.SIGSTOP)
            until(lambda: not self.names(a)["b"]["alive"], 15)
            until(lambda: sorted(self.names(a)) == ["a"])
            b.process.send_signal(signal.SIGCONT)
            self.assertEqual(b.process.wait(WAIT_SECONDS), 1)
            b.process.stdout.close()
            self.assertIn('node "b" ends', b.log())
            self.assertEqual(sorted(self.names(a)), ["a"])
            b.start()
            b.wait_state("BOT-B", "ready")
            until(lambda: sorted(self.names(a)) == ["a", "b"], 10)

    def test_a_database_that_is_away_for_all_ends_nobody(self):
        with self.node("a") as a, self.node("b") as b:
            a.launch("BOT-A")
            until(lambda: "BOT-A" in self.bots(b), 10)
            self.pg.stop(signal.SIGINT)
            try:
                for hive in (a, b):
                    until(lambda h=hive: h.call("GET", "/health/ready")[0]
                          == 503)
                # Longer than it takes to be given up.
                gone = time.monotonic() + 6
                until(lambda: time.monotonic() > gone
                      or a.process.poll() is not None)
            finally:
                self.pg.start()
            for hive in (a, b):
                until(lambda h=hive: h.call("GET", "/health/ready")[0] == 200)
            a.must("POST", "/bots/BOT-A/pause")
            until(lambda: self.bots(b)["BOT-A"] == ("a", "paused"), 20)
            self.assertEqual(sorted(self.names(a)), ["a", "b"])
            self.assertEqual(sorted(self.names(b)), ["a", "b"])


if __name__ == "__main__":
    unittest.main()
