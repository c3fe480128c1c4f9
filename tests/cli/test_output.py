# SPDX-License-Identifier: MIT
"""What commands print, and the exit codes, against a hive that answers as the
test says."""

import json
import os
import unittest

from clilib import CliCase, bot, page, problem

EVIL = "\x1b[2J\x9b31m\u202eevil\x07"


class Output(CliCase):
    def setUp(self):
        super().setUp()
        self.h = self.hive()
        self.env["DEIA_URL"] = self.h.url
        self.env["DEIA_TOKEN"] = "deia_test"
        self.h.on("GET", "/api/v1/bots", page(
            bot(), bot("BOT-002", adapter="ollama", model="llama3.2",
                       state="failed", pid=None,
                       state_reason="the model llama3.2 is not there; "
                       "fetch it with `ollama pull llama3.2`")))

    def safe(self, text):
        for c in text:
            self.assertTrue(c in "\n\t" or ord(c) >= 32, repr(text))
            self.assertFalse(0x7f <= ord(c) <= 0x9f, repr(text))
            self.assertFalse(0x202a <= ord(c) <= 0x202e, repr(text))

    def test_list_is_a_table(self):
        p = self.deia("bot", "list", check=0)
        lines = p.out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[0].startswith("BOT "))
        self.assertIn("ollama pull llama3.2", lines[2])
        self.assertNotIn("\x1b", p.out)

    def test_list_fits_the_terminal(self):
        for columns in (40, 60, 100):
            out = self.terminal("bot", "list", columns=columns).finish()
            plain = __import__("re").sub("\x1b\\[[0-9]*m", "", out)
            for line in plain.replace("\r", "").splitlines():
                self.assertLessEqual(len(line), columns, line)
            self.assertIn("\u2026", out)

    def test_colours_only_on_a_terminal_and_without_no_color(self):
        self.assertIn("\x1b[31mfailed\x1b[0m",
                      self.terminal("bot", "list").finish())
        self.env["NO_COLOR"] = "1"
        self.assertNotIn("\x1b", self.terminal("bot", "list").finish())
        del self.env["NO_COLOR"]
        self.env["TERM"] = "dumb"
        self.assertNotIn("\x1b", self.terminal("bot", "list").finish())

    def test_json_is_the_servers_on_one_line(self):
        p = self.deia("bot", "list", "--json", check=0)
        self.assertEqual(len(p.out.splitlines()), 1)
        self.assertEqual(json.loads(p.out)["items"][0]["id"], "BOT-001")

    def test_quiet_list_is_ids(self):
        p = self.deia("bot", "list", "-q", check=0)
        self.assertEqual(p.out, "BOT-001\nBOT-002\n")

    def test_nothing_raw_reaches_the_terminal(self):
        self.h.on("GET", "/api/v1/bots", page(
            bot(model=EVIL, state_reason="a\nb" + EVIL)))
        self.h.on("GET", "/api/v1/bots/BOT-001",
                  (200, bot(model=EVIL, **{"key" + EVIL: EVIL})))
        self.h.on("GET", "/api/v1/bots/BOT-001/logs",
                  (200, "line" + EVIL + "\n", "text/plain"))
        self.h.on("GET", "/api/v1/bots/BOT-001/chat", page(
            {"role": "user", "author": EVIL, "content": EVIL,
             "status": EVIL, "created_at": EVIL}))
        self.h.on("POST", "/api/v1/bots/BOT-001/start",
                  problem(409, "illegal_state", "no: " + EVIL))
        for args in (["bot", "list"], ["bot", "list", "--json"],
                     ["bot", "show", "BOT-001"],
                     ["bot", "describe", "BOT-001"],
                     ["bot", "logs", "BOT-001"],
                     ["chat", "BOT-001", "--history"],
                     ["bot", "start", "BOT-001"]):
            p = self.deia(*args)
            self.safe(p.out)
            self.safe(p.err)

    def test_json_escapes_keep_the_value(self):
        self.h.on("GET", "/api/v1/bots", page(bot(model=EVIL)))
        p = self.deia("bot", "list", "--json", check=0)
        self.assertEqual(json.loads(p.out)["items"][0]["model"], EVIL)

    def test_token_goes_as_bearer(self):
        self.deia("bot", "list", check=0)
        self.assertEqual(self.h.headers[0]["Authorization"],
                         "Bearer deia_test")
        self.deia("bot", "list", "--token", "other", check=0)
        self.assertEqual(self.h.headers[1]["Authorization"], "Bearer other")

    def test_statuses_become_exit_codes(self):
        for status, code, exit_code in (
                (400, "malformed", 1), (401, "unauthenticated", 4),
                (403, "forbidden", 4), (404, "not_found", 3),
                (409, "illegal_state", 5), (409, "already_exists", 5),
                (413, "limit_exceeded", 1), (422, "invalid_field", 1),
                (429, "busy", 1), (502, "upstream_failed", 1),
                (504, "timed_out", 8)):
            self.h.on("POST", "/api/v1/bots/BOT-001/stop",
                      problem(status, code, "the server's sentence"))
            p = self.deia("bot", "stop", "BOT-001")
            self.says(p, exit_code, "deia: the server's sentence")

    def test_refusal_is_printed_with_json(self):
        self.h.on("GET", "/api/v1/bots/x", problem(404, "not_found", "none"))
        p = self.deia("bot", "show", "x", "--json", check=3)
        self.assertEqual(json.loads(p.out)["code"], "not_found")
        self.assertIn("deia: none", p.err)

    def test_verbose_shows_calls(self):
        p = self.deia("bot", "list", "-v", check=0)
        self.assertIn("GET " + self.h.url + "/api/v1/bots", p.err)

    def test_describe_shows_the_log(self):
        self.h.on("GET", "/api/v1/bots/BOT-001", (200, bot()))
        self.h.on("GET", "/api/v1/bots/BOT-001/logs",
                  (200, "one\ntwo\n", "text/plain"))
        p = self.deia("bot", "describe", "BOT-001", check=0)
        self.assertTrue(p.out.endswith("one\ntwo\n"), p.out)

    def test_logs_follow_the_stream(self):
        self.h.on("GET", "/api/v1/bots/BOT-001/logs",
                  [("line", {"line": "one"}), ("line", {"line": "t\x1bwo"})])
        p = self.deia("bot", "logs", "-f", "BOT-001", check=0)
        self.assertEqual(p.out, "one\nt\u241bwo\n")
        self.assertIn("follow=1", self.h.calls[0])

    def test_launch_sends_what_the_flags_say(self):
        self.h.on("POST", "/api/v1/bots", (201, bot("b1")))
        self.deia("bot", "launch", "b1", "--adapter", "ollama", "--model",
                  "m", "--system", "be brief", "--option", "temperature=0.2",
                  "--option", "stop=[\"a\"]", "--option", "name=x y",
                  "--env", "A=1", "--max-concurrent", "3", "--restart",
                  "never", "--capabilities", "math,words", "--base-url",
                  "http://h:1", check=0)
        self.assertEqual(json.loads(self.h.bodies[0]), {
            "id": "b1", "adapter": "ollama", "model": "m",
            "system_prompt": "be brief", "base_url": "http://h:1",
            "options": {"temperature": 0.2, "stop": ["a"], "name": "x y"},
            "env": {"A": "1"}, "max_concurrent": 3,
            "restart": {"policy": "never"},
            "capabilities": ["math", "words"]})
        self.assertEqual(self.h.calls[0], "POST /api/v1/bots")

    def test_launch_of_a_program(self):
        self.h.on("POST", "/api/v1/bots", (201, bot("b1")))
        self.deia("bot", "launch", "b1", "--no-start", "--", "prog", "-x",
                  "--json", check=0)
        self.assertEqual(json.loads(self.h.bodies[0]), {
            "id": "b1", "adapter": "process", "argv": ["prog", "-x",
                                                       "--json"]})
        self.assertEqual(self.h.calls[0], "POST /api/v1/bots?start=false")

    def test_launch_waits_until_ready(self):
        states = iter(["starting", "starting", "ready"])
        self.h.on("POST", "/api/v1/bots", (201, bot(state="starting")))
        self.h.on("GET", "/api/v1/bots/BOT-001",
                  lambda rq: (200, bot(state=next(states),
                                       status_text="loading the model")))
        p = self.deia("bot", "launch", "BOT-001", "--adapter", "echo",
                      "--wait", check=0)
        self.assertIn("BOT-001 is ready", p.out)
        self.assertEqual(p.err.count("loading the model"), 1)

    def test_launch_tells_why_it_failed(self):
        self.h.on("POST", "/api/v1/bots", (201, bot(state="starting")))
        self.h.on("GET", "/api/v1/bots/BOT-001",
                  (200, bot(state="failed", state_reason="no such model")))
        p = self.deia("bot", "launch", "BOT-001", "--adapter", "echo",
                      "--wait")
        self.says(p, 1, "no such model", "deia bot describe BOT-001")

    def test_waiting_ends_at_its_timeout(self):
        self.h.on("POST", "/api/v1/bots/BOT-001/start", (200, bot()))
        self.h.on("GET", "/api/v1/bots/BOT-001",
                  (200, bot(state="starting", state_reason="just begun")))
        p = self.deia("bot", "start", "BOT-001", "--wait", "--timeout", "0")
        self.says(p, 8, "still starting", "--timeout")

    def test_all_passes_over_what_makes_no_sense(self):
        self.h.on("POST", "/api/v1/bots/BOT-001/stop", (200, bot()))
        p = self.deia("bot", "stop", "--all", check=0)
        self.assertEqual(self.h.calls[1:], ["POST /api/v1/bots/BOT-001/stop"])
        self.assertIn("BOT-001 is stopping", p.out)

    def test_pages_are_put_together(self):
        def pages(rq):
            if "cursor=b2" in rq.path:
                return page(bot("b3"))
            return 200, {"items": [bot("b1"), bot("b2")],
                         "next_cursor": "b2"}
        self.h.on("GET", "/api/v1/bots", pages)
        p = self.deia("bot", "list", "-q", check=0)
        self.assertEqual(p.out, "b1\nb2\nb3\n")

    def test_health(self):
        self.h.on("GET", "/api/v1/health", (200, {
            "status": "DEGRADED", "score": 70, "checks": {
                "store": {"status": "ok"},
                "bots": {"status": "warning", "detail": "1 failed"}}}))
        p = self.deia("health", check=0)
        self.assertIn("DEGRADED  score 70 of 100", p.out)
        self.assertIn("1 failed", p.out)
        self.h.on("GET", "/api/v1/health",
                  (503, {"status": "CRITICAL", "score": 10, "checks": {}}))
        self.deia("health", check=9)

    def test_status(self):
        self.h.on("GET", "/health", (200, {"status": "HEALTHY", "score": 100,
                                           "version": "0.1.0",
                                           "uptime_seconds": 12}))
        p = self.deia("status", check=0)
        self.assertIn("HEALTHY", p.out)
        self.assertIn("1 ready, 1 failed", p.out)

    def test_token_alone_is_on_stdout(self):
        self.h.on("POST", "/api/v1/tokens",
                  (201, {"token": "deia_new", "id": "abcdefgh"}))
        p = self.deia("token", "create", "anna", "--role", "viewer", "--ttl",
                      "30d", check=0)
        self.assertEqual(p.out, "deia_new\n")
        self.assertEqual(json.loads(self.h.bodies[0]), {
            "name": "anna", "role": "viewer", "ttl_seconds": 2592000})

    def test_revoke_takes_id_or_whole_token(self):
        self.h.on("DELETE", "/api/v1/tokens/abcdefgh", (204, b""))
        self.deia("token", "revoke", "abcdefgh", check=0)
        self.deia("token", "revoke", "deia_abcdefgh_" + "x" * 49, check=0)
        self.assertEqual(self.h.calls, ["DELETE /api/v1/tokens/abcdefgh"] * 2)

    def test_login_link(self):
        self.h.on("POST", "/api/v1/auth/codes",
                  (201, {"code": "c", "url": self.h.url + "/#code=c"}))
        p = self.deia("login", "--link", check=0)
        self.assertEqual(p.out, self.h.url + "/#code=c\n")

    def test_closed_pipe_is_no_crash(self):
        self.h.on("GET", "/api/v1/bots/BOT-001/logs",
                  (200, "line\n" * 200000, "text/plain"))
        p = __import__("subprocess").run(
            ["sh", "-c", '"$0" bot logs BOT-001 | head -n 1',
             os.environ["DEIA"]], capture_output=True, env=self.env,
            cwd=self.dir, timeout=30)
        self.assertEqual(p.stdout, b"line\n")
        self.assertEqual(p.stderr, b"")

    def test_full_disk_is_told(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full")
        p = __import__("subprocess").run(
            ["sh", "-c", '"$0" bot list > /dev/full', os.environ["DEIA"]],
            capture_output=True, env=self.env, cwd=self.dir, timeout=30)
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"cannot be written", p.stderr)


class Events(CliCase):
    def setUp(self):
        super().setUp()
        self.h = self.hive()
        self.env["DEIA_URL"] = self.h.url

    @staticmethod
    def event(seq, kind="bot.state", subject="BOT-001"):
        return (kind, {"seq": seq, "at": "2026-11-22T10:00:00.000Z",
                       "type": kind, "subject": subject,
                       "data": {"n": seq}}, seq)

    @staticmethod
    def opened(newest):
        return ("open", {"last_seq": newest}, 0)

    def test_follow_resumes_where_it_broke(self):
        turns = iter([[self.event(5), self.event(6)],
                      [self.event(7), self.event(8)]])
        self.h.on("GET", "/api/v1/events", lambda rq: next(turns))
        p = self.deia("events", "-f", "--after", "4", "--count", "4",
                      "--json", check=0)
        self.assertEqual([json.loads(x)["seq"] for x in p.out.splitlines()],
                         [5, 6, 7, 8])
        self.assertEqual(self.h.calls, ["GET /api/v1/events?after=4",
                                        "GET /api/v1/events?after=6"])

    def test_without_follow_it_ends_at_the_newest(self):
        self.h.on("GET", "/api/v1/events", lambda rq: [
            self.opened(2), self.event(1), self.event(2), self.event(3),
            None])
        p = self.deia("events", check=0)
        self.assertEqual(len(p.out.splitlines()), 2)
        self.assertIn("bot.state", p.out)

    def test_without_follow_and_without_events(self):
        self.h.on("GET", "/api/v1/events", lambda rq: [
            self.opened(0), None])
        self.assertEqual(self.deia("events", check=0).out, "")

    def test_filters(self):
        self.h.on("GET", "/api/v1/events", lambda rq: [
            self.opened(4), self.event(1),
            self.event(2, "bottle.opened"), self.event(3, "bot.created", "x"),
            self.event(4, "chat.message"), None])
        p = self.deia("events", "--type", "bot", "--json", check=0)
        self.assertEqual([json.loads(x)["seq"] for x in p.out.splitlines()],
                         [1, 3])
        p = self.deia("events", "--bot", "x", "--json", check=0)
        self.assertEqual([json.loads(x)["seq"] for x in p.out.splitlines()],
                         [3])


if __name__ == "__main__":
    unittest.main()
