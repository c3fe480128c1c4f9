# SPDX-License-Identifier: MIT
"""Clients that send, receive and read mail, and what they were acknowledged.

For tests that kill what keeps the mail (clients.py).
"""

import threading

import clients
from clients import GONE, SEED

CLIENTS = 8
BOTS = ("MAIL-001", "MAIL-002", "MAIL-003", "MAIL-004")
__all__ = ["BOTS", "CLIENTS", "Checks", "Client", "GONE", "Ledger", "SEED"]


class Ledger:
    """What was acknowledged, by all clients; under one lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}  # id: content
        self.attempt = {}  # id: of the last hand-over that was answered
        self.read = {}  # id: the attempt under which it was
        self.fresh = set()  # ids that something happened to in this round
        self.unknown = []  # (key, body) of sends without an answer
        self.wrong = []
        self.answers = self.repeats = 0
        self.steps = threading.Semaphore(0)  # of all clients in a round

    def add_sent(self, items):
        with self.lock:
            self.answers += 1
            for item in items:
                self.sent[item["id"]] = item["content"]
                self.fresh.add(item["id"])

    def add_handed(self, items):
        with self.lock:
            self.answers += 1
            for item in items:
                # Answers of two clients may come here in the other order.
                before = self.attempt.get(item["id"], 0)
                if item["attempt"] > self.read.get(item["id"], 1 << 30):
                    self.wrong.append(f"read, handed over again: {item}")
                if item["attempt"] == before:
                    self.wrong.append(f"handed over twice as one: {item}")
                if item["redelivered"] != (item["attempt"] > 1):
                    self.wrong.append(f"repeated without a flag: {item}")
                self.repeats += item["redelivered"]
                self.attempt[item["id"]] = max(before, item["attempt"])
                self.fresh.add(item["id"])

    def add_read(self, ids):
        with self.lock:
            self.answers += 1
            for ident in ids:
                self.read[ident] = self.attempt[ident]
                self.fresh.add(ident)


class Client(clients.Client):
    """Sends, receives, reads and gives back until the hive is gone."""

    def __init__(self, hive, ledger, number, round_number):
        super().__init__(hive, ledger, number, round_number)
        self.leased = []  # (id, token, bot)

    def send(self):
        key = f"{self.name}-{self.count}"
        drafts = [{"to": self.rng.choice(BOTS), "content": f"{key}/{i}",
                   "priority": self.rng.choice(("P0", "P1", "P2", "P3")),
                   "max_attempts": 100}
                  for i in range(self.rng.choice((1, 1, 1, 2, 5)))]
        body = drafts[0] if len(drafts) == 1 else {"messages": drafts}
        try:
            answer = self.ask("/messages", body, key)
        except GONE:
            with self.ledger.lock:
                self.ledger.unknown.append((key, body))
            raise
        self.ledger.add_sent(answer.get("items", [answer]))

    def receive(self):
        """Acknowledges what was taken before in the same request."""
        bot = self.rng.choice(BOTS)
        done = [m for m in self.leased if m[2] == bot]
        self.leased = [m for m in self.leased if m[2] != bot]
        answer = self.ask(f"/bots/{bot}/inbox/receive", {
            "max": self.rng.randrange(1, 6),
            "lease_seconds": self.rng.choice((1, 60)),
            "read": [{"id": i, "lease_token": t} for i, t, _ in done]})
        # A lease of a second may be over: then it was not read.
        failed = {e["index"] for e in answer["errors"]}
        self.ledger.add_read(m[0] for n, m in enumerate(done)
                             if n not in failed)
        self.ledger.add_handed(answer["items"])
        self.leased += [(m["id"], m["lease_token"], bot)
                        for m in answer["items"]]

    def settle(self):
        """Reads one, or gives it back at once."""
        if not self.leased:
            return self.receive()
        ident, token, bot = self.leased.pop()
        claim = {"bot": bot, "lease_token": token}
        try:
            if self.rng.random() < 0.6:
                self.ask(f"/messages/{ident}/read", claim)
                self.ledger.add_read([ident])
            else:
                self.ask(f"/messages/{ident}/release",
                         {**claim, "delay_seconds": 0})
        except AssertionError as refused:
            if refused.args[0][1] != 409:  # the lease is over
                raise
        return None

    def act(self):
        self.rng.choice((self.send, self.receive, self.settle))()


class Checks:
    """Of a test case with `hive` and `ledger`."""

    def repeat_sends(self):
        """What became of a send without an answer is asked by repeating it:
        whatever it was, now it is there, and once (see the end)."""
        for key, body in self.ledger.unknown:
            answer = self.hive.must("POST", "/messages", body,
                                    {"Idempotency-Key": key})
            self.ledger.add_sent(answer.get("items", [answer]))
        self.ledger.unknown = []

    def check(self, ids):
        """What deiad knows of these is what was acknowledged, or later."""
        for ident in ids:
            m = self.hive.must("GET", f"/messages/{ident}")
            if ident in self.ledger.sent:
                self.assertEqual(m["content"], self.ledger.sent[ident])
            if ident in self.ledger.read:
                self.assertEqual(m["status"], "read", m)
            self.assertGreaterEqual(m["attempt"],
                                    self.ledger.attempt.get(ident, 0), m)
        self.assertEqual(self.ledger.wrong, [])

    def all_messages(self):
        """Every message that is stored, by pages of each status."""
        for status in ("pending", "delivered", "read", "failed", "expired"):
            yield from self.hive.every(f"/messages?status={status}")

    def check_all(self):
        """Each once, nothing but what was sent, counters as the rows are."""
        status = self.hive.must("GET", "/messages/status")
        seen, contents, counted = set(), set(), {}
        for m in self.all_messages():
            counted[m["status"]] = counted.get(m["status"], 0) + 1
            self.assertNotIn(m["id"], seen)
            seen.add(m["id"])
        self.check(self.ledger.sent)
        for ident in seen:
            content = self.ledger.sent.get(ident)
            self.assertIsNotNone(content, "a message that nobody sent")
            self.assertNotIn(content, contents, "sent once, there twice")
            contents.add(content)
        self.assertEqual(set(self.ledger.sent), seen)
        for name, count in counted.items():
            self.assertEqual(status[name], count, name)
