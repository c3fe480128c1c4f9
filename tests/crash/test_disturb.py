# SPDX-License-Identifier: MIT
"""A hive whose parts are disturbed in every way we know, under load.

Eight clients send, receive and read mail with ledgers (mailers.py) while
something happens, in random order, to what deiad stands on (disturb_postgres.py,
disturb_redis.py) or to deiad itself. After each: nothing that was acknowledged
is lost, nothing is there twice, nothing that was read is handed over again, what
is handed over again says so, and a bot's chat is what was said; /health/ready
says 503 and names the store while the database is away, and 200 soon after it
is back (measured and printed).

How many: DEIA_DISTURBANCES (10); seed: DEIA_SEED, printed; DEIA_DISTURB is
part of the names of those that are wanted.

Another part is a class like disturb_postgres.Postgres, named in PARTS: needed,
missing(), open() and close(), ways(), contents(), back_at.
"""

import os
import random
import threading
import time
import unittest

import disturb_postgres
import disturb_redis
from hive import WAIT_SECONDS, Hive
from mailers import BOTS, CLIENTS, GONE, SEED, Checks, Client, Ledger

PARTS = (disturb_postgres.Postgres, disturb_redis.Redis)
COUNT = int(os.environ.get("DEIA_DISTURBANCES", "10"))
ONLY = os.environ.get("DEIA_DISTURB", "")
STEPS = 100  # of all clients, before and after a disturbance
LOOKED_AT = 150  # messages asked for one by one after each
PAUSE = 0.02  # of a client that was refused; of asking for readiness


class NoAnswer(OSError):
    """Refused for the moment: it has happened, or not."""


class Untiring(Client):
    """Goes on until it is told to end; asks again under the same key."""

    def __init__(self, load, number, round_number):
        super().__init__(load.hive, load.ledger, number, round_number)
        self.load = load
        self.again = []  # (key, body) of its own sends without an answer

    def ask(self, path, body, key=None):
        try:
            return super().ask(path, body, key)
        except AssertionError as refused:
            status = refused.args[0][1]
            if status not in (429, 503, 507):
                raise
            self.load.told(status)
            raise NoAnswer(f"{path}: {status}") from None

    def send(self):
        if not self.again:
            return super().send()
        key, body = self.again.pop()
        try:
            answer = self.ask("/messages", body, key)
        except GONE:
            self.again.append((key, body))
            raise
        self.load.repeated += 1
        return self.ledger.add_sent(answer.get("items", [answer]))

    def trouble(self):
        """What it sent is its own matter until it ends."""
        self.keep.close()
        self.keep.port = self.hive.port
        with self.ledger.lock:
            mine = [u for u in self.ledger.unknown
                    if u[0].startswith(self.name + "-")]
            for item in mine:
                self.ledger.unknown.remove(item)
        self.again += mine
        self.load.ending.wait(PAUSE)

    def run(self):
        try:
            while not self.load.ending.is_set():
                try:
                    self.rng.choice((self.send, self.receive,
                                     self.settle))()
                    self.ledger.steps.release()
                except GONE:
                    self.trouble()
                self.count += 1
        except BaseException as error:  # told by the test
            self.error = error
        finally:
            with self.ledger.lock:
                self.ledger.unknown += self.again
            self.keep.close()


class Load:
    """The clients of one round, and what a disturbance may ask of them."""

    def __init__(self, hive, ledger, rng, number):
        self.hive, self.ledger, self.rng = hive, ledger, rng
        self.ending = threading.Event()
        self.statuses = {}
        self.change = threading.Condition()
        self.repeated = self.saw_away = 0
        ledger.steps = threading.Semaphore(0)
        self.clients = [Untiring(self, i, number) for i in range(CLIENTS)]

    def told(self, status):
        with self.change:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.change.notify_all()

    def until_told(self, *statuses):
        """Returns when a client was answered with one of these."""
        before = dict(self.statuses)

        def holds():
            return any(self.statuses.get(s, 0) > before.get(s, 0)
                       for s in statuses)
        with self.change:
            if not self.change.wait_for(holds, WAIT_SECONDS):
                raise AssertionError(f"nobody was told {statuses}")

    def until(self, wanted):
        """Asks for readiness until the answer is this one."""
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            status, answer = self.hive.call("GET", "/health/ready")
            if (status, answer["status"]) == wanted:
                return
            if time.monotonic() > limit:
                raise AssertionError(f"{status} {answer}: {wanted} wanted")
            self.ending.wait(PAUSE)

    def until_away(self):
        self.until((503, "store_away"))
        self.saw_away += 1

    def progress(self, steps=STEPS):
        for _ in range(steps):
            if not self.ledger.steps.acquire(timeout=WAIT_SECONDS):
                raise AssertionError(f"stuck: {self.statuses}, "
                                     f"{[c.error for c in self.clients]}")

    def answer(self):
        """Returns when a client was answered that was not yet."""
        while self.ledger.steps.acquire(blocking=False):
            pass
        self.progress(1)

    def end(self):
        self.ending.set()
        for client in self.clients:
            client.join(2 * WAIT_SECONDS)
            if client.is_alive() or client.error:
                raise AssertionError(f"{client.name}: {client.error!r}")


class Disturb(Checks, unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}, {COUNT} disturbances")
        self.rng, self.ledger = random.Random(SEED), Ledger()
        self.parts, env = [], {}
        for part in PARTS:
            why = part.missing()
            if why and part.needed:
                self.skipTest(why)
            if why:
                print(f"left out: {why}")
                continue
            self.parts.append(part())
            self.addCleanup(self.parts[-1].close)
            env.update(self.parts[-1].open())
        self.hive = Hive(env=env)
        self.addCleanup(self.hive.__exit__)
        self.hive.start()
        for bot in BOTS:
            self.hive.launch(bot, "external")
        self.hive.launch("ECHO-001")
        self.hive.wait_state("ECHO-001", "ready")
        self.times, self.totals, self.said = {}, {}, []

    def kill_hive(self, _load):
        self.hive.kill()
        self.hive.start()

    def ways(self):
        """Name: (part or None, function)."""
        ways = {"kill -9 of deiad": (None, self.kill_hive)}
        for part in self.parts:
            ways.update({name: (part, act)
                         for name, act in part.ways().items()})
        return ways

    def add(self, name, number):
        self.totals[name] = self.totals.get(name, 0) + number

    def disturb(self, number, name, part, act):
        load = Load(self.hive, self.ledger, self.rng, number)
        for client in load.clients:
            client.start()
        try:
            load.progress()
            if part:
                part.back_at = None
            act(load)
            load.until((200, "ready"))
            ready_at = time.monotonic()
            load.answer()
            if part and part.back_at:
                self.times.setdefault(name, []).append(
                    (ready_at - part.back_at,
                     time.monotonic() - part.back_at))
            load.progress()
        finally:
            load.ending.set()
        load.end()
        self.add("sent again", load.repeated)
        self.add("times seen away", load.saw_away)
        for status, count in load.statuses.items():
            self.add(status, count)

    def check_chat(self):
        """It is said once, and is there, whatever a cache remembers."""
        self.hive.wait_state("ECHO-001", "ready")
        self.said.append(f"line {len(self.said)}")
        self.hive.say("ECHO-001", self.said[-1])
        self.assertEqual([m["content"] for m in self.hive.lines("ECHO-001")
                          if m["role"] == "user"], self.said)

    def check_round(self):
        self.check_chat()
        fresh = sorted(self.ledger.fresh)
        self.rng.shuffle(fresh)
        self.check(fresh[:LOOKED_AT])
        for part in self.parts:
            stored = part.contents()
            if stored is None:
                continue
            self.assertEqual({t for t, n in stored.items() if n != 1}, set(),
                             "sent once, there twice")
            self.assertEqual(set(stored), set(self.ledger.sent.values()))
        self.ledger.fresh.clear()

    def test_nothing_is_lost_or_done_twice(self):
        ways = self.ways()
        order = disturb_postgres.shuffled(
            self.rng, [way for way in sorted(ways) if ONLY in way], COUNT)
        for number, name in enumerate(order):
            try:
                self.disturb(number, name, *ways[name])
                self.repeat_sends()
                self.check_round()
            except BaseException:
                print(f"in disturbance {number}: {name}\n"
                      + self.hive.log()[-3000:])
                raise
        self.check_all()
        self.assertGreater(self.ledger.answers, 10 * COUNT)
        self.report(order)

    def report(self, order):
        for name in sorted(set(order)):
            times = self.times.get(name, [])
            line = f"  {order.count(name)} x {name}"
            for what, some in zip(("ready", "first answer"), zip(*times)):
                line += f"; {what} after {min(some):.2f} to {max(some):.2f} s"
            print(line)
        print(f"{self.ledger.answers} answers, {len(self.ledger.sent)} "
              f"messages, {len(self.ledger.read)} read, "
              f"{self.ledger.repeats} handed over again, {self.totals}; "
              "none lost, none twice")


if __name__ == "__main__":
    unittest.main()
