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

    def test_list_says_what_holds_a_bot(self):
        self.h.on("GET", "/api/v1/bots", page(
            bot(held="the day's budget is used up")))
        self.assertIn("the day's budget is used up",
                      self.deia("bot", "list", check=0).out)

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
                  page("line" + EVIL))
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
        self.says(p, 8, "not ready after 0 s, but starting: just begun",
                  "--timeout")

    def acted(self, rq):
        self.asked = rq.json
        return 200, {"items": [
            {"id": i, "ok": i != "BOT-BAD",
             **({} if i != "BOT-BAD" else {"error": {
                 "code": "not_found", "detail": "there is no such bot"}})}
            for i in rq.json["ids"]], "next_cursor": None}

    def test_all_passes_over_what_makes_no_sense(self):
        self.h.on("POST", "/api/v1/bots/actions", self.acted)
        p = self.deia("bot", "stop", "--all", check=0)
        self.assertEqual(self.asked, {"action": "stop", "ids": ["BOT-001"]})
        self.assertIn("BOT-001 is stopping", p.out)

    def test_bots_are_chosen_by_type_and_state(self):
        self.h.on("GET", "/api/v1/bots", page(
            bot("a", type="x"), bot("b", type="x", state="busy"),
            bot("c", type="y"), bot("d", state="failed", type="x")))
        self.h.on("POST", "/api/v1/bots/actions", self.acted)
        for flags, ids in ((["--type", "x"], ["a", "b"]),
                           (["--state", "ready"], ["a", "c"]),
                           (["--state", "busy", "--type", "x"], ["b"])):
            self.deia("bot", "stop", *flags, check=0)
            self.assertEqual(self.asked["ids"], ids)
        p = self.deia("bot", "stop", "--type", "none", check=0)
        self.assertIn("none of these bots can be asked to stop now", p.err)
        self.says(self.deia("bot", "stop", "--state", "raedy"), 2,
                  "'raedy' is none of ready")
        self.says(self.deia("bot", "stop", "a", "--all"), 2, "not two of")
        self.says(self.deia("bot", "stop"), 2, "which bot?")

    def test_one_of_several_may_fail(self):
        self.h.on("POST", "/api/v1/bots/actions", self.acted)
        p = self.deia("bot", "restart", "BOT-BAD", "BOT-001")
        self.says(p, 3, "BOT-BAD: there is no such bot")
        self.assertIn("BOT-001 is restarting", p.out)
        p = self.deia("bot", "restart", "BOT-BAD", "BOT-001", "--json")
        self.assertEqual([i["ok"] for i in json.loads(p.out)["items"]],
                         [False, True])

    def test_more_than_a_thousand_go_in_portions(self):
        self.h.on("GET", "/api/v1/bots", page(
            *[bot(f"b{i}") for i in range(1500)]))
        self.h.on("POST", "/api/v1/bots/actions", self.acted)
        p = self.deia("bot", "pause", "--all", check=0)
        self.assertEqual(len(p.out.splitlines()), 1500)
        self.assertEqual(len(self.asked["ids"]), 500)

    def test_removing_what_was_chosen_wants_yes(self):
        for name in ("BOT-001", "BOT-002"):
            self.h.on("DELETE", f"/api/v1/bots/{name}", (204, b""))
        self.says(self.deia("bot", "remove", "--state", "failed"), 1,
                  "would remove 1 bot", "--yes")
        self.deia("bot", "remove", "--state", "failed", "--yes", check=0)
        self.assertEqual([c for c in self.h.calls if c.startswith("DEL")], [
            "DELETE /api/v1/bots/BOT-002?force=false&purge=false"])

    def test_list_filters_in_the_hive(self):
        self.deia("bot", "list", "--type", "a b", "--state", "ready", check=0)
        self.assertEqual(self.h.calls[-1], "GET /api/v1/bots?limit=1000"
                         "&type=a%20b&state=ready")
        self.h.on("GET", "/api/v1/bots", page())
        p = self.deia("bot", "list", "--type", "x", check=0)
        self.assertIn("there is no such bot", p.err)

    def test_log_since_a_time(self):
        lines = ["2026-11-22T10:00:00.000Z old", "  goes with it",
                 "2026-11-22T10:00:01.500Z new", "  and this",
                 "2026-11-22T10:00:02.000Z newer"]
        self.h.on("GET", "/api/v1/bots/BOT-001/logs", page(*lines))
        for since, first in (("2026-11-22T10:00:01.500Z", 2),
                             ("2026-11-22T11:00:01+01:00", 2),
                             ("2026-11-22T10:00:01.6", 4),
                             ("2026-11-22", 0), ("2026-11-22 10:00", 0),
                             ("3650d", 0)):
            p = self.deia("bot", "logs", "BOT-001", "--since", since, check=0)
            self.assertEqual(p.out.splitlines(), lines[first:], since)
        self.assertIn("tail=10000", self.h.calls[-1])
        p = self.deia("bot", "logs", "BOT-001", "--since",
                      "2026-11-22T10:00:02Z", "--json", check=0)
        self.assertEqual(json.loads(p.out)["items"], lines[4:])
        self.assertEqual(self.deia("bot", "logs", "BOT-001", "--since",
                                   "2127-01-01", check=0).out, "")
        for bad in ("soon", "2026-13-01", "10:00", "2026-11-22T10:00:00X"):
            self.says(self.deia("bot", "logs", "BOT-001", "--since", bad), 2,
                      "is no time")

    def test_log_follows_since_a_time(self):
        self.h.on("GET", "/api/v1/bots/BOT-001/logs", [
            ("line", {"line": "2026-11-22T10:00:00.000Z old"}),
            ("line", {"line": "2026-11-22T10:00:02.000Z new"})])
        p = self.deia("bot", "logs", "-f", "BOT-001", "--since",
                      "2026-11-22T10:00:01Z", check=0)
        self.assertEqual(p.out, "2026-11-22T10:00:02.000Z new\n")

    def test_describe_shows_everything(self):
        self.h.on("GET", "/api/v1/bots/BOT-001", (200, bot(
            state="failed", state_reason="it died 11 times in 600 s",
            system_prompt="Be\nbrief", newer_member={"a": 1},
            restart={"policy": "never"}, capabilities=["x", "y"],
            limits_applied=[{"name": "open_files", "value": 99,
                             "how": "rlimit"}],
            last_exit={"at": "2026-11-22T10:00:00.000Z", "pid": 3,
                       "code": None, "signal": 9, "reason": "killed",
                       "stderr": ["last words"]})))
        self.h.on("GET", "/api/v1/bots/BOT-001/logs", page("a log line"))
        p = self.deia("bot", "describe", "BOT-001", check=0)
        for part in ("it died 11 times", "newer_member.a               1",
                     "restart.policy               never", "      brief",
                     "capabilities                 x, y",
                     "open_files                   99 (rlimit)", "signal 9",
                     "last words", "a log line"):
            self.assertIn(part, p.out)
        self.assertNotIn("The states it went through", p.out)
        self.h.on("GET", "/api/v1/bots/BOT-001/history", page(
            {"seq": 2, "at": "2026-11-22T10:00:00.000Z", "from": "ready",
             "state": "failed", "reason": "killed too often", "pid": 3,
             "exit_code": None, "exit_signal": 9, "restarts": 11,
             "stderr": []}))
        p = self.deia("bot", "describe", "BOT-001", check=0)
        self.assertRegex(p.out, "failed +ready +signal 9 +killed too often")
        p = self.deia("bot", "describe", "BOT-001", "--json", check=0)
        self.assertEqual(json.loads(p.out)["history"][0]["seq"], 2)

    def test_stop_of_a_stopped_bot_is_done(self):
        self.h.on("GET", "/api/v1/bots/BOT-001", (200, bot(state="stopped")))
        p = self.deia("bot", "stop", "BOT-001", check=0)
        self.assertEqual(p.out, "BOT-001 is stopped already\n")
        p = self.deia("bot", "stop", "BOT-001", "--json", check=0)
        self.assertEqual(json.loads(p.out)["state"], "stopped")

    def test_wait_says_what_the_bot_says(self):
        self.h.on("POST", "/api/v1/bots/BOT-001/start", (200, bot()))
        self.h.on("GET", "/api/v1/bots/BOT-001", (200, bot(
            state="starting", state_reason="it is starting",
            status_text="the model server does not answer")))
        for flag in ("--wait=0", "--wait=0s"):
            p = self.deia("bot", "start", "BOT-001", flag)
            self.says(p, 8, "BOT-001 is not ready after 0 s, but starting: "
                      "the model server does not answer")
        self.says(self.deia("bot", "start", "BOT-001", "--wait=soon"), 2,
                  "--wait: 'soon' is no time")

    def test_fields_are_named_and_not_pointed_at(self):
        self.h.on("POST", "/api/v1/bots", problem(
            422, "invalid_field", "/restart/policy: must be always"))
        p = self.deia("bot", "launch", "x", "--adapter", "echo")
        self.says(p, 1, "deia: restart.policy: must be always")

    def test_wrong_token_is_told_by_status(self):
        self.h.on("GET", "/health", (200, {"status": "HEALTHY"}))
        self.h.on("GET", "/api/v1/bots", problem(
            401, "unauthenticated", "this token is not known"))
        p = self.deia("--token", "wrong", "status")
        self.says(p, 4, "this token is not known", "--token is not valid")
        self.assertIn("HEALTHY", p.out)

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
                  page(*["line"] * 100000))
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
