# SPDX-License-Identifier: MIT
"""`deia chat` against a hive that answers as the test says: one question,
pipes, a talk on a terminal, what is kept."""

import json
import os
import unittest

from clilib import CliCase, bot, page, problem

CHAT = "/api/v1/bots/BOT-001/chat"
TAKEN = ("accepted", {"id": "q-1"})


def done(text, **more):
    return ("done", {"id": "m1", "role": "assistant", "author": "BOT-001",
                     "content": text, "status": "answered", **more})


def chunk(text, channel="answer"):
    return ("chunk", {"text": text, "channel": channel})


class Chat(CliCase):
    def setUp(self):
        super().setUp()
        self.h = self.hive()
        self.env["DEIA_URL"] = self.h.url
        self.h.on("GET", CHAT, page())
        self.h.on("POST", CHAT, [chunk("Hel"), chunk("lo"), done("Hello")])
        self.h.on("POST", "/api/v1/bots/BOT-001/interrupt", (200, bot()))

    def said(self):
        return [json.loads(b) for c, b in zip(self.h.calls, self.h.bodies)
                if c == "POST " + CHAT]

    def test_one_question(self):
        p = self.deia("chat", "BOT-001", "good", "day", check=0)
        self.assertEqual(p.out, "Hello\n")
        self.assertEqual(p.err, "")
        self.assertEqual(self.said(), [{"content": "good day"}])

    def test_answer_that_ends_in_a_newline_gets_no_second(self):
        self.h.on("POST", CHAT, [chunk("Hello\n"), done("Hello\n")])
        self.assertEqual(self.deia("chat", "BOT-001", "x").out, "Hello\n")

    def test_answer_without_chunks(self):
        self.h.on("POST", CHAT, [done("all at once")])
        self.assertEqual(self.deia("chat", "BOT-001", "x").out,
                         "all at once\n")

    def test_text_from_a_pipe(self):
        self.deia("chat", "BOT-001", stdin="zwei\nZeilen ü\n".encode(),
                  check=0)
        self.assertEqual(self.said(), [{"content": "zwei\nZeilen ü"}])

    def test_dash_text_behind_dashes(self):
        self.deia("chat", "BOT-001", "--", "-1", "+", "2", check=0)
        self.assertEqual(self.said(), [{"content": "-1 + 2"}])

    def test_escape_in_an_answer_cut_anywhere(self):
        self.h.on("POST", CHAT, [chunk("a\x1b"), chunk("[31mb\r"),
                                 chunk("\nc\x9b1m\u202e"), done("...")])
        p = self.deia("chat", "BOT-001", "x", check=0)
        self.assertEqual(p.out, "a\u241b[31mb\nc\ufffd1m\ufffd\n")

    def test_thinking_is_not_in_the_answer(self):
        self.h.on("POST", CHAT, [chunk("hmm", "thinking"), chunk("42"),
                                 done("42")])
        p = self.deia("chat", "BOT-001", "x", check=0)
        self.assertEqual((p.out, p.err), ("42\n", ""))
        p = self.deia("chat", "BOT-001", "x", "-v", check=0)
        self.assertEqual(p.out, "42\n")
        self.assertIn("hmm\n", p.err)

    def test_json_is_the_whole_message(self):
        self.h.on("POST", CHAT, [TAKEN, chunk("Hel"),
                                 done("Hello")])
        p = self.deia("chat", "BOT-001", "x", "--json", check=0)
        self.assertEqual(json.loads(p.out)["content"], "Hello")
        self.h.on("POST", CHAT, problem(409, "illegal_state", "it is paused"))
        p = self.deia("chat", "BOT-001", "x", "--json", check=5)
        self.assertEqual(json.loads(p.out), {"code": "illegal_state",
                                             "detail": "it is paused"})

    def test_no_stream(self):
        self.h.on("POST", CHAT, [TAKEN, chunk("Hel"),
                                 chunk("hm", "thinking"), done("Hello")])
        p = self.deia("chat", "BOT-001", "x", "--no-stream", check=0)
        self.assertEqual((p.out, p.err), ("Hello\n", ""))

    def test_interrupt_ends_ones_own_turn_alone(self):
        self.h.on("POST", CHAT, [TAKEN, None])
        for flag in ("--no-stream", "--json"):
            t = self.terminal("chat", "BOT-001", "x", flag, "-v")
            t.read_until("taken as q-1")
            t.send("\x03")
            t.finish()
            self.assertEqual(t.code, 130)
            self.assertEqual(self.h.calls[-1],
                             "POST /api/v1/bots/BOT-001/interrupt")
            self.assertEqual(json.loads(self.h.bodies[-1]), {"id": "q-1"})

    def test_failed_turn(self):
        self.h.on("POST", CHAT, [chunk("par"), (
            "error", {"status": 502, "code": "upstream_failed",
                      "detail": "the model server went away"})])
        p = self.deia("chat", "BOT-001", "x")
        self.assertEqual(p.out, "par\n")
        self.says(p, 1, "deia: the model server went away", "kept")

    def test_partial_answer(self):
        self.h.on("POST", CHAT, [chunk("par"), done(
            "par", status="partial", error="it took too long")])
        p = self.deia("chat", "BOT-001", "x")
        self.assertEqual(p.out, "par\n")
        self.says(p, 1, "cut short: it took too long")

    def test_stream_that_ends_early(self):
        self.h.on("POST", CHAT, [chunk("par")])
        p = self.deia("chat", "BOT-001", "x")
        self.assertEqual(p.out, "par\n")
        self.says(p, 1, "before the answer was complete", "--history")
        self.assertEqual(len(self.said()), 1)

    def test_new_conversation(self):
        self.h.on("POST", "/api/v1/bots/BOT-001/conversations",
                  (201, {"id": "c-9", "title": ""}))
        self.deia("chat", "BOT-001", "x", "--new", check=0)
        self.assertEqual(self.said()[0]["conversation"], "c-9")

    def test_conversation_is_named(self):
        self.deia("chat", "BOT-001", "x", "-c", "c-3", check=0)
        self.assertEqual(self.said()[0]["conversation"], "c-3")

    def test_history_is_oldest_first(self):
        self.h.on("GET", CHAT, page(
            {"author": "BOT-001", "role": "assistant", "content": "second",
             "status": "partial", "created_at": "2026-11-22T10:00:01.000Z"},
            {"author": "admin", "role": "user", "content": "first",
             "status": "answered", "created_at": "2026-11-22T10:00:00.000Z"}))
        p = self.deia("chat", "BOT-001", "--history", "--limit", "2",
                      check=0)
        self.assertEqual(p.out, "admin  2026-11-22 10:00:00\nfirst\n\n"
                         "BOT-001  2026-11-22 10:00:01  [partial]\n"
                         "second\n\n")
        self.assertIn("limit=2", self.h.calls[0])

    def test_export_writes_exact_bytes(self):
        data = "raw \x1b[31m ü\r\n".encode()
        self.h.on("GET", CHAT + "/export", (200, data))
        file = os.path.join(self.dir, "talk.json")
        self.deia("chat", "BOT-001", "--export", file, check=0)
        with open(file, "rb") as f:
            self.assertEqual(f.read(), data)
        self.assertIn("format=json", self.h.calls[0])
        p = self.deia("chat", "BOT-001", "--export", "-", check=0)
        self.assertEqual(p.stdout, data)
        self.assertIn("format=txt", self.h.calls[1])
        self.assertNotIn("\x1b", self.terminal("chat", "BOT-001", "--export",
                                               "-").finish())

    def test_import_sends_the_file(self):
        self.h.on("POST", CHAT + "/import", (201, {"id": "c-5"}))
        file = os.path.join(self.dir, "talk.json")
        with open(file, "w", encoding="utf-8") as f:
            f.write('{"items":[]}')
        p = self.deia("chat", "BOT-001", "--import", file, check=0)
        self.assertIn("c-5", p.out)
        self.assertEqual(self.h.bodies[0], b'{"items":[]}')

    def test_clear_asks_first(self):
        self.h.on("DELETE", CHAT, (204, b""))
        p = self.deia("chat", "BOT-001", "--clear")
        self.says(p, 1, "--yes")
        self.assertEqual(self.h.calls, [])
        t = self.terminal("chat", "BOT-001", "--clear")
        t.read_until("y/N")
        t.send("n\n")
        t.finish()
        self.assertEqual((t.code, self.h.calls), (1, []))
        self.deia("chat", "BOT-001", "--clear", "--yes", check=0)
        self.assertEqual(self.h.calls, ["DELETE " + CHAT])

    # ---- talking -------------------------------------------------------

    def talk(self):
        t = self.terminal("chat", "BOT-001")
        t.read_until("Ctrl-D leaves.*> ")
        return t

    def test_talk(self):
        t = self.talk()
        t.send("hi there\n")
        t.read_until("Hello\r\n> ")
        t.send("again\n")
        t.read_until("Hello\r\n> ")
        t.leave()
        t.finish()
        self.assertEqual(t.code, 0)
        self.assertEqual([s["content"] for s in self.said()],
                         ["hi there", "again"])

    def test_talk_commands(self):
        self.h.on("POST", "/api/v1/bots/BOT-001/conversations",
                  (201, {"id": "c-9", "title": "t"}))
        self.h.on("GET", "/api/v1/bots/BOT-001/conversations", page(
            {"id": "c-9", "title": "about foxes",
             "created_at": "2026-11-22T10:00:00.000Z"}))
        t = self.talk()
        t.send("/help\n")
        t.read_until("/conversations .*leaves.*\n> ")
        t.send("/hlep\n")
        t.read_until("did you mean /help.*\n> ")
        t.send("/conversations\n")
        t.read_until("about foxes.*\n> ")
        t.send("/new about foxes\n")
        t.read_until("new conversation c-9.*\n> ")
        t.send("//slash\n")
        t.read_until("Hello\r\n> ")
        t.send("   \n/quit\n")
        t.finish()
        self.assertEqual(t.code, 0)
        self.assertEqual(self.said(), [{"content": "/slash",
                                        "conversation": "c-9"}])

    def test_ctrl_c_ends_the_answer_not_the_talk(self):
        self.h.on("POST", CHAT, [TAKEN, chunk("endless "), None])
        t = self.talk()
        t.send("go\n")
        t.read_until("endless")
        t.send("\x03")
        t.read_until("interrupted.*> ")
        self.assertEqual(self.h.calls[-1],
                         "POST /api/v1/bots/BOT-001/interrupt")
        self.assertEqual(json.loads(self.h.bodies[-1]), {"id": "q-1"})
        self.h.on("POST", CHAT, [chunk("fine"), done("fine")])
        t.send("more\n")
        t.read_until("fine\r\n> ")
        t.leave()
        t.finish()
        self.assertEqual(t.code, 0)

    def test_ctrl_c_drops_the_line_being_typed(self):
        t = self.talk()
        t.wait_raw()
        t.send("wrong wor")
        t.read_until("wor")
        t.send("\x03")
        t.read_until("> ")
        t.send("right\n")
        t.read_until("Hello\r\n> ")
        t.leave()
        t.finish()
        self.assertEqual([s["content"] for s in self.said()], ["right"])

    def test_up_arrow_brings_earlier_lines(self):
        self.h.on("GET", CHAT, page(
            {"author": "admin", "role": "user", "content": "from yesterday",
             "status": "answered", "created_at": "2026-11-22T10:00:00.000Z"}))
        t = self.talk()
        t.send("\x1b[A")
        t.read_until("from yesterday")
        t.send("\n")
        t.read_until("Hello\r\n> ")
        t.leave()
        t.finish()
        self.assertEqual([s["content"] for s in self.said()],
                         ["from yesterday"])

    def test_failure_does_not_end_the_talk(self):
        self.h.on("POST", CHAT, problem(409, "illegal_state", "it is paused"))
        self.h.on("GET", "/api/v1/bots/BOT-001", (200, bot(state="paused")))
        t = self.talk()
        t.send("hi\n")
        t.read_until("deia bot resume BOT-001.*> ")
        t.leave()
        t.finish()
        self.assertEqual(t.code, 0)

    def test_ctrl_c_of_one_question_is_130(self):
        self.h.on("POST", CHAT, [TAKEN, chunk("endless "), None])
        t = self.terminal("chat", "BOT-001", "go")
        t.read_until("endless")
        t.send("\x03")
        t.finish()
        self.assertEqual(t.code, 130)
        self.assertIn("POST /api/v1/bots/BOT-001/interrupt", self.h.calls)

    def test_unicode_is_edited_whole(self):
        self.env["LC_ALL"] = "C"
        t = self.talk()
        t.wait_raw()
        t.send("fuchs \U0001f98a ü日")
        t.send("\x7f\x7fx\n")
        t.read_until("Hello\r\n> ")
        t.leave()
        t.finish()
        self.assertEqual([s["content"] for s in self.said()],
                         ["fuchs \U0001f98a x"])


if __name__ == "__main__":
    unittest.main()
