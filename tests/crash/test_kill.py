# SPDX-License-Identifier: MIT
"""kill -9 of deiad under load loses no acknowledged line of chat.

Each round: clients talk to three bots, half of them over JSON, half over
streams; deiad is killed at a random moment; its bots must end; a new deiad
on the same folder must know every line that was acknowledged, once, with the
answer where the answer was acknowledged, and leave no question open.
Rounds: DEIA_KILL_ROUNDS (50); seed: DEIA_SEED, printed.
"""

import http.client
import os
import random
import threading
import unittest

from hive import Hive, Refused, wait_gone

ROUNDS = int(os.environ.get("DEIA_KILL_ROUNDS", "50"))
SEED = int(os.environ.get("DEIA_SEED", "0")) or random.randrange(1, 1 << 30)
BOTS = ("BOT-001", "BOT-002", "BOT-003")
CLIENTS = 6
GONE = (OSError, http.client.HTTPException, ValueError)


class Client(threading.Thread):
    """Talks until the hive is gone; remembers what was acknowledged."""

    def __init__(self, hive, number, round_number):
        super().__init__(daemon=True)
        self.hive, self.number = hive, number
        self.prefix = f"r{round_number} c{number} "
        self.bot = BOTS[number % len(BOTS)]
        self.asked = []  # acknowledged questions
        self.answered = []  # acknowledged answers
        self.enough = threading.Event()

    def say_json(self, text):
        answer = self.hive.say(self.bot, text)
        assert answer["content"] == text, answer
        self.asked.append(text)
        self.answered.append(text)

    def say_stream(self, text):
        with self.hive.stream("POST", f"/bots/{self.bot}/chat",
                              {"content": text}) as events:
            for event, data, _ in events:
                if event == "accepted":
                    self.asked.append(text)
                elif event == "done":
                    assert data["content"] == text, data
                    self.answered.append(text)
                    return

    def run(self):
        n = 0
        while True:
            n += 1
            try:
                say = self.say_stream if self.number % 2 else self.say_json
                say(self.prefix + str(n))
            except Refused as refused:
                if refused.status not in (409, 429, 503):
                    raise
            except GONE:
                return
            if len(self.answered) >= 3:
                self.enough.set()


class Kill(unittest.TestCase):
    def check(self, asked, answered):
        for bot in BOTS:
            lines = self.hive.lines(bot)
            users = [i["content"] for i in lines if i["role"] == "user"]
            bots = [i["content"] for i in lines if i["role"] == "assistant"]
            self.assertEqual(len(users), len(set(users)), "a line twice")
            self.assertEqual(set(asked[bot]) - set(users), set(),
                             "acknowledged questions are lost")
            self.assertEqual(set(answered[bot]) - set(bots), set(),
                             "acknowledged answers are lost")
            self.assertEqual([i for i in lines if i["status"] == "sent"], [],
                             "a question stays open for ever")
            for line in lines:
                if line["role"] == "user" and line["content"] in \
                        answered[bot]:
                    self.assertEqual(line["status"], "answered")

    def one_round(self, number, asked, answered):
        clients = [Client(self.hive, i, number) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        # At least some are under way; then at a random count more.
        for client in clients[:self.rng.randrange(1, CLIENTS + 1)]:
            self.assertTrue(client.enough.wait(60), self.hive.log()[-2000:])
        below = self.hive.kill()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive())
            asked[client.bot] += client.asked
            answered[client.bot] += client.answered
        self.assertEqual(wait_gone(below, 10), [], "bots outlive deiad")
        self.hive.start()
        for bot in BOTS:
            self.hive.wait_state(bot, "ready")

    def test_killed_hive_loses_nothing_it_acknowledged(self):
        print(f"seed {SEED}, {ROUNDS} rounds")
        self.rng = random.Random(SEED)
        asked = {bot: [] for bot in BOTS}
        answered = {bot: [] for bot in BOTS}
        with Hive() as self.hive:
            for bot in BOTS:
                self.hive.launch(bot)
                self.hive.wait_state(bot, "ready")
            for number in range(ROUNDS):
                self.one_round(number, asked, answered)
                if number % 10 == 9:
                    self.check(asked, answered)
            self.check(asked, answered)
        total = sum(map(len, answered.values()))
        self.assertGreater(total, 3 * ROUNDS)
        print(f"{total} acknowledged answers, none lost")


if __name__ == "__main__":
    unittest.main()
