# SPDX-License-Identifier: MIT
"""Tasks over HTTP: submitting, looking, lists, keys, who may, kill -9."""

import sys
import unittest

from hive import API, Hive
from tasking import BOT, FINAL, NOBODY, OPEN, SHAPE, Tasks


class Submitting(Tasks):
    def test_task_has_all_its_fields(self):
        self.bot("shape", capabilities=["latin"])
        status, t, headers = self.ask("admin", "POST", "/tasks", {
            "content": "hé \u2028 \"q\" 😀\n", "type": "writing",
            "priority": "P1", "bot": "shape", "capabilities": ["latin"],
            "deadline": "2099-01-01T00:00:00Z", "timeout_seconds": 60,
            "max_attempts": 7, "approval": True, "complexity": 0.5,
            "estimated_seconds": 9, "not_before": "2098-01-01T00:00:00Z"})
        self.assertEqual(status, 201, t)
        self.assertEqual(set(t), SHAPE)
        self.assertEqual(headers["Location"], f"{API}/tasks/{t['id']}")
        self.assertEqual(
            (t["status"], t["type"], t["priority"], t["pinned_bot"],
             t["submitted_by"], t["content"], t["capabilities"],
             t["timeout_seconds"], t["max_attempts"], t["approval"],
             t["complexity"], t["estimated_seconds"], t["deadline"]),
            ("awaiting_approval", "writing", "P1", "shape", "admin",
             "hé \u2028 \"q\" 😀\n", ["latin"], 60, 7, True, 0.5, 9,
             "2099-01-01T00:00:00.000Z"))
        self.assertEqual(self.get(t), t)

    def test_what_is_not_stated_is_found_by_analysis(self):
        t = self.submit("fix the bug in parser.c", not_before=
                        "2099-01-01T00:00:00Z")
        self.assertEqual(t["type"], "development")
        self.assertGreater(t["estimated_seconds"], 0)
        hard = self.submit("fix the bug in parser.c", not_before=
                           "2099-01-01T00:00:00Z", complexity=0.9)
        self.assertEqual(hard["complexity"], 0.9)
        self.assertGreater(hard["estimated_seconds"],
                           2 * t["estimated_seconds"])
        quick = self.submit("fix the bug in parser.c", not_before=
                            "2099-01-01T00:00:00Z", estimated_seconds=5)
        self.assertEqual((quick["complexity"], quick["estimated_seconds"]),
                         (t["complexity"], 5))

    def test_external_bot_does_it(self):
        self.bot("doer")
        t = self.submit("add 1 and 1", bot="doer")
        got = self.claim("doer")
        self.assertEqual((got["task"]["id"], got["task"]["kind"],
                          got["task"]["content"]),
                         (t["id"] + ".1", "task", "add 1 and 1"))
        self.complete("doer", got, "2", usage={"prompt_tokens": 5,
                                               "completion_tokens": 1})
        t = self.ended(t)
        self.assertEqual((t["status"], t["bot"], t["attempt"]),
                         ("succeeded", "doer", 1))
        self.assertEqual(t["result"],
                         {"text": "2", "bytes": 1, "truncated": False})
        self.assertEqual([(a["number"], a["bot"], a["outcome"])
                          for a in t["attempts"]], [(1, "doer", "succeeded")])
        self.assertEqual(t["usage"],
                         {"prompt_tokens": 5, "completion_tokens": 1})
        self.assertIsNone(t["error"])

    def test_failed_attempt_is_retried_elsewhere(self):
        for bot in ("ham", "eggs"):
            self.bot(bot, capabilities=["breakfast"])
        t = self.submit("cook", capabilities=["breakfast"])
        first = self.moved(t, "assigned", "running")["bot"]
        self.give_up(first, self.claim(first), "burnt")
        waiting = self.moved(t, "queued", "assigned", "running")
        if waiting["status"] == "queued":
            self.assertEqual(
                {k: waiting["retry"][k] for k in ("attempt", "of")},
                {"attempt": 2, "of": 3})
        other = ({"ham", "eggs"} - {first}).pop()
        self.complete(other, self.claim(other), "fried")
        t = self.ended(t)
        self.assertEqual([(a["bot"], a["outcome"]) for a in t["attempts"]],
                         [(first, "failed"), (other, "succeeded")])
        self.assertIn("burnt", t["attempts"][0]["error"])

    def test_batch_with_refs_runs_one_after_the_other(self):
        self.bot("chain")
        first, second = self.batch(
            {"content": "draft", "ref": "a", "bot": "chain"},
            {"content": "review", "depends_on": ["a"], "bot": "chain"})
        self.assertEqual((first["status"] in OPEN, second["status"]),
                         (True, "blocked"))
        self.assertEqual(second["depends_on"], [first["id"]])
        for text in ("draft", "review"):
            got = self.claim("chain")
            self.assertEqual(got["task"]["content"], text)
            self.complete("chain", got)
        self.assertEqual(self.ended(second)["status"], "succeeded")

    def test_batch_is_all_or_nothing_and_names_the_index(self):
        before = self.must("admin", "GET", "/tasks/status")
        for tasks, status, pointer in (
                ([{"content": "x"}, {"content": ""}], 422, "/tasks/1/content"),
                ([{"content": "x"}, {"content": "x", "wings": 2}], 422,
                 "/tasks/1/wings"),
                ([{"content": "x"}, {"content": "x", "depends_on": ["b"]}],
                 None, None),
                ([{"content": "x", "ref": "a", "depends_on": ["b"]},
                  {"content": "x", "ref": "b", "depends_on": ["a"]}],
                 422, None),
                ([{"content": "x"}, {"content": "x", "bot": "nobody"}], 404,
                 "/tasks/1/bot"),
                ([], 422, "/tasks"), ([{"content": "x"}] * 1001, 422,
                                      "/tasks")):
            code, problem, _ = self.ask("admin", "POST", "/tasks",
                                        {"tasks": tasks})
            self.assertIn(code, (status,) if status else (404, 422), problem)
            if pointer:
                self.assertTrue(problem["errors"][0]["pointer"].startswith(
                    pointer[:len("/tasks/1")]), problem)
        self.refused(422, "admin", "POST", "/tasks",
                     {"content": "x", "tasks": [{"content": "x"}]},
                     "/content")
        self.assertEqual(self.must("admin", "GET", "/tasks/status"), before)

    def test_wrong_fields_are_named(self):
        for body, pointer in (
                ({}, "/content"), ({"content": 1}, "/content"),
                ({"content": "x", "priority": "high"}, "/priority"),
                ({"content": "x", "max_attempts": 0}, "/max_attempts"),
                ({"content": "x", "deadline": "soon"}, "/deadline"),
                ({"content": "x", "expect": "4"}, "/expect"),
                ({"content": "x", "budget": 4}, "/budget"),
                ({"content": "x", "budget": {}}, "/budget"),
                ({"content": "x", "budget": {"tokens": 0}}, "/budget/tokens"),
                ({"content": "x", "budget": {"messages": 0}},
                 "/budget/messages"),
                ({"content": "x", "budget": {"seconds": 1, "on_exceed": ""}},
                 "/budget/on_exceed"),
                ({"content": "x", "wings": 2}, "/wings")):
            self.refused(422, "admin", "POST", "/tasks", body, pointer)
        self.refused(422, "admin", "POST", "/tasks",
                     {"content": "x", "depends_on": [NOBODY]}, "/depends_on")

    def test_key_makes_repeating_safe(self):
        body = {"content": "once", "not_before": "2099-01-01T00:00:00Z"}
        first = self.ask("admin", "POST", "/tasks", body,
                         Idempotency_Key="k-1")
        again = self.ask("admin", "POST", "/tasks", body,
                         Idempotency_Key="k-1")
        self.assertEqual((first[0], again[0]), (201, 201))
        self.assertEqual(first[1]["id"], again[1]["id"])
        self.assertIsNone(first[2]["Idempotency-Replayed"])
        self.assertEqual(again[2]["Idempotency-Replayed"], "true")
        status, problem, _ = self.ask("admin", "POST", "/tasks", {
            "content": "twice"}, Idempotency_Key="k-1")
        self.assertEqual((status, problem["code"]), (422, "conflict"))
        # Keys are those of who submits; long ones are made shorter.
        other = self.ask("operator", "POST", "/tasks", body,
                         Idempotency_Key="k-1")
        self.assertNotEqual(other[1]["id"], first[1]["id"])
        long = [self.ask("admin", "POST", "/tasks", body,
                         Idempotency_Key="k" * 255)[1]["id"]
                for _ in range(2)]
        self.assertEqual(long[0], long[1])
        self.assertEqual(self.ask("admin", "POST", "/tasks", body,
                                  Idempotency_Key="k" * 256)[0], 400)


class Looking(Tasks):
    def test_lists_are_filtered_and_paged(self):
        later = {"not_before": "2099-01-01T00:00:00Z"}
        made = self.batch(*[{"content": f"n{n}", "type": "planning",
                             **later} for n in range(5)])
        other = self.submit("x", who="operator", type="validation", **later)
        page = self.must("admin", "GET", "/tasks?type=planning&limit=3")
        seen = page["items"]
        while page["next_cursor"]:
            page = self.must("admin", "GET", "/tasks?type=planning&limit=3"
                             f"&cursor={page['next_cursor']}")
            seen += page["items"]
        self.assertEqual([t["id"] for t in seen],
                         [t["id"] for t in made][::-1])
        for query in ("submitted_by=operator", "status=blocked&type=validation"):
            found = self.must("admin", "GET", f"/tasks?{query}")["items"]
            self.assertEqual([t["id"] for t in found], [other["id"]], query)
        self.assertEqual(
            self.must("admin", "GET", "/tasks?type=nothing")["items"], [])
        self.refused(422, "admin", "GET", "/tasks?status=done",
                     pointer="?status")
        self.refused(422, "admin", "GET", "/tasks?limit=0", pointer="?limit")

    def test_long_texts_are_cut_in_lists_alone(self):
        text = "é" * 4000
        t = self.submit(text, not_before="2099-01-01T00:00:00Z")
        self.assertEqual(self.get(t)["content"], text)
        listed = [x for x in self.must("admin", "GET", "/tasks")["items"]
                  if x["id"] == t["id"]][0]
        self.assertTrue(listed["content_truncated"])
        self.assertEqual(listed["content_bytes"], 8000)
        self.assertTrue(text.startswith(listed["content"]))
        with self.hive.stream("GET", f"/tasks/{t['id']}/events") as events:
            name, data, _ = next(iter(events))
        self.assertEqual((name, data["content"]), ("task", "é" * 1024))

    def test_counts_add_up(self):
        self.bot("counter")
        t = self.submit("count", bot="counter")
        self.complete("counter", self.claim("counter"))
        self.ended(t)
        counts = self.must("viewer", "GET", "/tasks/status")
        total, path = 0, "/tasks?limit=1000"
        page = self.must("admin", "GET", path)
        total += len(page["items"])
        self.assertIsNone(page["next_cursor"])
        self.assertEqual(sum(counts[s] for s in OPEN + FINAL), total)
        self.assertGreaterEqual(counts["since_start"]["attempts"], 1)

    def test_nothing_of_that_id(self):
        for ident in (NOBODY, "nonsense"):
            self.refused(404, "admin", "GET", f"/tasks/{ident}")
            self.refused(404, "admin", "GET", f"/tasks/{ident}/events")
            self.refused(404, "admin", "DELETE", f"/tasks/{ident}")

    def test_analysis_says_why(self):
        a = self.must("viewer", "POST", "/tasks/analyze",
                      {"content": "fix the bug in parser.c"})
        self.assertEqual(set(a), {"type", "complexity", "complexity_class",
                                  "estimated_seconds", "capabilities",
                                  "reasons"})
        self.assertEqual((a["type"], a["capabilities"]),
                         ("development", ["c"]))
        self.assertIn("fix the bug", " ".join(a["reasons"]))
        a = self.must("viewer", "POST", "/tasks/analyze", {
            "content": "fix the bug", "type": "writing", "complexity": 0.9,
            "estimated_seconds": 1.5, "capabilities": []})
        self.assertEqual((a["type"], a["complexity"], a["complexity_class"],
                          a["estimated_seconds"], a["capabilities"]),
                         ("writing", 0.9, "high", 1.5, []))
        for body, pointer in (
                ({}, "/content"), ({"content": "x", "type": "no-such"},
                                   "/type"),
                ({"content": "x", "complexity": 1.5}, "/complexity"),
                ({"content": "x", "capabilities": [1]}, "/capabilities")):
            self.refused(422, "viewer", "POST", "/tasks/analyze", body,
                         pointer)


class Rights(Tasks):
    def test_viewers_look_and_operators_act(self):
        t = self.submit("x", not_before="2099-01-01T00:00:00Z")
        self.get(t, "viewer")
        self.must("viewer", "GET", "/queues")
        for method, path, body in (
                ("POST", "/tasks", {"content": "x"}),
                ("DELETE", f"/tasks/{t['id']}", None),
                ("POST", f"/tasks/{t['id']}/verdict", {"success": True}),
                ("POST", f"/tasks/{t['id']}/retry", None),
                ("POST", f"/tasks/{t['id']}/approve", None),
                ("POST", "/tasks/bulk", {"action": "cancel", "all": True}),
                ("POST", "/queues/writing/pause", None),
                ("PUT", "/queues/writing", {"wip_limit": 1})):
            self.refused(403, "viewer", method, path, body)
        self.must("operator", "DELETE", f"/tasks/{t['id']}")

    def test_bot_delegates_and_sees_its_own(self):
        for bot in ("manager", "worker", "stranger"):
            self.bot(bot)
        t = self.submit("dig", who="manager", bot="worker")
        self.assertEqual(t["submitted_by"], "manager")
        foreign = self.submit("not yours", not_before="2099-01-01T00:00:00Z")
        self.assertEqual([x["id"] for x in self.must(
            "manager", "GET", "/tasks")["items"]], [t["id"]])
        self.refused(404, "manager", "GET", f"/tasks/{foreign['id']}")
        self.refused(404, "stranger", "DELETE", f"/tasks/{t['id']}")
        self.complete("worker", self.claim("worker"), "a hole")
        t = self.ended(t)
        self.assertEqual(self.get(t, "worker")["result"]["text"], "a hole")
        judged = self.must("manager", "POST", f"/tasks/{t['id']}/verdict",
                           {"success": False, "note": "too small"})
        self.assertEqual((judged["verdict"]["success"],
                          judged["verdict"]["by"]), (False, "manager"))
        for path, body in ((f"/tasks/{t['id']}/retry", None),
                           ("/tasks/bulk", {"action": "retry", "all": True}),
                           ("/queues/writing/pause", None)):
            self.refused(403, "manager", "POST", path, body)


class Durable(unittest.TestCase):
    def test_what_was_submitted_survives_kill_9(self):
        hive = Hive()
        self.addCleanup(hive.__exit__)
        hive.start()
        hive.launch("echo")
        hive.wait_state("echo", "ready")
        hive.must("POST", "/queues/writing/pause")
        made = [hive.must("POST", "/tasks", {"content": f"n{n}",
                                             "type": "writing"})["id"]
                for n in range(20)]
        hive.kill()
        hive.start()
        held = {q["type"]: q for q in hive.must("GET", "/queues")["items"]}
        self.assertEqual((held["writing"]["paused"],
                          held["writing"]["queued"]), (True, 20))
        hive.must("POST", "/queues/writing/resume")
        hive.wait(lambda: hive.must("GET", "/tasks/status")["succeeded"] == 20)
        for n, ident in enumerate(made):
            t = hive.must("GET", f"/tasks/{ident}")
            self.assertEqual((t["status"], t["result"]["text"]),
                             ("succeeded", f"n{n}"))

    def test_what_ran_when_deiad_was_killed_is_done_again(self):
        hive = Hive()
        self.addCleanup(hive.__exit__)
        hive.start()
        hive.launch("teller", "process", argv=[sys.executable, BOT])
        hive.wait_state("teller", "ready")
        ident = hive.must("POST", "/tasks", {"content": "hold it"})["id"]

        def runs(attempt):
            t = hive.must("GET", f"/tasks/{ident}")
            return t if (t["status"], t["attempt"]) == ("running",
                                                        attempt) else None

        hive.wait(lambda: runs(1))
        hive.kill()
        hive.start()
        t = hive.wait(lambda: runs(2))
        self.assertEqual([a["outcome"] for a in t["attempts"]],
                         ["excused", None])
        self.assertEqual(hive.must("DELETE", f"/tasks/{ident}")["status"],
                         "cancelled")


if __name__ == "__main__":
    unittest.main()
