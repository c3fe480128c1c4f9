# SPDX-License-Identifier: MIT
"""Tasks on the command line, against answers that a test writes."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

import clilib
from clilib import CliCase, page, problem

ESC = "\x1b]0;owned\x07"
TASKS = "/api/v1/tasks"


def tid(n):
    return f"01997f3c-5b1e-7c3a-9d52-{n:012x}"


def attempt(n, bot="BOT-001", outcome="failed", error=None, seconds=1.5):
    return {"number": n, "bot": bot, "started_at": "2026-11-22T10:00:00.000Z",
            "finished_at": "2026-11-22T10:00:01.500Z", "outcome": outcome,
            "error": error, "seconds": seconds}


def task(n=1, **more):
    t = {"id": tid(n), "status": "queued", "type": "general",
         "priority": "P2", "bot": None, "pinned_bot": None, "node": "main",
         "submitted_by": "admin", "series": None, "reason": None,
         "content": f"text {n}", "content_bytes": 6,
         "content_truncated": False, "result": None, "error": None,
         "retry": None, "attempt": 0, "max_attempts": 3, "attempts": [],
         "created_at": "2026-11-22T10:00:00.000Z", "started_at": None,
         "finished_at": None, "not_before": None, "deadline": None,
         "timeout_seconds": None, "every_seconds": None, "complexity": 0.25,
         "estimated_seconds": 4, "capabilities": [], "depends_on": [],
         "approval": False, "expect": None, "budget": None, "verdict": None,
         "usage": {"prompt_tokens": None, "completion_tokens": None}}
    t.update(more)
    return t


def succeeded(n=1, text="42", **more):
    return task(n, **{**{
        "status": "succeeded", "bot": "BOT-001", "attempt": 1,
        "attempts": [attempt(1, outcome="succeeded")],
        "finished_at": "2026-11-22T10:00:02.000Z",
        "result": {"text": text, "bytes": len(text), "truncated": False}},
        **more})


def failed(n=1, **more):
    return task(n, **{**{
        "status": "failed", "bot": "BOT-002", "attempt": 3,
        "reason": "3 attempts failed", "attempts": [
            attempt(1, error="no paper"), attempt(2, error="no ink"),
            attempt(3, "BOT-002", error="on fire", seconds=125)],
        "finished_at": "2026-11-22T10:00:09.000Z",
        "error": {"code": "failed", "message": "on fire"}}, **more})


def move(seq, kind, **data):
    return f"task.{kind}", {
        "seq": seq, "type": f"task.{kind}", "subject": tid(1),
        "at": "2026-11-22T10:00:00.000Z", "data": data}, seq


class Tasks(CliCase):
    def setUp(self):
        super().setUp()
        self.fake = self.hive()
        self.env.update(DEIA_URL=self.fake.url, DEIA_TOKEN="t")

    def submit(self, *args, answer=(201, task()), **kw):
        """The body that was sent."""
        self.fake.on("POST", TASKS, answer)
        self.last = self.deia("task", "submit", *args, **kw)
        self.assertEqual(self.last.code, 0, self.last.err)
        return json.loads([b for b in self.fake.bodies if b][-1])

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    # ---- submit --------------------------------------------------------

    def test_words_are_the_content_and_the_id_is_printed(self):
        self.assertEqual(self.submit("add", "2", "and 3"),
                         {"content": "add 2 and 3"})
        self.assertEqual(self.last.out, tid(1) + "\n")
        self.assertIn(f"deia task watch {tid(1)}", self.last.err)
        self.assertEqual(self.submit("x", "-q"), {"content": "x"})
        self.assertEqual(self.last.err, "")

    def test_all_that_can_be_said(self):
        schema = self.file("s.json", '{"type": "object"}')
        body = self.submit(
            "x", "--type", "writing", "-p", "P0", "--bot", "BOT-001",
            "--capability", "latin", "--capability", "greek", "--after",
            tid(7), "--after", tid(8), "--timeout", "2m", "--attempts", "5",
            "--every", "1d", "--approve-first", "--not-before",
            "2026-12-24T18:00", "--deadline", "2026-12-24T20:00:00+01:00",
            "--expect-schema", schema)
        self.assertEqual(body, {
            "content": "x", "type": "writing", "priority": "P0",
            "bot": "BOT-001", "capabilities": ["latin", "greek"],
            "depends_on": [tid(7), tid(8)], "timeout_seconds": 120,
            "max_attempts": 5, "every_seconds": 86400, "approval": True,
            "not_before": "2026-12-24T18:00:00.000Z",
            "deadline": "2026-12-24T19:00:00.000Z",
            "expect": {"json_schema": {"type": "object"}}})
        self.assertEqual(
            self.submit("x", "--budget-tokens", "500", "--budget-seconds",
                        "60", "--on-exceed", "stop")["budget"],
            {"tokens": 500, "seconds": 60, "on_exceed": "stop"})
        self.assertEqual(self.submit("x", "--budget-messages", "7")["budget"],
                         {"messages": 7})
        self.assertEqual(self.submit("x", "--budget-seconds", "9")["budget"],
                         {"seconds": 9})
        self.assertEqual(self.submit("x", "--expect", "^4$")["expect"],
                         {"regex": "^4$"})
        self.assertEqual(self.submit("x", "--complexity", "0.75"),
                         {"content": "x", "complexity": 0.75})
        self.assertEqual(self.submit("x", "--estimate", "2m"),
                         {"content": "x", "estimated_seconds": 120})

    def test_a_time_from_now(self):
        at = self.submit("x", "--not-before", "10m")["not_before"]
        told = time.mktime(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S"))
        ahead = told - time.mktime(time.gmtime())
        self.assertTrue(540 < ahead < 660, ahead)

    def test_standard_input_and_files(self):
        self.assertEqual(self.submit("-", stdin=b"from a pipe\n"),
                         {"content": "from a pipe"})
        self.assertEqual(self.submit(stdin=b"no words"),
                         {"content": "no words"})
        path = self.file("note.txt", "a note\n")
        self.assertEqual(self.submit("@" + path), {"content": "a note\n"})
        self.assertEqual(self.submit("--", "@someone"),
                         {"content": "@someone"})
        self.assertEqual(self.submit("@someone", "look"),
                         {"content": "@someone look"})

    def test_appended_files_stand_in_fences_with_their_names(self):
        one = self.file("one.c", "int x;\n")
        two = self.file("two.md", "```\ncode\n```")
        self.assertEqual(
            self.submit("review", "--file", one, "--file", two)["content"],
            f"review\n\nFile {one}:\n```\nint x;\n```"
            f"\n\nFile {two}:\n````\n```\ncode\n```\n````")

    def test_files_that_cannot_be_taken(self):
        empty, raw = self.file("empty", ""), self.file("raw", "a\0b")
        big = self.file("big", "x" * (1 << 20))
        for args, part in (
                (("@nowhere",), "nowhere cannot be read"),
                (("x", "--file", "nowhere"), "nowhere cannot be read"),
                (("@" + empty,), "is empty"),
                (("x", "--file", raw), "NUL bytes"),
                (("@" + big, "--file", big), "a task takes 1024 KiB"),
                (("x", "--expect-schema", self.file("l", "[]")),
                 "a JSON schema is an object"),
                (("x", "--expect-schema", self.file("b", "{,}")),
                 "line 1, column 2")):
            self.says(self.deia("task", "submit", *args), 1, part)
        self.assertEqual(self.fake.calls, [])

    def test_wrong_words_are_usage(self):
        for args, part in (
                (("x", "-p", "high"), "none of P0 P1 P2 P3"),
                (("x", "--not-before", "soon"), "'soon' is no time"),
                (("x", "--timeout", "long"), "is no time"),
                (("x", "--attempts", "many"), "not a whole number"),
                (("x", "--complexity", "1.5"), "no number from 0 to 1"),
                (("x", "--complexity", "nan"), "no number from 0 to 1"),
                (("x", "--expect", "a", "--expect-schema", "b"), "exclude"),
                (("x", "--on-exceed", "stop"), "needs --budget-tokens"),
                (("x", "--budget-tokens", "9", "--on-exceed", "cry"),
                 "none of pause stop notify"),
                (("x", "--key", ""), "--key"),
                ((), "standard input is empty")):
            self.says(self.deia("task", "submit", *args), 2, part)
        self.assertEqual(self.fake.calls, [])

    def test_a_key_is_sent(self):
        self.submit("x", "--key", "k1")
        self.assertEqual(self.fake.headers[-1]["Idempotency-Key"], "k1")

    def test_refusals_say_what_to_do(self):
        self.fake.on("POST", TASKS, problem(
            422, "invalid_field", "/expect/regex: no closing bracket"))
        self.says(self.deia("task", "submit", "x", "--expect", "["), 1,
                  "expect.regex: no closing bracket")
        self.fake.on("POST", TASKS, problem(404, "not_found",
                                            "there is no type \"cooking\""))
        self.says(self.deia("task", "submit", "x", "--type", "cooking"), 3,
                  "no type \"cooking\"", "deia task types")

    # ---- waiting, watching ---------------------------------------------

    def stream(self, *events):
        self.fake.on("GET", f"{TASKS}/{tid(1)}/events", list(events))

    def ends(self, t):
        """A task that runs, and ends as t."""
        self.stream(("task", task(), 1),
                    move(2, "assigned", bot="BOT-001", attempt=1),
                    move(3, "running", bot="BOT-001", attempt=1),
                    move(4, "finished", status=t["status"]),
                    ("done", t, 4))
        self.fake.on("GET", f"{TASKS}/{tid(1)}", (200, t))

    def test_wait_prints_the_result_and_progress_beside_it(self):
        self.ends(succeeded(text="forty\ntwo" + ESC))
        self.submit("x", "--wait")
        self.assertNotIn("\x1b", self.last.out)
        self.assertTrue(self.last.out.startswith("forty\ntwo"))
        for part in ("queued", "running, attempt 1 of 3 at BOT-001",
                     "succeeded"):
            self.assertIn(part, self.last.err)
        self.submit("x", "--wait", "-q")
        self.assertEqual(self.last.err, "")
        self.submit("x", "--wait", "--json")
        self.assertEqual(json.loads(self.last.out)["status"], "succeeded")

    def test_how_it_ended_is_the_exit_code(self):
        for t, code in ((failed(), 1), (failed(status="cancelled"), 1),
                        (failed(status="timed_out"), 8)):
            self.ends(t)
            self.fake.on("POST", TASKS, (201, task()))
            p = self.deia("task", "submit", "x", "--wait")
            self.says(p, code, t["status"], "3 attempts failed",
                      f"deia task show {tid(1)}")
            self.assertEqual(p.out, "")
            p = self.deia("task", "watch", tid(1))
            self.assertEqual(p.code, code)

    def test_watch_tells_each_move_once(self):
        self.ends(failed())
        p = self.deia("task", "watch", tid(1))
        lines = [re.sub(r"^\d\d:\d\d:\d\d  ", "", line)
                 for line in p.out.splitlines()]
        self.assertEqual(lines, [
            "queued", "assigned, attempt 1 of 3 at BOT-001",
            "running, attempt 1 of 3 at BOT-001",
            "failed, attempt 3 of 3 at BOT-002: 3 attempts failed"])
        p = self.deia("task", "watch", tid(1), "--json")
        self.assertEqual([json.loads(line).get("status", "")
                          for line in p.out.splitlines()],
                         ["queued", "", "", "failed", "failed"])

    def test_a_watch_does_not_go_back_to_what_was_before_it(self):
        self.ends(succeeded())
        self.stream(("task", task(status="running", bot="BOT-001",
                                  attempt=1), 1),
                    move(2, "assigned", bot="BOT-001", attempt=1),
                    move(3, "running", bot="BOT-001", attempt=1),
                    ("done", succeeded(), 4))
        p = self.deia("task", "watch", tid(1), check=0)
        self.assertEqual([line[10:] for line in p.out.splitlines()],
                         ["running, attempt 1 of 3 at BOT-001",
                          "succeeded, attempt 1 of 3 at BOT-001"])

    def test_a_watch_goes_on_after_a_lost_connection(self):
        streams = [[("task", task(), 1)],
                   problem(503, "unavailable", "it is starting"),
                   [("task", task(), 1), ("shutdown", {})],
                   [("task", task(), 1), ("done", succeeded(), 2)]]
        self.fake.on("GET", f"{TASKS}/{tid(1)}/events",
                     lambda rq: streams.pop(0))
        p = self.deia("task", "watch", tid(1), check=0)
        self.assertEqual(streams, [])
        self.assertEqual(p.out.count("queued"), 1)
        self.assertIn("the connection broke", p.err)

    def test_a_task_that_is_not_there(self):
        for command in ("watch", "show", "cancel", "retry", "approve"):
            self.says(self.deia("task", command, tid(9)), 3,
                      "deia task list")

    def test_ctrl_c_ends_the_waiting_alone(self):
        self.stream(("task", task(), 1), None)
        self.fake.on("POST", TASKS, (201, task()))
        p = subprocess.Popen([clilib.DEIA, "task", "submit", "x", "--wait"],
                             env=self.env, cwd=self.dir, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = [p.stderr.readline(), p.stderr.readline()]
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, 130, (lines, err))
        self.assertIn(f"deia task cancel {tid(1)}", err)
        self.assertEqual(out, "")
        self.assertNotIn("DELETE", " ".join(self.fake.calls))

    # ---- list, show ----------------------------------------------------

    def test_list_is_a_table_that_filters(self):
        self.fake.on("GET", TASKS, page(
            failed(2, content="print\nthis" + ESC), succeeded(1)))
        p = self.deia("task", "list", "--status", "failed", "--type", "a b",
                      "--bot", "BOT-001", "--by", "me", "--series", tid(3),
                      check=0)
        head, first, second = p.out.splitlines()
        self.assertEqual(head.split(), ["ID", "P", "STATUS", "TYPE", "BOT",
                                        "TRIES", "AGE", "TEXT", "REASON"])
        self.assertNotIn("\x1b", p.out)
        for part in (tid(2), "failed", "BOT-002", "print this",
                     "3 attempts failed"):
            self.assertIn(part, first)
        self.assertIn("succeeded", second)
        self.assertEqual(self.fake.calls[-1],
                         f"GET {TASKS}?limit=50&status=failed&type=a%20b"
                         f"&bot=BOT-001&submitted_by=me&series={tid(3)}")
        self.assertEqual(self.deia("task", "list", "-q").out,
                         f"{tid(2)}\n{tid(1)}\n")
        self.says(self.deia("task", "list", "--status", "done"), 2,
                  "'done' is none of")

    def test_an_empty_page_that_is_not_the_last_is_passed_over(self):
        pages = [(200, {"items": [], "next_cursor": "a"}),
                 (200, {"items": [task()], "next_cursor": "b"})]
        self.fake.on("GET", TASKS, lambda rq: pages.pop(0))
        p = self.deia("task", "list", "--type", "general", check=0)
        self.assertIn(tid(1), p.out)
        self.assertIn("deia task list --type general --cursor b", p.err)
        self.fake.on("GET", TASKS, page())
        self.assertIn("deia task submit", self.deia("task", "list").err)

    def test_show_says_how_it_stands_and_why(self):
        self.fake.on("GET", f"{TASKS}/{tid(1)}", (200, failed(
            result={"text": "half a page", "bytes": 11, "truncated": False},
            verdict={"success": False, "by": "ann", "note": "no sum",
                     "at": "2026-11-22T10:00:00.000Z"},
            usage={"prompt_tokens": 10, "completion_tokens": 20},
            depends_on=[tid(5)], capabilities=["latin"],
            expect={"regex": "^4$"}, every_seconds=86400,
            budget={"tokens": 500, "seconds": 60, "messages": 7,
                    "on_exceed": "stop", "used": {
                        "tokens": 20, "seconds": 3.5, "messages": 4}})))
        p = self.deia("task", "show", tid(1), check=0)
        for part in (f"{tid(1)}  failed", "reason        3 attempts failed",
                     "bot           attempt 3 of 3 at BOT-002",
                     "  1  BOT-001  failed, 1.5 s: no paper",
                     "  3  BOT-002  failed, 2 min: on fire",
                     "verdict       bad, says ann: no sum",
                     "tokens        10 read, 20 written",
                     f"after         {tid(5)}", "needs         latin",
                     "budget        20 of 500 tokens used; then stop",
                     "budget        3.5 of 60 seconds used; then stop",
                     "budget        4 of 7 messages sent; then stop",
                     'expect        {"regex":"^4$"}', "every         24 h",
                     "content\ntext 1\n", "result\nhalf a page\n"):
            self.assertIn(part, p.out)
        p = self.deia("task", "show", tid(1), "-q")
        self.assertEqual(p.out, "half a page\n")

    def test_show_tells_no_time_that_was_not_measured(self):
        def one(number, outcome, seconds):
            return {"number": number, "bot": "B", "outcome": outcome,
                    "seconds": seconds, "error": None}

        self.fake.on("GET", f"{TASKS}/{tid(1)}", (200, task(
            status="awaiting_approval", approval=True, attempts=[
                one(1, "cancelled", 0), one(2, "succeeded", 0),
                one(3, None, 0)])))
        out = self.deia("task", "show", tid(1), check=0).out
        self.assertIn("  1  B  cancelled\n  2  B  succeeded, 0 s\n"
                      "  3  B  it goes on\n", out)
        self.assertIn("approval      a person has to approve it first", out)

    def test_show_tells_of_the_next_attempt(self):
        self.fake.on("GET", f"{TASKS}/{tid(1)}", (200, task(
            attempt=1, bot="BOT-001", reason="no paper",
            retry={"attempt": 2, "of": 3, "at": "2026-11-22T10:00:05.000Z",
                   "reason": "no paper"})))
        p = self.deia("task", "show", tid(1), check=0)
        self.assertIn("next          attempt 2 of 3, at 2026-11-22 10:00:05",
                      p.out)

    # ---- acting --------------------------------------------------------

    def test_cancel_retry_approve_by_id(self):
        one = f"{TASKS}/{tid(1)}"
        for command, method, path, said in (
                ("cancel", "DELETE", one, "cancelled"),
                ("retry", "POST", one + "/retry", "queued again"),
                ("approve", "POST", one + "/approve", "approved")):
            self.fake.on(method, path, (200, task()))
            p = self.deia("task", command, tid(1), check=0)
            self.assertEqual(p.out, f"{tid(1)} is {said}\n")
            self.assertEqual(self.fake.calls[-1], f"{method} {path}")
            self.fake.on(method, path, problem(409, "illegal_state",
                                               "it is succeeded"))
            self.says(self.deia("task", command, tid(1)), 5,
                      "it is succeeded", "deia task show")

    def test_the_others_are_acted_on_when_one_is_refused(self):
        self.fake.on("DELETE", f"{TASKS}/{tid(2)}", (200, task(2)))
        p = self.deia("task", "cancel", tid(1), tid(2))
        self.assertEqual((p.code, p.out), (3, f"{tid(2)} is cancelled\n"))

    def test_all_that_fit_page_by_page(self):
        answers = [
            (200, {"items": [{"id": tid(n), "ok": True} for n in (1, 2)],
                   "more": True}),
            (200, {"items": [{"id": tid(3), "ok": True},
                             {"id": tid(4), "ok": False, "error": {
                                 "code": "illegal_state",
                                 "detail": "it is succeeded"}}],
                   "more": False})]
        self.fake.on("POST", TASKS + "/bulk", lambda rq: answers.pop(0))
        p = self.deia("task", "cancel", "--all", "--status", "queued",
                      "--type", "writing", "--by", "me", check=0)
        self.assertEqual(json.loads(self.fake.bodies[-1]), {
            "action": "cancel", "status": "queued", "type": "writing",
            "submitted_by": "me"})
        self.assertIn(f"{tid(4)}: it is succeeded", p.err)
        self.assertIn("3 of 4 tasks are cancelled", p.err)
        self.assertEqual(answers, [])

    def test_nothing_that_moves_is_not_asked_again(self):
        self.fake.on("POST", TASKS + "/bulk", (200, {
            "items": [{"id": tid(1), "ok": False, "error": {
                "code": "other_node", "detail": "it is at node b"}}],
            "more": True}))
        p = self.deia("task", "retry", "--all", check=0)
        self.assertEqual(len(self.fake.calls), 1)
        self.assertEqual(json.loads(self.fake.bodies[-1]),
                         {"action": "retry", "all": True})
        self.assertIn("0 of 1", p.err)
        self.fake.on("POST", TASKS + "/bulk", (200, {"items": [],
                                                     "more": False}))
        self.assertIn("no such task to approve",
                      self.deia("task", "approve", "--all", check=0).err)

    def test_which_must_be_said(self):
        for command in ("cancel", "retry", "approve"):
            self.says(self.deia("task", command), 2, "which?",
                      "deia task list")
            self.says(self.deia("task", command, tid(1), "--all"), 2,
                      "not both")
        self.assertEqual(self.fake.calls, [])

    def test_verdict(self):
        path = f"{TASKS}/{tid(1)}/verdict"
        self.fake.on("POST", path, (200, succeeded()))
        p = self.deia("task", "verdict", tid(1), "bad", "--note", "no sum",
                      check=0)
        self.assertEqual(p.out, f"{tid(1)} was bad\n")
        self.assertEqual(json.loads(self.fake.bodies[-1]),
                         {"success": False, "note": "no sum"})
        self.deia("task", "verdict", tid(1), "good", check=0)
        self.assertEqual(json.loads(self.fake.bodies[-1]), {"success": True})
        self.says(self.deia("task", "verdict", tid(1), "so-so"), 2,
                  "none of good, bad")

    # ---- types, analyze ------------------------------------------------

    def test_types_pause_resume(self):
        one = {"type": "writing", "paused": True, "wip_limit": 2,
               "queued": 5, "active": 1,
               "oldest_at": "2026-11-22T10:00:00.000Z"}
        self.fake.on("GET", "/api/v1/queues", page(one, {
            **one, "type": "general", "paused": False, "wip_limit": 0}))
        p = self.deia("task", "types", check=0)
        self.assertRegex(p.out, r"writing +paused +5 +1 +2 +\d+ ")
        self.assertRegex(p.out, r"general +open +5 +1 +- +")
        for args, call, body, said in (
                (("pause", "writing"), "POST /api/v1/queues/writing/pause",
                 {}, "writing is paused, at most 2 at a time"),
                (("resume", "writing"), "POST /api/v1/queues/writing/resume",
                 {}, "writing is paused, at most 2 at a time"),
                (("resume", "writing", "--limit", "2"),
                 "PUT /api/v1/queues/writing",
                 {"paused": False, "wip_limit": 2}, "at most 2")):
            method, path = call.split()
            self.fake.on(method, path, (200, one))
            self.assertIn(said, self.deia("task", *args, check=0).out)
            self.assertEqual(self.fake.calls[-1], call)
            self.assertEqual(json.loads(self.fake.bodies[-1]), body)
        self.says(self.deia("task", "pause", "cooking"), 3,
                  "deia task types")

    def test_analyze_says_why(self):
        self.fake.on("POST", TASKS + "/analyze", (200, {
            "type": "development", "complexity": 0.4,
            "complexity_class": "medium", "estimated_seconds": 90,
            "capabilities": ["c"], "reasons": ["\"fix\" and \"bug\"",
                                               "it is short"]}))
        p = self.deia("task", "analyze", "fix", "the bug", check=0)
        self.assertEqual(json.loads(self.fake.bodies[-1]),
                         {"content": "fix the bug"})
        for part in ("type          development",
                     "complexity    medium (0.40)", "estimate      90 s",
                     "needs         c", "because       \"fix\" and \"bug\"",
                     "              it is short"):
            self.assertIn(part, p.out)
        p = self.deia("task", "analyze", "-", "-q", "--type", "writing",
                      stdin=b"text")
        self.assertEqual(p.out, "development\n")
        self.assertEqual(json.loads(self.fake.bodies[-1]),
                         {"content": "text", "type": "writing"})


class Guide(CliCase):
    def test_budgets_can_be_followed(self):
        self.assertIn("translate the manual", self.follow("budgets.md", 1))

    def test_the_guide_can_be_followed(self):
        out = self.follow("tasks.md", 30)
        self.assertIn("it is no number", out)
        self.assertIn("Ann: we ship on Friday.", out)
        self.assertIn("was good", out)
        self.assertNotIn('"code":', out)


if __name__ == "__main__":
    unittest.main()
