# SPDX-License-Identifier: MIT
"""The standing story, as far as it goes: two bots on real models, a killed
bot, a killed deiad in the middle of an answer and in the middle of a dialogue of
the two, a clean end; and everything is accounted for, mail too.

The cases are chapters: they run in their order, over one hive.
"""

import http.client
import json
import os
import signal
import threading
import time
import unittest

from hive import Hive, alive, descendants, wait_gone
from models import Gate, Models


class Story(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models().start()
        cls.addClassCleanup(cls.models.stop)
        cls.gate = Gate(cls.models.port)
        cls.addClassCleanup(cls.gate.close)
        cls.hive = Hive()
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.start()
        cls.asked = []  # acknowledged: (bot, conversation, question, answer)

    def ask(self, bot, question, answer):
        """In a conversation of its own: these models know single questions."""
        conversation = self.hive.must(
            "POST", f"/bots/{bot}/conversations", {"title": question})["id"]
        line = self.hive.must("POST", f"/bots/{bot}/chat", {
            "content": question, "conversation": conversation})
        self.assertEqual(line["content"].strip(), answer)
        self.assertEqual(line["role"], "assistant")
        self.asked.append((bot, conversation, question, answer))

    def test_1_two_bots_are_launched_and_become_ready(self):
        for bot, model in (("ANNA", "math"), ("BERT", "words")):
            made = self.hive.launch(
                bot, "ollama", model=model, base_url=self.gate.url,
                options={"temperature": 0})
            self.assertEqual(made["id"], bot)
        for bot in ("ANNA", "BERT"):
            info = self.hive.wait_state(bot, "ready")
            self.assertTrue(alive(info["pid"]))

    def test_2_they_answer_each_in_its_trade(self):
        self.ask("ANNA", "add 12 30", "42")
        self.ask("ANNA", "sub 9 4", "5")
        self.ask("BERT", "upper abc", "ABC")
        self.ask("BERT", "reverse abc", "cba")

    def test_3_a_killed_bot_comes_back(self):
        before = self.hive.must("GET", "/bots/BERT")
        os.kill(before["pid"], signal.SIGKILL)

        def is_back():
            info = self.hive.must("GET", "/bots/BERT")
            return info["state"] == "ready" and info["pid"] != before["pid"]

        began = time.monotonic()
        self.hive.wait(is_back)
        # The first restart is at once; the rest is the machine's business.
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.hive.must("GET", "/bots/BERT")["restarts"], 1)
        self.ask("BERT", "upper xyz", "XYZ")

    def test_4_deiad_is_killed_in_the_middle_of_an_answer(self):
        self.hive.launch("CARL", "ollama", model="all",
                         base_url=self.gate.url, options={"temperature": 0})
        self.hive.wait_state("CARL", "ready")
        self.gate.hold(12)
        seen = []
        with self.hive.stream("POST", "/bots/CARL/chat", {
                "content": "tell a story about a fox"}) as answer:
            for event, data, _ in answer:
                if event == "chunk":
                    seen.append(data["text"])
                if len(seen) >= 8:
                    break
            self.wait_until_saved("CARL")
            below = self.hive.kill()
        self.gate.release()
        type(self).said = "".join(seen)
        self.assertEqual(wait_gone(below), [], "bots outlived deiad")

    def wait_until_saved(self, bot):
        """What streamed is saved every two seconds; no event tells of it."""
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            if self.hive.lines(bot)[-1]["role"] == "assistant":
                return
            threading.Event().wait(0.05)
        self.fail("the growing answer was not saved")

    def test_5_after_the_restart_the_bots_are_back(self):
        self.hive.start()
        for bot in ("ANNA", "BERT", "CARL"):
            info = self.hive.wait_state(bot, "ready")
            self.assertTrue(alive(info["pid"]))
        bots = self.hive.must("GET", "/bots")["items"]
        self.assertEqual([b["id"] for b in bots], ["ANNA", "BERT", "CARL"])
        pids = [b["pid"] for b in bots]
        self.assertEqual(len(set(pids)), 3, "a bot runs twice")

    def test_6_every_acknowledged_line_is_there(self):
        self.assertGreaterEqual(len(self.asked), 5)
        for bot, conversation, question, answer in self.asked:
            page = self.hive.must(
                "GET", f"/bots/{bot}/chat?conversation={conversation}")
            lines = [(x["role"], x["content"].strip(), x["status"])
                     for x in page["items"]]
            self.assertEqual(lines, [("assistant", answer, "answered"),
                                     ("user", question, "answered")])

    def test_7_the_cut_answer_is_kept_and_marked(self):
        lines = self.hive.lines("CARL")
        self.assertEqual([x["role"] for x in lines], ["user", "assistant"])
        self.assertEqual(lines[0]["content"], "tell a story about a fox")
        self.assertNotEqual(lines[0]["status"], "sent", "left open")
        self.assertEqual(lines[1]["status"], "partial")
        self.assertTrue(lines[1]["content"].startswith(self.said),
                        f"{lines[1]['content']!r} lost some of {self.said!r}")

    def test_8_the_bots_work_on(self):
        self.ask("ANNA", "max 3 8", "8")
        self.ask("BERT", "repeat abc", self.expected_repeat())
        conversation = self.hive.must(
            "POST", "/bots/CARL/conversations", {})["id"]
        whole = self.hive.must("POST", "/bots/CARL/chat", {
            "content": "tell a story about a fox",
            "conversation": conversation})
        self.assertTrue(whole["content"].startswith(self.said))

    def expected_repeat(self):
        """What the model itself says: the chain must not change it."""
        conn = http.client.HTTPConnection("127.0.0.1", self.models.port)
        conn.request("POST", "/api/chat", json.dumps({
            "model": "words", "stream": False, "options": {"temperature": 0},
            "messages": [{"role": "user", "content": "repeat abc"}]}))
        answer = json.loads(conn.getresponse().read())
        conn.close()
        return answer["message"]["content"].strip()

    def test_8a_one_asks_another_by_mail(self):
        self.hive.must("PATCH", "/bots/ANNA", {"on_message": "reply"})
        sent = self.hive.must("POST", "/messages", {
            "from": "BERT", "to": "ANNA", "content": "add 12 30",
            "priority": "P1"})
        got = self.hive.must("POST", "/bots/BERT/inbox/receive",
                             {"wait_seconds": 30})["items"]
        self.assertEqual([(m["from"], m["content"].strip(), m["reply_to"])
                          for m in got], [("ANNA", "42", sent["id"])])
        self.assertEqual(self.hive.must(
            "GET", f"/messages/{sent['id']}")["status"], "read")
        self.hive.must("POST", f"/messages/{got[0]['id']}/read",
                       {"bot": "BERT",
                        "lease_token": got[0]["lease_token"]})

    def test_8b_deiad_is_killed_while_two_bots_converse(self):
        self.gate.hold(1)
        talk = self.hive.must("POST", "/dialogues", {
            "a": "ANNA", "b": "BERT", "content": "add 20 3", "turns": 3})
        self.assertTrue(self.gate.held.wait(30), "nobody asked the model")
        below = self.hive.kill()
        self.gate.release()
        self.assertEqual(wait_gone(below), [], "bots outlived deiad")
        self.hive.start()

        def ended():
            now = self.hive.must("GET", f"/dialogues/{talk['id']}")
            return now if now["status"] != "running" else None

        now = self.hive.wait(ended)
        self.assertEqual((now["status"], now["turns_done"]), ("done", 3),
                         now["reason"])
        said = self.hive.must(
            "GET", f"/dialogues/{talk['id']}/messages")["items"]
        self.assertEqual([m["from"] for m in said],
                         ["BERT", "ANNA"] * 2)
        # It was asked twice in one conversation; what this model makes of
        # that is its own business, but every turn said something.
        self.assertTrue(all(m["content"].strip() for m in said))

    def test_8c_all_mail_is_accounted_for(self):
        now = self.hive.must("GET", "/messages/status")
        self.assertEqual(now["accepted"], 6)
        self.assertEqual((now["pending"], now["delivered"], now["read"],
                          now["failed"], now["expired"]), (0, 0, 6, 0, 0))
        for bot in ("ANNA", "BERT"):
            self.assertEqual(self.hive.must("GET", f"/bots/{bot}")["unread"],
                             0)

    def test_9_a_clean_stop_leaves_nothing_behind(self):
        below = descendants(self.hive.process.pid)
        self.assertGreaterEqual(len(below), 3)
        self.assertEqual(self.hive.stop(), 0, self.hive.log())
        self.assertEqual(wait_gone(below), [])


if __name__ == "__main__":
    unittest.main()
