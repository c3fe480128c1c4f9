# SPDX-License-Identifier: MIT
"""kill -9 of deiad while people submit and move tasks, and bots do them.

Each round deiad ends at a random moment, or at a named place in itself
(deiad-faulty, tests/crash/fault.c), and is started again. What was acknowledged
(taskers.py) and what bots were given (task_bot.py) is compared with what it
knows. No task is lost or submitted twice under one key; what ended stays as it
was; an attempt is handed over once, ever, and no task is with two bots at a
time; answers that were acknowledged are kept; what was learned is not less
than before, and not more than what was done. In the end each task has ended.

Rounds on SQLite: DEIA_KILL_ROUNDS (12), a third of it on PostgreSQL; seed:
DEIA_SEED, printed.
"""

import os
import random
import sys
import tempfile
import time
import unittest

import postgres
import task_checks
from clients import SEED, Rounds
from hive import Hive, wait_gone
from taskers import (BOTS, ECHO, FAR, OPEN, PEOPLE, PROGRAMS, TOLD, Ledger,
                     Person, Program)

ROUNDS = int(os.environ.get("DEIA_KILL_ROUNDS", "12"))
DRAIN_SECONDS = 300
TASK_BOT = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "task_bot.py")
# How a round ends; and how often a point is passed before, at most.
ENDS = (("random", 400), ("after-assignment", 60), ("before-end", 60),
        ("handed-over", 60), ("after-end", 60), ("random", 100),
        ("after-commit-before-answer", 150), ("before-assignment", 60))
SQLITE_ENDS = (*ENDS, ("before-commit", 150), ("in-checkpoint", 1))


class TaskKill(Rounds, task_checks.Checks, unittest.TestCase):
    early = ("after-assignment", "before-end", "handed-over", "after-end",
             "before-assignment", "after-commit-before-answer",
             "before-commit")

    def setUp(self):
        self.rng = random.Random(SEED)
        self.ledger, self.ends, self.learned = Ledger(), {}, {}
        folder = tempfile.TemporaryDirectory(prefix="deia-turns-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def new_clients(self, number):
        return ([Person(self.hive, self.ledger, i, number)
                 for i in range(PEOPLE)]
                + [Program(self.hive, self.ledger, PEOPLE + i, number)
                   for i in range(PROGRAMS)])

    def launch(self):
        for bot in ECHO:
            self.hive.launch(bot, max_concurrent=4)
        for bot in TOLD:
            self.hive.launch(bot, "process", max_concurrent=3, argv=[
                sys.executable, "-B", TASK_BOT, self.folder])
        self.hive.launch(FAR, "external", max_concurrent=4)
        for bot in BOTS:
            self.hive.wait_state(bot, "ready")
        self.series = self.hive.must("POST", "/tasks", {
            "content": "work 1 again", "every_seconds": 1})["id"]

    def standing(self):
        return (self.hive.must("GET", "/tasks/status"), self.open_tasks(),
                self.hive.must("GET", "/scheduler/insights"), self.ends,
                self.ledger.wrong)

    # ---- what bots were given --------------------------------------------

    def read_record(self, name):
        """Spans of a bot's process, by turn: [begin, end or None]."""
        spans = {}
        bot = name.split("-", 2)[2]
        with open(os.path.join(self.folder, name), encoding="ascii") as f:
            for line in f:
                what, turn, ns = line.split()
                if what == "begin":
                    self.ledger.add_turn(turn, bot)
                    spans[turn] = [int(ns), None]
                else:
                    spans[turn][1] = int(ns)
        return spans

    def end_life(self):
        """deiad has ended: so have its bots, and no task was with two."""
        names = os.listdir(self.folder)
        self.assertEqual(wait_gone([int(n.split("-")[1]) for n in names]),
                         [])
        # A process that ended late may have a life before as its own.
        lives = {str(self.hive.port): self.ledger.spans}
        for name in names:
            lives.setdefault(name.split("-")[0], {}).update(
                self.read_record(name))
            os.unlink(os.path.join(self.folder, name))
        for spans in lives.values():
            self.add_overlaps(spans)
        self.ledger.spans = {}
        self.ledger.life += 1

    # ---- rounds ----------------------------------------------------------

    def look_after(self, number):
        """A life without a fault, in which all is compared."""
        self.hive.start()
        self.repeat_submissions()
        self.check(self.ledger.fresh)
        self.ledger.fresh.clear()
        self.open_of_series()
        self.check_learned()
        if number % 2:
            self.learned = self.samples()
            self.hive.stop()
        else:
            self.hive.kill()
        self.end_life()

    def drain(self):
        """Whatever waits for somebody gets it, until each has ended."""
        limit = time.monotonic() + DRAIN_SECONDS
        program = Program(self.hive, self.ledger, PEOPLE, -1)
        while self.n_open():
            self.assertLess(time.monotonic(), limit, self.open_tasks())
            self.hive.must("POST", "/tasks/bulk",
                           {"action": "approve", "all": True})
            # What was held in lives before must be refused.
            while program.claim(0) or self.ledger.held:
                program.end(*self.ledger.held.pop())
            program.claim(1)
        program.keep.close()

    def n_open(self):
        counts = self.hive.must("GET", "/tasks/status")
        return sum(counts[s] for s in OPEN)

    def rounds(self, count, ways, env):
        print(f"seed {SEED}, {count} rounds")
        with Hive(deiad=os.environ["DEIA_FAULTY"], env=env) as self.hive:
            self.launch()
            self.hive.stop()
            self.end_life()
            for number in range(count):
                self.one_round(number, ways)
                self.end_life()
                self.look_after(number)
            self.hive.start()
            self.repeat_submissions()
            self.end_series()
            self.drain()
            self.check_all()
            self.learned = self.samples()
            self.hive.stop()
            self.end_life()
            self.hive.start()
            self.check_all()
            self.check_learned()
        ledger = self.ledger
        self.assertGreater(ledger.answers, 20 * count)
        self.assertGreater(len(ledger.turns), count)
        print(f"{self.ends}: {ledger.answers} answers, {len(ledger.sent)} "
              f"tasks, {len(ledger.turns)} attempts seen by bots, "
              f"{ledger.replays} submitted again, {ledger.late} late answers "
              "refused, none lost")

    def test_tasks_outlive_kills_on_sqlite(self):
        self.rounds(ROUNDS, SQLITE_ENDS, {})

    def test_tasks_outlive_kills_on_postgresql(self):
        why = postgres.missing()
        if why:
            self.skipTest(why)
        with postgres.Cluster() as pg:
            self.rounds(max(1, ROUNDS // 3), ENDS,
                        {"DEIA_DATABASE_URL": pg.create("hive")})


if __name__ == "__main__":
    unittest.main()
