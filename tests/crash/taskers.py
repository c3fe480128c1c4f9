# SPDX-License-Identifier: MIT
"""Clients that submit and move tasks, a program that does them, and what they
were acknowledged.

Each person moves only tasks of their own, so what they were told comes in an
order that is known; the hive's bots and a program of an external bot do them.
"""

import threading
import time

import clients
from clients import GONE

PEOPLE, PROGRAMS = 6, 2
ECHO, TOLD, FAR = ("ECHO-1", "ECHO-2"), ("TOLD-1", "TOLD-2", "TOLD-3"), "FAR-1"
BOTS = (*ECHO, *TOLD, FAR)
TYPES = ("general", "writing", "planning")
OPEN = ("blocked", "awaiting_approval", "queued", "assigned", "running")
FINAL = ("succeeded", "failed", "cancelled", "timed_out")
LEASE_SECONDS = 3600  # no lease ends by itself
OPEN_MAX, KNOWN_MAX = 25, 60  # of a person
LATER_MS = 30  # of work, at most
__all__ = ["BOTS", "ECHO", "FAR", "FINAL", "GONE", "Ledger", "OPEN", "PEOPLE",
           "PROGRAMS", "Person", "Program", "TOLD", "parts"]


def parts(turn):
    """Task and attempt of a turn's id."""
    task, _, attempt = turn.rpartition(".")
    return task, int(attempt)


def contents_of(body):
    return [d["content"] for d in body.get("tasks", [body])]


class Ledger:
    """What was acknowledged, by all clients; under one lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.steps = threading.Semaphore(0)  # of all clients in a round
        self.sent = {}  # id: content
        self.keys = {}  # key: (ids, body)
        self.refused = set()  # contents of what was not taken
        self.unknown = []  # (key, body) of submissions without an answer
        self.maybe = set()  # contents: the same, and without a key
        self.mine = [[] for _ in range(PEOPLE)]  # ids
        self.ended = {}  # id: its final status
        self.approved = set()
        self.verdicts = {}  # id: what its verdict may be
        self.attempt = {}  # id: the last one that was seen
        self.turns = {}  # turn: the bot that was given it
        self.answered = {}  # turn: how: outcome of the attempt, result
        self.held = []  # (turn, token, content, life) at the program
        self.retried = set()  # perhaps
        self.spans = {}  # of this life: turn of the program: [begin, end]
        self.fresh = set()  # ids that something happened to in this round
        self.life = 0
        self.wrong = []
        self.answers = self.late = self.replays = 0

    def add_sent(self, answer, body, key=None):
        items = answer.get("items", [answer])
        with self.lock:
            self.answers += 1
            ids = [t["id"] for t in items]
            if key and self.keys.setdefault(key, (ids, body))[0] != ids:
                self.wrong.append(f"{key} gave {self.keys[key]}, then {ids}")
            for t in items:
                self.sent[t["id"]] = t["content"]
                self.fresh.add(t["id"])
        return ids

    def add_refused(self, body, answer):
        """A task that it is to wait for has ended without success."""
        with self.lock:
            self.answers += 1
            if "ended without success" not in answer["detail"]:
                self.wrong.append(f"{body} was refused: {answer}")
            self.refused.update(contents_of(body))

    def add_state(self, t, before=None):
        """before: what it had ended as when it was asked for."""
        with self.lock:
            self.answers += 1
            ident, status = t["id"], t["status"]
            if before and status != before:
                self.wrong.append(f"{ident} was {before}, is {status}")
            if t["attempt"] < self.attempt.get(ident, 0):
                self.wrong.append(f"{ident} has lost attempts: {t}")
            self.attempt[ident] = t["attempt"]
            self.fresh.add(ident)
        if status in FINAL:
            self.add_end(ident, status)

    def add_end(self, ident, status):
        with self.lock:
            if self.ended.setdefault(ident, status) != status:
                self.wrong.append(f"{ident} ended as {self.ended[ident]} "
                                  f"and {status}")
            self.fresh.add(ident)

    def add_turn(self, turn, bot):
        """It was handed to this bot."""
        with self.lock:
            if turn in self.turns:
                self.wrong.append(f"{turn} was handed to {self.turns[turn]} "
                                  f"and {bot}")
            self.turns[turn] = bot
            self.fresh.add(parts(turn)[0])

    def add_answered(self, turn, outcome, result):
        with self.lock:
            self.answers += 1
            self.answered[turn] = (outcome, result)
        if outcome == "succeeded":
            self.add_end(parts(turn)[0], "succeeded")


class Person(clients.Client):
    """Submits, looks, cancels, retries, approves and judges."""

    def __init__(self, hive, ledger, number, round_number):
        super().__init__(hive, ledger, number, round_number)
        self.mine = ledger.mine[number]

    def act(self):
        open_ones = [i for i in self.mine if i not in self.ledger.ended]
        if len(self.mine) > KNOWN_MAX:
            self.mine[:] = open_ones + [i for i in self.mine
                                        if i not in open_ones][-20:]
        if not self.mine:
            self.submit()
        elif len(open_ones) > OPEN_MAX and self.rng.random() < 0.7:
            self.look(self.rng.choice(open_ones))
        else:
            submit = self.look if len(open_ones) > OPEN_MAX else self.submit
            self.rng.choice((submit, submit, submit, self.look, self.look,
                             self.cancel, self.retry, self.approve,
                             self.judge))()

    # ---- submitting ------------------------------------------------------

    def draft(self, number):
        word = self.rng.choices(("work", "fail", "again"), (16, 1, 1))[0]
        d = {"content": f"{word} {self.rng.randrange(LATER_MS)} "
                        f"{self.name}-{self.count}/{number}",
             "type": self.rng.choice(TYPES), "max_attempts": 2,
             "priority": self.rng.choice(("P0", "P1", "P2", "P3"))}
        how = self.rng.random()
        if how < 0.3:
            d["bot"] = self.rng.choice(BOTS)
        elif how < 0.4:
            d["approval"] = True
        elif how < 0.5 and self.mine:
            d["depends_on"] = [self.rng.choice(self.mine)]
        return d

    def batch(self):
        """Some in a row, some beside each other, in any order."""
        drafts = [self.draft(i) for i in range(self.rng.randrange(2, 6))]
        for i, d in enumerate(drafts):
            d["ref"] = str(i)
            if i and self.rng.random() < 0.7:
                d.setdefault("depends_on", []).append(
                    str(self.rng.randrange(i)))
        self.rng.shuffle(drafts)
        return {"tasks": drafts}

    def submit(self):
        key = f"{self.name}-{self.count}" if self.rng.random() < 0.7 else None
        body = self.draft(0) if self.rng.random() < 0.7 else self.batch()
        try:
            status, answer = self.call("POST", "/tasks", body, key)
        except GONE:
            with self.ledger.lock:
                if key:
                    self.ledger.unknown.append((key, body))
                else:
                    self.ledger.maybe.update(contents_of(body))
            raise
        if status == 422:
            self.ledger.add_refused(body, answer)
            return
        assert status == 201, (status, answer)
        self.mine += self.ledger.add_sent(answer, body, key)

    # ---- looking and moving ----------------------------------------------

    def look(self, ident=None):
        ident = ident or self.rng.choice(self.mine)
        before = self.ledger.ended.get(ident)
        status, t = self.call("GET", f"/tasks/{ident}")
        assert status == 200, t
        self.ledger.add_state(t, before)

    def move(self, method, ident, path="", body=None):
        """True: it was done; False: its state does not allow it."""
        status, t = self.call(method, f"/tasks/{ident}{path}", body)
        assert status in (200, 409), (method, path, status, t)
        if status == 200:
            self.ledger.add_state(t)
        return status == 200

    def pick(self, *statuses):
        """One that ended like this (None: is open); or None."""
        known = [i for i in self.mine
                 if self.ledger.ended.get(i) in statuses]
        return self.rng.choice(known) if known else None

    def cancel(self):
        ident = self.pick(None)
        if ident and self.rng.random() < 0.5:
            self.move("DELETE", ident)

    def retry(self):
        ident = self.pick("failed", "cancelled", "timed_out")
        if ident:
            # From here on it may be anything, also without an answer.
            with self.ledger.lock:
                self.ledger.ended.pop(ident)
                self.ledger.retried.add(ident)
            assert self.move("POST", ident, "/retry"), ident

    def approve(self):
        ident = self.pick(None)
        if ident and self.move("POST", ident, "/approve"):
            with self.ledger.lock:
                self.ledger.approved.add(ident)

    def judge(self):
        ident = self.pick("succeeded")
        if not ident:
            return
        good = self.rng.random() < 0.5
        with self.ledger.lock:
            may = self.ledger.verdicts.setdefault(ident, {None})
            may.add(good)
        if self.move("POST", ident, "/verdict", {"success": good}):
            with self.ledger.lock:
                self.ledger.verdicts[ident] = {good}


class Program(clients.Client):
    """The external bot's: claims and ends turns."""

    def act(self):
        with self.ledger.lock:
            got = self.ledger.held and self.rng.random() < 0.6
            got = got and self.ledger.held.pop(
                self.rng.randrange(len(self.ledger.held)))
        if got:
            self.end(*got)
        else:
            self.claim(0)

    def claim(self, wait_seconds):
        """True: it got a turn."""
        status, got = self.call("POST", "/tasks/claim", {
            "bot": FAR, "wait_seconds": wait_seconds,
            "lease_seconds": LEASE_SECONDS})
        assert status in (200, 204), (status, got)
        if status == 204:
            return False
        t = got["task"]
        self.ledger.add_turn(t["id"], FAR)
        with self.ledger.lock:
            self.ledger.answers += 1
            self.ledger.held.append((t["id"], got["lease_token"],
                                     t["content"], self.ledger.life))
            self.ledger.spans[t["id"]] = [time.monotonic_ns(), None]
        return True

    def end(self, turn, token, content, life):
        word = content.split(" ", 1)[0]
        body = {"lease_token": token, "text": f"did {turn}"}
        if word != "work":
            body = {"lease_token": token, "message": "told to fail",
                    "retryable": word == "again"}
        with self.ledger.lock:
            if life == self.ledger.life:
                self.ledger.spans[turn][1] = time.monotonic_ns()
        try:
            status, answer = self.call(
                "POST", f"/tasks/{turn}/"
                + ("complete" if word == "work" else "fail"), body)
        except GONE:
            # Asked again in the next life: then it must be refused.
            with self.ledger.lock:
                self.ledger.held.append((turn, token, content, life))
            raise
        if life != self.ledger.life:
            with self.ledger.lock:
                self.ledger.late += 1
                if status not in (404, 409):
                    self.ledger.wrong.append(
                        f"{turn} of a life before: {status} {answer}")
        elif status == 200:
            outcome = "succeeded" if word == "work" else "failed"
            self.ledger.add_answered(turn, outcome, body.get("text"))
        else:
            # Only who cancelled it can have taken it from this program.
            assert status == 409, (turn, status, answer)
            self.ledger.add_answered(turn, "cancelled", None)
