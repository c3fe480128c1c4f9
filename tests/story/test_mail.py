# SPDX-License-Identifier: MIT
"""Two bots on real models write to each other while deiad is killed ten times.

MATH asks WORDS to turn words around, WORDS asks MATH to add: 100 questions, so
200 messages. Each question is answered once, with the right answer, whatever
was killed when; what was handed over again is marked. Then they talk to each
other by themselves, over three more kills, and every answer is what the model
says to the line before it. Seed: DEIA_SEED, printed.
"""

import os
import random
import time
import unittest

from hive import Hive, program, wait_gone
from models import FOLDER

SEED = int(os.environ.get("DEIA_SEED", "0")) or random.randrange(1, 1 << 30)
KILLS = 10
QUESTIONS = 50  # of each
TURNS = 40
CONFIG = """
messages:
  max_hops: 1
  answers_per_minute: 100000
"""


def words(rng):
    """A question for WORDS and its answer."""
    word = "".join(rng.choice("abcdefghijklmnoprstuw")
                   for _ in range(rng.randrange(3, 6)))
    return f"upper {word}", word.upper()


def numbers(rng):
    a, b = rng.randrange(10, 50), rng.randrange(10, 50)
    return f"add {a} {b}", str(a + b)


class Mail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"seed {SEED}")
        cls.rng = random.Random(SEED)
        cls.hive = Hive(config=CONFIG)
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.start()
        tiny = program(os.environ["DEIA_BUILD"], "tiny-bot")
        for bot in ("MATH", "WORDS"):
            cls.hive.launch(bot, "process", argv=[
                tiny, os.path.join(FOLDER, bot.lower() + ".gguf")],
                history_messages=0, on_message="reply")
            cls.hive.wait_state(bot, "ready", "busy")

    def wait(self, holds, seconds=60):
        """holds() once it is true; asks again at each new event. What was
        before is left out: that is long here, and asking is slow."""
        limit = time.monotonic() + seconds
        with self.hive.stream("GET", "/events") as events:
            for _ in events:  # the first comes at once
                value = holds()
                if value:
                    return value
                if time.monotonic() > limit:
                    break
        raise AssertionError(f"still not so\n{self.hive.log()}")

    def kill(self):
        """kill -9 in the middle of whatever goes on, and a new start."""
        below = self.hive.kill()
        self.assertEqual(wait_gone(below, 10), [], "bots outlive deiad")
        self.hive.start()

    def ask_each_other(self):
        """{id: (to, question, answer)}"""
        asked, drafts, expected = {}, [], []
        for _ in range(QUESTIONS):
            for sender, to, make in (("MATH", "WORDS", words),
                                     ("WORDS", "MATH", numbers)):
                question, answer = make(self.rng)
                drafts.append({"from": sender, "to": to, "content": question})
                expected.append((to, question, answer))
        sent = self.hive.must("POST", "/messages", {"messages": drafts})
        for message, what in zip(sent["items"], expected):
            self.assertEqual(message["content"], what[1])
            asked[message["id"]] = what
        return asked

    def answers(self):
        return [m for m in self.hive.every("/conversations/MATH/WORDS")
                if m["reply_to"]]

    def test_1_every_question_is_answered_once(self):
        asked = self.ask_each_other()
        goals = sorted(self.rng.sample(range(2, 2 * QUESTIONS - 1), KILLS))
        for goal in goals:
            self.wait(lambda: len(self.answers()) >= goal)
            self.kill()
        self.wait(lambda: len(self.answers()) >= len(asked))
        mail = list(self.hive.every("/conversations/MATH/WORDS"))
        self.assertEqual(len(mail), 4 * QUESTIONS)
        answers = [m for m in mail if m["reply_to"]]
        self.assertEqual(sorted(m["reply_to"] for m in answers),
                         sorted(asked), "answered twice, or not")
        for m in answers:
            to, question, answer = asked[m["reply_to"]]
            self.assertEqual((m["from"], m["content"].strip()), (to, answer),
                             question)
            self.assertEqual(m["hops"], 1)
        questions = [m for m in mail if not m["reply_to"]]
        self.assertEqual({m["status"] for m in questions}, {"read"})
        again = [m for m in questions if m["attempt"] > 1]
        self.assertTrue(all(m["redelivered"] for m in again))
        print(f"{len(answers)} answers, {len(again)} questions were handed "
              f"over again")

    def test_2_what_nobody_answers_any_more_says_so(self):
        """An answer is not answered: that is how this hive is configured."""
        def failed():
            page = self.hive.must("GET", "/messages?status=failed&limit=1000")
            return page["items"] if len(page["items"]) >= 2 * QUESTIONS \
                else None
        items = self.wait(failed)
        self.assertEqual(len(items), 2 * QUESTIONS)
        for m in items:
            self.assertTrue(m["reply_to"])
            self.assertIn("loop guard", m["reason"])

    def say(self, bot, text):
        """What its model says to this."""
        if (bot, text) not in self.known:
            self.known[(bot, text)] = self.hive.say(bot, text)["content"]
        return self.known[(bot, text)]

    def test_3_they_talk_over_three_kills(self):
        self.known = {}
        talk = self.hive.must("POST", "/dialogues", {
            "a": "MATH", "b": "WORDS", "content": "add 12 30",
            "turns": TURNS})
        path = f"/dialogues/{talk['id']}"
        for goal in (5, 17, 30):
            self.wait(lambda: self.hive.must("GET", path)["turns_done"]
                           >= goal)
            self.kill()
        end = self.wait(
            lambda: (lambda d: d if d["status"] != "running" else None)(
                self.hive.must("GET", path)))
        self.assertEqual((end["status"], end["turns_done"]), ("done", TURNS),
                         end["reason"])
        lines = list(self.hive.every(path + "/messages"))
        self.assertEqual([m["hops"] for m in lines], list(range(TURNS + 1)))
        self.assertEqual(lines[1]["content"].strip(), "42")
        for before, m in zip(lines, lines[1:]):
            self.assertEqual(m["content"], self.say(m["from"],
                                                    before["content"]))
            self.assertEqual((m["reply_to"], m["status"]),
                             (before["id"], "read"))

    def test_4_they_are_accounted_for(self):
        status = self.hive.must("GET", "/messages/status")
        self.assertEqual((status["pending"], status["delivered"]), (0, 0))
        self.assertEqual(status["accepted"], 4 * QUESTIONS + TURNS + 1)
        for bot in ("MATH", "WORDS"):
            titles = [c["title"] for c in self.hive.must(
                "GET", f"/bots/{bot}/conversations")["items"]]
            other = "WORDS" if bot == "MATH" else "MATH"
            self.assertEqual(sorted(titles), ["", f"mail with {other}"])


if __name__ == "__main__":
    unittest.main()
