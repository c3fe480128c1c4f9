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
import signal
import threading
import unittest

from hive import WAIT_SECONDS, Hive
from mailers import BOTS, CLIENTS, SEED, Checks, Client, Ledger

ROUNDS = int(os.environ.get("DEIA_KILL_ROUNDS", "50"))
# How a round ends; and how often a point is passed before, at most.
ENDS = (("random", 150), ("before-commit", 60), ("random", 30),
        ("after-commit-before-answer", 60), ("in-checkpoint", 1),
        ("during-load", 4))


class MailKill(Checks, unittest.TestCase):
    def end_by_itself(self, hive):
        """It came to its fault point, or is killed when it never does."""
        try:
            hive.process.wait(WAIT_SECONDS)
        finally:
            if hive.process.poll() is None:
                hive.process.kill()
        hive.process.stdout.close()
        self.assertEqual(hive.process.returncode, -signal.SIGKILL, hive.log())

    def load(self, number, passes):
        """Clients work until deiad ends; passes: 0 when a fault ends it."""
        self.ledger.steps = threading.Semaphore(0)
        clients = [Client(self.hive, self.ledger, i, number)
                   for i in range(CLIENTS)]
        for client in clients:
            client.start()
        if passes:
            for _ in range(passes):
                self.assertTrue(self.ledger.steps.acquire(
                    timeout=WAIT_SECONDS), [c.error for c in clients])
            self.hive.kill()
        else:
            self.end_by_itself(self.hive)
        for client in clients:
            client.join(WAIT_SECONDS)
            self.assertFalse(client.is_alive())
            self.assertIsNone(client.error, self.hive.log()[-2000:])

    def start_under(self, fault):
        """Starts it with a fault point; False: it ended while it started."""
        self.hive.env["DEIA_FAULT"] = fault
        try:
            self.hive.start()
            return True
        except AssertionError:
            self.end_by_itself(self.hive)
            return False
        finally:
            del self.hive.env["DEIA_FAULT"]

    def one_round(self, number):
        how, most = ENDS[number % len(ENDS)]
        self.ends[how] = self.ends.get(how, 0) + 1
        passes = self.rng.randrange(1, most + 1)
        if how == "random":
            self.hive.start()
            self.load(number, passes)
        elif self.start_under(f"{how}:{passes}"):
            self.load(number, 0)
        else:
            self.assertIn(how, ("during-load", "before-commit",
                                "after-commit-before-answer"))

    def test_killed_hive_keeps_all_mail_it_acknowledged(self):
        print(f"seed {SEED}, {ROUNDS} rounds")
        self.rng = random.Random(SEED)
        self.ledger, self.ends = Ledger(), {}
        with Hive(deiad=os.environ["DEIA_FAULTY"]) as self.hive:
            for bot in BOTS:
                self.hive.launch(bot, "external")
            self.hive.stop()
            for number in range(ROUNDS):
                self.one_round(number)
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
