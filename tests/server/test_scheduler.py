# SPDX-License-Identifier: MIT
"""The scheduler over HTTP: telling it, asking it, who may; what survives."""

import http.client
import json
import os
import signal
import unittest

from hive import API, WAIT_SECONDS
from mailing import Mail

BASE = "/scheduler"


class Scheduler(Mail):
    config = ("tasks:\n  types: [translation]\n"
              "scheduler:\n  history_length: 5\n")

    def setUp(self):
        for bot in self.must("admin", "GET", "/bots")["items"]:
            self.hive.must("DELETE", f"/bots/{bot['id']}?force=true")

    def ready(self, *names):
        for name in names:
            self.bot(name)
            self.hive.wait_state(name, "ready")

    def record(self, bot, seconds, success=True, kind="writing", **more):
        return self.must("operator", "POST", BASE + "/executions", {
            "bot": bot, "task_type": kind, "seconds": seconds,
            "success": success, **more}, (201,))

    def pair(self, bot, kind="writing"):
        got = self.must("viewer", "GET", f"{BASE}/bots/{bot}")
        return {p["task_type"]: p for p in got["task_types"]}[kind]

    def test_recommendation_follows_what_was_recorded(self):
        self.ready("fast", "slow")
        for _ in range(10):
            self.record("fast", 1)
            self.record("slow", 8)
        got = self.must("viewer", "GET",
                        BASE + "/recommendation?task_type=writing")
        self.assertEqual((got["task_type"], got["recommended_bot"]),
                         ("writing", "fast"))
        self.assertGreater(got["confidence"], 0.5)
        self.assertIn("fast", got["reason"])
        other = got["alternatives"][0]
        self.assertEqual((other["bot"], other["samples"]), ("slow", 10))
        self.assertAlmostEqual(other["avg_seconds"], 8, 3)
        self.assertAlmostEqual(other["success_ratio"], 1, 3)
        self.assertGreater(other["score"], got["recommended"]["score"])
        got = self.must("viewer", "GET", BASE + "/recommendation"
                        "?task_type=writing&bots=slow&alternatives=0")
        self.assertEqual((got["recommended_bot"], got["alternatives"]),
                         ("slow", []))
        self.must("operator", "POST", "/bots/slow/pause", {})
        got = self.must("viewer", "GET", BASE + "/recommendation"
                        "?task_type=writing&bots=slow")
        self.assertEqual((got["recommended_bot"], got["candidates"]),
                         (None, 0))
        kinds = [i["kind"] for i in self.must(
            "viewer", "GET", BASE + "/insights")["items"]]
        self.assertIn("slow", kinds)

    def test_views_of_a_bot_and_of_a_type_agree(self):
        self.ready("v1", "v2")
        self.record("v1", 2, kind="translation")
        self.record("v1", 2, False, kind="translation")
        mine = self.pair("v1", "translation")
        self.assertEqual((mine["samples"], mine["successes"]), (2, 1))
        got = self.must("viewer", "GET",
                        BASE + "/task-types/translation?limit=1")
        self.assertEqual(got["next_cursor"], "v1")
        self.assertEqual(got["items"][0]["efficiency"], mine["efficiency"])
        got = self.must("viewer", "GET",
                        BASE + "/task-types/translation?cursor=v1")
        self.assertEqual([(i["bot"], i["samples"]) for i in got["items"]],
                         [("v2", 0)])
        got = self.must("viewer", "GET", BASE + "/bots?limit=1")
        self.assertEqual((got["items"][0]["bot"], got["next_cursor"]),
                         ("v1", "v1"))
        names = [t["task_type"] for t in self.must(
            "viewer", "GET", BASE + "/task-types")["items"]]
        self.assertIn("translation", names)

    def test_what_cannot_be_is_refused_with_its_place(self):
        self.ready("w1")
        good = {"bot": "w1", "task_type": "writing", "seconds": 1,
                "success": True}
        for name, value in (("seconds", -1), ("seconds", "1"),
                            ("seconds", 31536001), ("seconds", None),
                            ("seconds", True), ("success", 1),
                            ("bot", ""), ("bot", "x" * 65),
                            ("task_type", 7), ("wings", 2),
                            ("new_type", "yes")):
            with self.subTest(f"{name}={value}"):
                self.refused(422, "operator", "POST", BASE + "/executions",
                             {**good, name: value}, "/" + name)
        for name in good:
            less = {k: v for k, v in good.items() if k != name}
            self.refused(422, "operator", "POST", BASE + "/executions", less,
                         "/" + name)
        self.refused(422, "operator", "POST", BASE + "/executions",
                     {**good, "task_type": "a b", "new_type": True},
                     "/task_type")
        for name in ("bot", "task_type"):
            problem = self.refused(404, "operator", "POST",
                                   BASE + "/executions",
                                   {**good, name: "nobody"})
            self.assertIn("nobody", problem["detail"])
        for text, wanted in ((b"NaN", 400), (b"Infinity", 400),
                             (b"1e999", 422), (b"-1e999", 422)):
            body = (b'{"bot":"w1","task_type":"writing","success":true,'
                    b'"seconds":' + text + b'}')
            conn = http.client.HTTPConnection("127.0.0.1", self.hive.port,
                                              timeout=WAIT_SECONDS)
            conn.request("POST", API + BASE + "/executions", body,
                         self.hive.headers(
                             {"Content-Type": "application/json"}))
            self.assertEqual(conn.getresponse().status, wanted, text)
            conn.close()
        self.assertEqual(self.pair("w1")["samples"], 0)

    def test_what_is_asked_wrongly_is_refused(self):
        for path, wanted, pointer in (
                ("/recommendation", 422, "?task_type"),
                ("/recommendation?task_type=cooking", 404, None),
                ("/recommendation?task_type=general&bots=nobody", 404, None),
                ("/recommendation?task_type=general&bots=", 422, "?bots"),
                ("/recommendation?task_type=general&bots=a,,b", 422, "?bots"),
                ("/recommendation?task_type=general&alternatives=9", 422,
                 "?alternatives"),
                ("/bots/nobody", 404, None),
                ("/task-types/cooking", 404, None),
                ("/insights?limit=0", 422, "?limit"),
                ("/history?cursor=x", 422, "?cursor")):
            with self.subTest(path):
                self.refused(wanted, "viewer", "GET", BASE + path, None,
                             pointer)
        self.refused(404, "operator", "DELETE", BASE + "/bots/nobody")
        self.refused(404, "operator", "DELETE",
                     BASE + "/bots?task_type=cooking")

    def test_who_may(self):
        self.ready("me")
        body = {"bot": "me", "task_type": "writing", "seconds": 1,
                "success": True}
        for who in ("viewer", "me"):
            self.refused(403, who, "POST", BASE + "/executions", body)
            self.refused(403, who, "DELETE", BASE + "/bots/me")
            self.refused(403, who, "DELETE", BASE + "/bots")
        self.refused(403, "me", "GET", BASE + "/bots/me")
        self.must("viewer", "GET", BASE + "/bots/me")
        self.assertEqual(self.pair("me")["samples"], 0)

    def test_history_is_bounded_and_comes_newest_first(self):
        self.ready("h1")
        for i in range(7):
            self.record("h1", i)
        got = self.must("viewer", "GET", BASE + "/history?limit=3")
        self.assertEqual([e["seconds"] for e in got["items"]], [6, 5, 4])
        got = self.must("viewer", "GET", BASE + "/history?limit=3&cursor="
                        + got["next_cursor"])
        self.assertEqual([e["seconds"] for e in got["items"]], [3, 2])
        self.assertIsNone(got["next_cursor"])
        self.must("operator", "DELETE", BASE + "/bots/h1?task_type=writing",
                  None, (204,))
        got = self.must("viewer", "GET", BASE + "/history?limit=1")["items"]
        self.assertEqual((got[0]["kind"], got[0]["bot"], got[0]["seconds"]),
                         ("reset", "h1", None))

    def test_a_repeated_request_teaches_once(self):
        self.ready("once")
        body = {"bot": "once", "task_type": "writing", "seconds": 1,
                "success": True}
        for again in (False, True):
            status, answer, headers = self.ask(
                "operator", "POST", BASE + "/executions", body,
                Idempotency_Key="k-once")
            self.assertEqual((status, answer), (201, body))
            self.assertEqual("Idempotency-Replayed" in headers, again)
        self.assertEqual(self.pair("once")["samples"], 1)

    def test_acknowledged_means_there_after_a_kill(self):
        self.ready("k1", "k2")
        for i in range(5):
            self.record("k1", 1 + i, kind="invoices", new_type=True)
        self.record("k2", 3)
        self.must("operator", "DELETE", BASE + "/bots/k2", None, (204,))
        before = self.pair("k1", "invoices")
        self.hive.kill()
        self.hive.start()
        after = self.pair("k1", "invoices")
        self.assertEqual((after["samples"], after["avg_seconds"]),
                         (5, before["avg_seconds"]))
        self.assertEqual(self.pair("k2")["samples"], 0)
        self.hive.wait_state("k1", "ready")
        self.hive.must("DELETE", "/bots/k1?force=true")
        self.bot("k1")
        self.assertEqual(self.pair("k1", "invoices")["samples"], 0)

    def test_one_that_keeps_failing_is_taken_out_with_a_reason(self):
        self.ready("good", "bad")
        for _ in range(12):
            self.record("good", 2)
            self.record("bad", 1)
        for _ in range(12):
            self.record("bad", 1, False)
        got = self.must("viewer", "GET", BASE + "/bots/bad")
        self.assertEqual((got["circuit"], got["failures"]), ("open", 12))
        self.assertIn("failed 12 times in a row", got["reason"])
        self.assertGreater(got["pause_until"], "2026")
        got = self.must("viewer", "GET", BASE + "/bots/good")
        self.assertEqual((got["circuit"], got["reason"], got["pause_until"]),
                         ("closed", None, None))
        got = self.must("viewer", "GET",
                        BASE + "/recommendation?task_type=writing")
        self.assertEqual(got["recommended_bot"], "good")
        self.assertEqual(self.must("viewer", "GET", BASE + "/insights")
                         ["items"][0]["kind"], "paused")
        self.must("operator", "DELETE", BASE + "/bots/bad", None, (204,))
        self.assertEqual(self.must("viewer", "GET", BASE + "/bots/bad")
                         ["circuit"], "closed")
        told = []
        with self.hive.stream("GET", "/events?after=0") as events:
            for kind, event, _ in events:
                if kind == "bot.circuit" and event["subject"] == "bad":
                    told.append(event["data"])
                if len(told) == 2:
                    break
        self.assertEqual([t["circuit"] for t in told], ["open", "closed"])
        self.assertIn("times in a row", told[0]["reason"])

    def test_audit_says_who_told_it(self):
        self.ready("a1")
        self.record("a1", 1)
        self.must("operator", "DELETE", BASE + "/bots/a1", None, (204,))
        items = self.must("admin", "GET", "/audit?limit=2")["items"]
        self.assertEqual([(e["action"], e["target"], e["actor"])
                          for e in items],
                         [("scheduler.reset", "a1/*", "operator"),
                          ("scheduler.record", "a1/writing", "operator")])

    def journal(self):
        path = os.path.join(self.hive.dir, "bot-logs",
                            "adaptive-scheduling.jsonl")
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def done_by(self, content):
        """A task, and the bot that did it."""
        task = self.must("operator", "POST", "/tasks", {"content": content},
                         (201,))["id"]
        with self.hive.stream("GET", f"/tasks/{task}/events") as events:
            for name, data, _ in events:
                if name == "done":
                    return task, data["bot"]
        raise AssertionError("the stream ended before the task")

    def test_the_policy_follows_the_configuration(self):
        for bot in ("p1", "p2", "p3"):
            self.hive.launch(bot)
            self.hive.wait_state(bot, "ready")
        path = os.path.join(self.hive.dir, "config.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.config + "  policy: round-robin\n")
        self.addCleanup(self.hive.process.send_signal, signal.SIGHUP)

        def policy():
            return self.must("viewer", "GET", BASE + "/recommendation"
                             "?task_type=general")["policy"]

        self.assertEqual(policy(), "learned")
        self.hive.process.send_signal(signal.SIGHUP)
        self.until(lambda: policy() == "round-robin")
        got = dict(self.done_by("say hello") for _ in range(3))
        self.assertEqual(sorted(got.values()), ["p1", "p2", "p3"])
        self.until(lambda: got == {
            e["task"]: e["bot"] for e in self.journal()
            if e["event"] == "decision" and e["task"] in got})
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.config)

    def test_the_journal_has_what_was_told(self):
        self.ready("j1")
        self.record("j1", 0.1)
        self.must("operator", "DELETE", BASE + "/bots/j1", None, (204,))
        path = os.path.join(self.hive.dir, "bot-logs",
                            "adaptive-scheduling.jsonl")

        def lines():
            return [e for e in self.journal() if e["bot"] == "j1"]

        self.until(lambda: len(lines()) == 2)
        told, reset = lines()
        self.assertEqual((told["event"], told["seconds"], told["success"]),
                         ("task_recorded", 0.1, True))
        self.assertEqual((reset["event"], reset["task_type"]),
                         ("learning_reset", None))
        os.rename(path, path + ".old")  # as log rotation does
        self.hive.process.send_signal(signal.SIGHUP)

        def again():
            self.record("j1", 2)
            return os.path.exists(path)

        self.until(again)


if __name__ == "__main__":
    unittest.main()
