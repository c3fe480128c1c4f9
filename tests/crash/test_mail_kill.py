# SPDX-License-Identifier: MIT
"""kill -9 of deiad while eight clients send, receive and read mail.

Each round deiad ends at a random moment, or at a named place in itself
(deiad-faulty, tests/crash/fault.c), and is started again. The clients' ledgers
of what was acknowledged are then compared with what it knows: nothing that was
acknowledged is lost, a send that was repeated under its key is there once,
what was read is never handed over again, and what is handed over again says
so. Rounds: DEIA_KILL_ROUNDS (50); seed: DEIA_SEED, printed.
"""

import os
import random
import unittest

from clients import Rounds
from hive import Hive
from mailers import BOTS, CLIENTS, SEED, Checks, Client, Ledger

ROUNDS = int(os.environ.get("DEIA_KILL_ROUNDS", "50"))
# How a round ends; and how often a point is passed before, at most.
ENDS = (("random", 150), ("before-commit", 60), ("random", 30),
        ("after-commit-before-answer", 60), ("in-checkpoint", 1),
        ("during-load", 4))


class MailKill(Rounds, Checks, unittest.TestCase):
    early = ("during-load", "before-commit", "after-commit-before-answer")

    def new_clients(self, number):
        return [Client(self.hive, self.ledger, i, number)
                for i in range(CLIENTS)]

    def test_killed_hive_keeps_all_mail_it_acknowledged(self):
        print(f"seed {SEED}, {ROUNDS} rounds")
        self.rng = random.Random(SEED)
        self.ledger, self.ends = Ledger(), {}
        with Hive(deiad=os.environ["DEIA_FAULTY"]) as self.hive:
            for bot in BOTS:
                self.hive.launch(bot, "external")
            self.hive.stop()
            for number in range(ROUNDS):
                self.one_round(number, ENDS)
                self.hive.start()
                self.repeat_sends()
                self.check(self.ledger.fresh)
                self.ledger.fresh.clear()
                self.hive.kill()
            self.hive.start()
            self.check_all()
        self.assertGreater(self.ledger.answers, 20 * ROUNDS)
        self.assertGreater(self.ledger.repeats, 0)
        print(f"{self.ends}: {self.ledger.answers} answers, "
              f"{len(self.ledger.sent)} messages, {len(self.ledger.read)} "
              f"read, {self.ledger.repeats} handed over again, none lost")


if __name__ == "__main__":
    unittest.main()
