# SPDX-License-Identifier: MIT
"""Mail on the command line: send, inbox, read, conversation, messages,
converse; first against answers that a test writes, for what a healthy hive
does not show at will, then against the real deiad."""

import json
import signal
import subprocess
import time
import unittest

import clilib
from clilib import CliCase, page, problem
from hive import Hive

ESC = "\x1b]0;owned\x07"


def mid(n):
    return f"01997f3c-5b1e-7c3a-9d52-{n:012x}"


def message(n, **more):
    m = {"id": mid(n), "from": "BOT-002", "to": "BOT-001", "by": None,
         "content": f"text {n}", "priority": "P2", "status": "pending",
         "attempt": 0, "max_attempts": 3, "redelivered": False,
         "notify": False, "hops": 0, "ttl_seconds": 604800,
         "expires_at": "2026-11-29T10:00:00.000Z",
         "created_at": "2026-11-22T10:00:00.000Z", "delivered_at": None,
         "read_at": None, "failed_at": None, "expired_at": None,
         "lease_expires_at": None, "lease_token": None, "retry_at": None,
         "reply_to": None, "dialogue": None, "metadata": {}, "reason": None}
    m.update(more)
    return m


def dialogue(**more):
    d = {"id": mid(0xd1), "a": "BOT-001", "b": "BOT-002", "topic": "tea",
         "status": "running", "reason": None, "turns": 2, "turns_done": 0,
         "tokens": 0, "max_tokens": None, "max_seconds": None,
         "by": "admin", "created_at": "2026-11-22T10:00:00.000Z",
         "ended_at": None}
    d.update(more)
    return d


def event(seq, kind, subject, data):
    return kind, {"seq": seq, "type": kind, "subject": subject,
                  "at": "2026-11-22T10:00:00.000Z", "data": data}, seq


def queued(seq, *numbers, subject="BOT-001"):
    return event(seq, "message.queued", subject, {"items": [
        {"id": mid(n), "from": "BOT-002", "to": "BOT-001",
         "priority": "P2", "attempt": 0} for n in numbers]})


def opened(seq):
    return "open", {"last_seq": seq}, seq


class Program:
    """deia in the background; its output is read line by line."""

    def __init__(self, case, *args):
        self.p = subprocess.Popen(
            [clilib.DEIA, *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=case.env, cwd=case.dir)
        case.addCleanup(self.end)

    def line(self):
        return self.p.stdout.readline().rstrip("\n")

    def until(self, wanted):
        """Reads lines to the one that is wanted; gives those before it."""
        before = []
        while True:
            text = self.p.stdout.readline()
            if not text:
                raise AssertionError(f"no {wanted!r} in {before}: "
                                     + self.p.stderr.read())
            if wanted in text:
                return before
            before.append(text.rstrip("\n"))

    def interrupt(self):
        self.p.send_signal(signal.SIGINT)
        out, err = self.p.communicate(timeout=30)
        return self.p.returncode, out, err

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()


class Written(CliCase):
    """Answers as the test writes them."""

    def setUp(self):
        super().setUp()
        self.h = self.hive()
        for name in ("BOT-001", "system"):
            self.h.on("GET", f"/api/v1/bots/{name}/inbox/status", (200, {}))
        self.env["DEIA_URL"] = self.h.url
        self.env["DEIA_TOKEN"] = "deia_x"

    def sent(self):
        return [json.loads(b) for b in self.h.bodies if b]

    def test_all_that_send_can_say_reaches_the_hive(self):
        self.h.on("POST", "/api/v1/messages", (201, message(1)))
        p = self.deia("send", "BOT-001", "--from", "BOT-002", "-p", "P0",
                      "--ttl", "2h", "--max-attempts", "5", "--reply-to",
                      mid(9), "--metadata", '{"a": [1]}', "--key", "k-1",
                      "--notify", "two", "words", check=0)
        self.assertEqual(p.out, f"{mid(1)} to BOT-001\n")
        self.assertEqual(self.sent(), [{
            "to": "BOT-001", "content": "two words", "from": "BOT-002",
            "priority": "P0", "reply_to": mid(9), "ttl_seconds": 7200,
            "max_attempts": 5, "metadata": {"a": [1]}, "notify": True}])
        self.assertEqual(self.h.headers[0]["Idempotency-Key"], "k-1")

    def test_several_recipients_and_a_type(self):
        self.h.on("POST", "/api/v1/messages",
                  (201, {"items": [message(1), message(2, to="B")]}))
        p = self.deia("send", "-q", "BOT-001,B", "-", stdin=b"from stdin\n\n",
                      check=0)
        self.assertEqual(p.out.split(), [mid(1), mid(2)])
        self.deia("send", "--type", "coder", "--", "-dash", check=0)
        self.assertEqual(self.sent(), [
            {"to": ["BOT-001", "B"], "content": "from stdin"},
            {"to_type": "coder", "content": "-dash"}])

    def test_what_send_refuses_before_it_asks(self):
        for args, said in (
                ([], "whom to?"),
                (["BOT-001", ""], "the text is empty"),
                (["BOT-001,", "x"], "no blanks"),
                (["BOT-001", "-p", "P7", "x"], "P0 is the most urgent"),
                (["BOT-001", "-p", "P", "x"], "P0 is the most urgent"),
                (["BOT-001", "--ttl", "soon", "x"], "write it like"),
                (["BOT-001", "--metadata", "{a}", "x"], "--metadata: column"),
                (["BOT-001", "--metadata", "[1]", "x"], "JSON object"),
                (["BOT-001", "--key", "a b", "x"], "no blanks"),
                (["BOT-001", "--key", "k" * 129, "x"], "1 to 128"),
                (["BOT-001"], "standard input is empty")):
            self.says(self.deia("send", *args), 2, said)
        p = self.deia("send", "BOT-001", "-", stdin=b"\0\1")
        self.says(p, 1, "NUL")
        p = self.deia("send", "BOT-001", "-", stdin=b"x" * ((1 << 20) + 1))
        self.says(p, 1, "1024 KiB")
        self.assertEqual(self.h.calls, [])

    def test_a_full_inbox_says_when_to_try_again(self):
        def full(rq):
            rq.send_response(429)
            body = json.dumps(problem(429, "busy", "the inbox is full")[1])
            rq.send_header("Content-Type", "application/problem+json")
            rq.send_header("Content-Length", str(len(body)))
            rq.send_header("Retry-After", "7")
            rq.end_headers()
            rq.wfile.write(body.encode())
            return 0, ""
        self.h.reply = lambda rq, status, *rest: status and \
            clilib.FakeHive.reply(rq, status, *rest)
        self.h.on("POST", "/api/v1/messages", full)
        self.says(self.deia("send", "BOT-001", "x"), 1, "the inbox is full",
                  "try again in 7 s")

    def test_what_mail_holds_does_not_reach_the_terminal_raw(self):
        evil = message(1, content="a\nb" + ESC, reason=ESC,
                       status="failed", metadata={"x": ESC})
        self.h.on("GET", "/api/v1/bots/BOT-001/inbox", page(evil))
        self.h.on("GET", f"/api/v1/messages/{mid(1)}", (200, evil))
        self.h.on("GET", "/api/v1/conversations/BOT-001/BOT-002", page(evil))
        for args in (["inbox", "BOT-001"], ["messages", "show", mid(1)],
                     ["conversation", "BOT-001", "BOT-002"],
                     ["inbox", "BOT-001", "--json"]):
            out = self.deia(*args, check=0).out
            self.assertNotIn("\x1b", out)
            self.assertNotIn("\x07", out)

    def test_follow_shows_each_message_once_and_survives_a_cut(self):
        streams = [
            [opened(5), queued(6, 2), queued(6, 2)],  # then it is cut
            [opened(6), queued(7, 3, 4), event(8, "message.read", "BOT-001",
                                               {"items": []}),
             queued(9, 5, subject="other"), None],
        ]
        self.h.on("GET", "/api/v1/events", lambda rq: streams.pop(0)
                  if streams else problem(500, "internal", "too often"))
        self.h.on("GET", "/api/v1/bots/BOT-001/inbox", page(message(1)))
        for n in (2, 3):
            self.h.on("GET", f"/api/v1/messages/{mid(n)}", (200, message(n)))
        p = Program(self, "inbox", "BOT-001", "-f", "--json")
        got = [json.loads(p.line())["id"] for _ in range(3)]
        self.assertEqual(got, [mid(1), mid(2), mid(3)])
        code, out, err = p.interrupt()
        self.assertEqual((code, out), (130, ""))
        self.assertNotIn("cancelled", err)
        self.assertIn("GET /api/v1/events?after=6", self.h.calls)
        # 4 was deleted meanwhile; what is in other inboxes is not asked for.
        self.assertNotIn(f"GET /api/v1/messages/{mid(5)}", self.h.calls)

    def test_follow_looks_anew_when_events_were_lost(self):
        inbox = [page(), page(message(1), message(2))]
        self.h.on("GET", "/api/v1/events",
                  [opened(5), ("resync", {"last_seq": 9}, 9), None])
        self.h.on("GET", "/api/v1/bots/BOT-001/inbox",
                  lambda rq: inbox.pop(0))
        p = Program(self, "inbox", "BOT-001", "-f", "-q")
        self.assertEqual([p.line(), p.line()], [mid(1), mid(2)])
        self.assertEqual(p.interrupt()[0], 130)

    def test_more_hand_overs_than_attempts_are_no_fraction(self):
        self.h.on("GET", "/api/v1/conversations/BOT-001/BOT-002",
                  page(message(1, status="failed", attempt=4)))
        p = self.deia("conversation", "BOT-001", "BOT-002", check=0)
        self.assertIn("[attempt 4]", p.out)
        self.assertNotIn("of 3", p.out)

    def test_receive_waits_longer_than_one_request_may(self):
        answers = [page()[1], page()[1], {"items": [
            message(1, status="delivered", attempt=2, lease_token="ab" * 8,
                    lease_expires_at="2026-11-22T10:01:00.000Z")],
            "errors": []}]
        self.h.on("POST", "/api/v1/bots/BOT-001/inbox/receive",
                  lambda rq: (200, answers.pop(0)))
        p = self.deia("inbox", "BOT-001", "--receive", "--wait", "10m",
                      "--max", "3", "--lease", "2m", check=0)
        self.assertIn("text 1", p.out)
        self.assertIn("[attempt 2 of 3]", p.out)
        self.assertIn(f"deia read {mid(1)} --bot BOT-001", p.err)
        self.assertEqual(self.sent()[0], {"max": 3, "wait_seconds": 60,
                                          "lease_seconds": 120})
        self.assertEqual(len(self.sent()), 3)

    def test_receive_tells_that_nothing_came(self):
        self.h.on("POST", "/api/v1/bots/system/inbox/receive", page())
        self.says(self.deia("inbox", "--receive"), 0, "there is no mail",
                  "the inbox of system")
        self.says(self.deia("inbox", "--receive", "--wait", "1s", "-q"), 8)
        p = self.deia("inbox", "--receive", "--json", check=0)
        self.assertEqual(json.loads(p.out)["items"], [])

    def test_requeue_all_takes_every_page_and_one_inbox(self):
        def failed(rq):
            if "cursor=two" in rq.path:
                return page(message(3), message(4))
            return 200, {"items": [message(1), message(2, to="other")],
                         "next_cursor": "two"}
        self.h.on("GET", "/api/v1/messages", failed)
        for n in (1, 3):
            self.h.on("POST", f"/api/v1/messages/{mid(n)}/requeue",
                      (200, message(n)))
        p = self.deia("messages", "requeue", "--all", "--bot", "BOT-001",
                      check=0)
        self.assertEqual(p.out.splitlines(),
                         [f"{mid(1)} is pending again",
                          f"{mid(3)} is pending again"])
        self.assertIn("2 of 3 dead letters", p.err)
        self.assertIn("gone", p.err)

    def test_converse_shows_answers_live_and_ends_with_the_dialogue(self):
        d = dialogue()
        done = dialogue(status="done", turns_done=2, tokens=42,
                        reason="all turns were taken")
        topic = message(1, content="tea", dialogue=d["id"])
        one = message(2, **{"from": "BOT-001"}, to="BOT-002",
                      content="hot" + ESC, reply_to=mid(1))
        two = message(3, content="and green", reply_to=mid(2))
        states = [(200, d), (200, done)]
        pages = [page(topic), page(topic, one, two)]
        self.h.on("POST", "/api/v1/dialogues", (201, d))
        self.h.on("GET", f"/api/v1/dialogues/{d['id']}",
                  lambda rq: states.pop(0))
        self.h.on("GET", f"/api/v1/dialogues/{d['id']}/messages",
                  lambda rq: pages.pop(0))
        self.h.on("GET", f"/api/v1/messages/{mid(2)}", (200, one))
        self.h.on("GET", "/api/v1/events", [
            opened(1),
            event(2, "dialogue.turn", d["id"], {"message": mid(2)}),
            event(3, "dialogue.turn", mid(77), {"message": mid(8)}),
            event(4, "dialogue.ended", d["id"], {}), None])
        p = self.deia("converse", "BOT-001", "BOT-002", "--turns", "2",
                      "--max-tokens", "99", "--max-seconds", "5m", "tea",
                      check=0)
        self.assertEqual(self.sent()[0], {
            "a": "BOT-001", "b": "BOT-002", "content": "tea", "turns": 2,
            "max_tokens": 99, "max_seconds": 300})
        self.assertEqual(p.out.count("BOT-001: hot"), 1)
        self.assertIn("BOT-002: and green\n", p.out)
        self.assertNotIn("\x1b", p.out)
        self.assertIn("done after 2 of 2 turns, 42 tokens: all turns were "
                      "taken", p.err)

    def test_a_dialogue_that_fails_is_a_failure(self):
        d = dialogue(status="failed", turns_done=1,
                     reason="BOT-002 cannot answer: it is stopped")
        self.h.on("GET", f"/api/v1/dialogues/{d['id']}", (200, d))
        self.h.on("GET", f"/api/v1/dialogues/{d['id']}/messages", page())
        self.h.on("GET", "/api/v1/events", [opened(1), None])
        self.says(self.deia("converse", "--watch", d["id"]), 1,
                  "failed after 1 of 2 turns: BOT-002 cannot answer")
        p = self.deia("converse", "--watch", d["id"], "--json")
        self.assertEqual(json.loads(p.out)["status"], "failed")

    def begin(self, *args):
        """A dialogue that goes on and on, as far as its topic."""
        d = dialogue()
        self.h.on("POST", "/api/v1/dialogues", (201, d))
        self.h.on("GET", f"/api/v1/dialogues/{d['id']}", (200, d))
        self.h.on("GET", f"/api/v1/dialogues/{d['id']}/messages", page(
            message(1, content="tea"), message(2, reply_to=mid(1))))
        self.h.on("GET", "/api/v1/events", [opened(1), None])
        self.h.on("POST", f"/api/v1/dialogues/{d['id']}/stop",
                  (200, dialogue(status="stopped", turns_done=1,
                                 reason="stopped by admin")))
        p = Program(self, "converse", *args)
        p.until("text 2")
        return d, p

    def test_ctrl_c_stops_the_dialogue_it_began(self):
        d, p = self.begin("BOT-001", "BOT-002", "tea")
        code, _, err = p.interrupt()
        self.assertEqual(code, 130)
        self.assertIn("stopped after 1 of 2 turns: stopped by admin", err)
        self.assertIn(f"POST /api/v1/dialogues/{d['id']}/stop", self.h.calls)

    def test_ctrl_c_only_leaves_a_dialogue_that_is_watched(self):
        d, p = self.begin("--watch", mid(0xd1))
        code, _, err = p.interrupt()
        self.assertEqual(code, 130)
        self.assertIn(f"deia converse --stop {d['id']}", err)
        self.assertNotIn(f"POST /api/v1/dialogues/{d['id']}/stop",
                         self.h.calls)

    def test_detach_and_list(self):
        self.h.on("POST", "/api/v1/dialogues", (201, dialogue()))
        p = self.deia("converse", "A", "B", "--detach", "tea", check=0)
        self.assertEqual(p.out, mid(0xd1) + "\n")
        self.h.on("GET", "/api/v1/dialogues", page(dialogue()))
        out = self.deia("converse", "--list", check=0).out
        self.assertIn("running", out)
        self.assertIn("0/2", out)
        self.assertEqual(self.deia("converse", "--list", "-q").out,
                         mid(0xd1) + "\n")

    def test_options_that_do_not_go_together(self):
        for args in (["inbox", "--follow", "--receive"],
                     ["inbox", "--max", "3"],
                     ["inbox", "--receive", "--status", "failed"],
                     ["inbox", "--status", "fialed"],
                     ["read"],
                     ["read", "a", "b", "--lease-token", "x"],
                     ["conversation", "A"],
                     ["messages", "list"],
                     ["messages", "requeue"],
                     ["messages", "requeue", "a", "--all"],
                     ["converse", "A"],
                     ["converse", "A", "B"],
                     ["converse", "--list", "--stop", "x"],
                     ["converse", "--stop", "x", "--turns", "3"],
                     ["converse", "--watch", "x", "y"]):
            self.says(self.deia(*args), 2, "help:")
        self.assertEqual(self.h.calls, [])


class Real(CliCase):
    """The real deiad; mistakes that newcomers make, and the guide."""

    @classmethod
    def setUpClass(cls):
        cls.h = Hive()
        cls.h.start()
        cls.addClassCleanup(cls.h.__exit__)
        for name in ("BOT-001", "BOT-002"):
            cls.h.launch(name)
            cls.h.wait_state(name, "ready")

    def setUp(self):
        super().setUp()
        self.env["DEIA_URL"] = self.h.url
        self.env["DEIA_TOKEN"] = self.h.token

    def send(self, *args, **kw):
        return self.deia("send", "-q", *args, check=0, **kw).out.split()

    def empty(self, bot):
        """Reads all that is in an inbox."""
        while self.deia("inbox", bot, "-q").out:
            got = self.deia("inbox", bot, "--receive", "--max", "100", "-q",
                            check=0).out.split()
            if not got:
                break
            self.deia("read", *got, "--bot", bot, check=0)

    def one(self, mid):
        return json.loads(self.deia("messages", "show", mid, "--json",
                                    check=0).out)

    # ---- the way of a message ------------------------------------------

    def test_a_message_from_send_to_read(self):
        self.empty("BOT-001")
        mid, = self.send("BOT-001", "--from", "BOT-002", "-p", "P1", "--ttl",
                         "2h", "--metadata", '{"a": 1}', "see\nto it")
        out = self.deia("inbox", "BOT-001", check=0).out
        self.assertRegex(out, mid + r"  P1  BOT-002  pending .* see to it")
        p = self.deia("inbox", "BOT-001", "--receive", "--lease", "5m",
                      check=0)
        self.assertIn("see\nto it", p.out)
        self.assertIn(f"deia read {mid} --bot BOT-001", p.err)
        m = self.one(mid)
        self.assertEqual((m["status"], m["attempt"], m["ttl_seconds"],
                          m["metadata"]), ("delivered", 1, 7200, {"a": 1}))
        self.says(self.deia("read", mid, "--bot", "BOT-001", "--lease-token",
                            "0" * 16), 5, "lease")
        self.assertEqual(self.deia("read", mid, "--bot", "BOT-001").out,
                         f"{mid} is read\n")
        self.deia("read", mid, check=5)
        self.assertEqual(self.one(mid)["status"], "read")
        self.says(self.deia("inbox", "BOT-001"), 0, "the inbox is empty")
        out = self.deia("inbox", "BOT-001", "--status", "read", "-q").out
        self.assertIn(mid, out)
        out = self.deia("conversation", "BOT-002", "BOT-001").out
        self.assertIn("see\nto it\n", out)
        self.assertRegex(self.deia("messages", "status", check=0).out,
                         r"read +\d+ ")

    def test_mail_of_several_kinds_of_recipients(self):
        self.h.must("POST", "/bots", {"id": "typed", "adapter": "echo",
                                      "type": "coder"})
        self.assertEqual(len(self.send("BOT-001,BOT-002,system", "x")), 3)
        mid, = self.send("--type", "coder", "from a type")
        self.assertEqual(self.one(mid)["to"], "typed")
        for name in ("BOT-001", "BOT-002", "system", "typed"):
            self.empty(name)

    def test_a_key_sends_once(self):
        first = self.send("BOT-001", "--key", "order-1", "x")
        p = self.deia("send", "BOT-001", "--key", "order-1", "x", check=0)
        self.assertIn(first[0], p.out)
        self.assertIn("used before", p.err)
        p = self.deia("send", "BOT-001", "--key", "order-1", "other")
        self.assertNotEqual(p.code, 0)
        self.assertIn("Idempotency-Key", p.err)
        self.empty("BOT-001")

    def test_receive_waits_for_mail(self):
        self.empty("BOT-002")
        p = Program(self, "inbox", "BOT-002", "--receive", "--wait", "1m",
                    "--json")
        end = time.monotonic() + 60  # no event tells that somebody waits
        while self.h.must("GET", "/bots/BOT-002/inbox/status")["receivers"] < 1:
            self.assertLess(time.monotonic(), end)
        mid, = self.send("BOT-002", "at last")
        self.assertEqual(json.loads(p.line())["items"][0]["id"], mid)
        self.deia("read", mid, check=0)
        self.says(self.deia("inbox", "BOT-002", "--receive", "--wait", "1s"),
                  8, "no mail came")

    def test_follow_shows_new_mail(self):
        self.empty("BOT-001")
        old, = self.send("BOT-001", "old")
        p = Program(self, "inbox", "BOT-001", "-f", "-q")
        self.assertEqual(p.line(), old)
        for _ in range(3):
            self.send("BOT-002", "elsewhere")
            new, = self.send("BOT-001", "new")
            self.assertEqual(p.line(), new)
        self.assertEqual(p.interrupt()[:2], (130, ""))
        self.empty("BOT-001")
        self.empty("BOT-002")

    def test_dead_letters(self):
        ids = []
        for n in range(3):
            self.empty("BOT-001")
            ids += self.send("BOT-001", "--max-attempts", "1", f"no {n}")
            self.deia("inbox", "BOT-001", "--receive", check=0)
            self.h.must("POST", f"/messages/{ids[-1]}/release",
                        {"reason": "printer on fire"})
        out = self.deia("messages", "failed", check=0).out
        for mid in ids:
            self.assertIn(mid, out)
        self.assertIn("printer on fire", out)
        self.deia("messages", "requeue", ids[0], check=0)
        self.assertEqual(self.one(ids[0])["status"], "pending")
        self.says(self.deia("messages", "requeue", ids[0]), 5,
                  "`deia messages failed`")
        p = self.deia("messages", "requeue", "--all", "--bot", "BOT-001",
                      check=0)
        self.assertIn("2 of 2 dead letters are pending again", p.err)
        self.says(self.deia("messages", "failed", "--requeue"), 0,
                  "there are no dead letters")
        self.empty("BOT-001")

    # ---- mistakes ------------------------------------------------------

    def test_mistakes_say_what_to_do(self):
        for args, code, said in (
                (["send", "BOT-01", "x"], 3, "did you mean BOT-001?"),
                (["send", "BOT-001,BOT-3", "x"], 3, "BOT-3"),
                (["send", "BOT-001", "--from", "nobody", "x"], 1, "nobody"),
                (["send", "--type", "painter", "x"], 3, "painter"),
                (["send", "BOT-001", "--ttl", "91d", "x"], 1, "ttl_seconds"),
                (["send", "BOT-001", "--max-attempts", "0", "x"], 1,
                 "max_attempts"),
                (["send", "BOT-001", "--reply-to", "x", "x"], 1,
                 "deia: reply_to: must be the id of a message"),
                (["inbox", "BOT-0001"], 3, "did you mean BOT-001?"),
                (["inbox", "nobody-here", "-f"], 3, "`deia bot list`"),
                (["inbox", "nobody-here", "--receive"], 3, "deia bot list"),
                (["inbox", "BOT-001", "--receive", "--max", "0"], 1, "max"),
                (["inbox", "BOT-001", "--receive", "--lease", "2h"], 1,
                 "lease_seconds"),
                (["read", mid(1)], 3, "`deia inbox BOT`"),
                (["read", "1"], 3, "ids of messages"),
                (["messages", "show", "nonsense"], 3, "messages list"),
                (["messages", "requeue", mid(1)], 3, "messages failed"),
                (["conversation", "BOT-001", "nobody"], 3, "deia bot list"),
                (["converse", "BOT-001", "nobody", "x"], 3, "nobody"),
                (["converse", "BOT-001", "BOT-001", "x"], 1, ""),
                (["converse", "BOT-001", "BOT-002", "--turns", "5000", "x"],
                 1, "turns"),
                (["converse", "--watch", mid(1)], 3, "converse --list"),
                (["converse", "--stop", "nonsense"], 3, "converse --list")):
            with self.subTest(args=args):
                p = self.deia(*args)
                self.says(p, code, said)
                self.assertLess(p.err.count("`deia bot list`"), 2)

    def test_a_viewer_may_look_and_no_more(self):
        self.env["DEIA_TOKEN"] = self.deia(
            "token", "create", "guest", "--role", "viewer", "-q").out.strip()
        for args in (["inbox", "BOT-001"], ["messages", "status"],
                     ["messages", "failed"], ["converse", "--list"]):
            self.deia(*args, check=0)
        for args in (["send", "BOT-001", "x"], ["inbox", "--receive"],
                     ["read", mid(1)], ["messages", "requeue", mid(1)],
                     ["converse", "BOT-001", "BOT-002", "x"]):
            self.says(self.deia(*args), 4, "role is too low")

    # ---- dialogues -----------------------------------------------------

    def test_two_bots_talk(self):
        p = self.deia("converse", "BOT-001", "BOT-002", "--turns", "4",
                      "tea?", check=0)
        self.assertEqual(
            [line for line in p.out.splitlines() if line],
            ["BOT-001: tea?", "BOT-002: tea?"] * 2)
        self.assertIn("done after 4 of 4 turns", p.err)
        self.assertIn("done", self.deia("converse", "--list", check=0).out)
        d = self.deia("converse", "--list", "--limit", "1", "-q").out.strip()
        self.assertEqual(
            self.deia("converse", "--watch", d, check=0).out.count("tea?"), 5)
        self.says(self.deia("converse", "--stop", d), 5, "ended")

    def test_a_dialogue_is_stopped(self):
        d = self.deia("converse", "BOT-001", "BOT-002", "--turns", "1000",
                      "--detach", "-q", "on and on", check=0).out.strip()
        p = Program(self, "converse", "--watch", d)
        p.until("BOT-002 (the topic): on and on")
        p = self.deia("converse", "--stop", d, check=0)
        self.assertIn("stopped after", p.out)

    # ---- the guide -----------------------------------------------------

    def test_the_guide_can_be_followed(self):
        out = self.follow("messages.md", 20)
        self.assertIn("the printer is on fire", out)
        self.assertNotIn('"code":', out)


if __name__ == "__main__":
    unittest.main()
