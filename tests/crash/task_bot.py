#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A bot that writes down what it was given, for test_task_kill.py.

    task_bot.py FOLDER

A task's content is WORD MS NAME: after so many milliseconds it is done, or has
failed when WORD is "fail" (for good) or "again". FOLDER/PORT-PID-BOT gets a
line "begin TURN NS" before a turn begins and "end TURN NS" before its end is
told; PORT is deiad's, so that it says which one's life that was.
"""

import heapq
import json
import os
import select
import sys
import time


class Bot:
    def __init__(self, folder):
        port = os.environ["DEIA_URL"].rpartition(":")[2].strip("/")
        name = f"{port}-{os.getpid()}-{os.environ['DEIA_BOT_ID']}"
        self.record = os.open(os.path.join(folder, name),
                              os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.open = {}  # turn: word
        self.due = []  # (ns, turn)

    def note(self, what, turn):
        os.write(self.record,
                 f"{what} {turn} {time.monotonic_ns()}\n".encode())

    def put(self, **line):
        os.write(1, json.dumps(line).encode() + b"\n")

    def end(self, turn, word):
        self.note("end", turn)
        if word == "work":
            self.put(type="done", id=turn, text=f"did {turn}")
        else:
            self.put(type="error", id=turn, code="told_to",
                     message="it was told to fail",
                     retryable=word == "again")

    def hear(self, line):
        """False: it is to end."""
        kind, turn = line["type"], line.get("id")
        if kind == "init":
            self.put(type="ready")
        elif kind == "ping":
            self.put(type="pong", n=line["n"])
        elif kind == "task":
            self.note("begin", turn)
            word, ms, _ = line["content"].split(" ", 2)
            self.open[turn] = word
            heapq.heappush(self.due, (time.monotonic_ns()
                                      + int(ms) * 1000000, turn))
        elif kind == "interrupt" and turn in self.open:
            del self.open[turn]
            self.end(turn, "interrupted")
        return kind != "shutdown"

    def work(self):
        """Ends what is due; returns the milliseconds until the next is."""
        now = time.monotonic_ns()
        while self.due and self.due[0][0] <= now:
            turn = heapq.heappop(self.due)[1]
            if turn in self.open:
                self.end(turn, self.open.pop(turn))
        return (self.due[0][0] - now) / 1e6 if self.due else None

    def run(self):
        poll = select.poll()
        poll.register(0, select.POLLIN)
        rest = b""
        while True:
            if not poll.poll(self.work()):
                continue
            got = os.read(0, 1 << 16)
            if not got:
                return
            *lines, rest = (rest + got).split(b"\n")
            for line in lines:
                if not self.hear(json.loads(line)):
                    return


Bot(sys.argv[1]).run()
