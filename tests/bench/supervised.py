# SPDX-License-Identifier: MIT
"""What many bots, and one bad one, cost: parts of tests/bench/run.py."""

import http.client
import os
import statistics
import sys
import threading
import time

from hive import Hive, Stream, descendants

BOTS = 1000
IDLE_SECONDS = 32  # two rounds of pings
FLOOD_MB_A_SECOND = 100
FLOOD_SECONDS = 8
CHUNKS = 50_000

# Ready, then a bounded flood on standard error for as long as it lives.
FLOOD = """
import os, sys, threading, time
print('{"type":"ready"}', flush=True)
def answer():
    for line in sys.stdin:
        if '"ping"' in line:
            print(line.strip().replace("ping", "pong"), flush=True)
    os._exit(0)
threading.Thread(target=answer, daemon=True).start()
block = (b"garbage " * 15 + b"\\n") * 8192
rate, began, sent = %d * 1e6, time.monotonic(), 0
while True:
    os.write(2, block)
    sent += len(block)
    ahead = sent / rate - (time.monotonic() - began)
    if ahead > 0:
        time.sleep(ahead)
    else:
        began, sent = time.monotonic(), 0
"""

# Answers each task with many small chunks.
CHATTER = """
import json, sys
print('{"type":"ready"}', flush=True)
for line in sys.stdin:
    task = json.loads(line)
    if task["type"] == "ping":
        print(json.dumps({"type": "pong", "n": task["n"]}), flush=True)
    if task["type"] != "task":
        continue
    chunk = json.dumps({"type": "chunk", "id": task["id"], "text": "word "})
    sys.stdout.write((chunk + "\\n") * %d)
    print(json.dumps({"type": "done", "id": task["id"]}), flush=True)
"""


def cpu_seconds(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def guards_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        return [int(word) for word in f.read().split()]


def wait_ready(hive, count):
    limit = time.monotonic() + 120
    while sum(b["state"] == "ready" for b in
              hive.must("GET", "/bots?limit=1000")["items"]) < count:
        if time.monotonic() > limit:
            raise AssertionError("bots are not ready")
        time.sleep(0.2)


def many_idle(build):
    with Hive(build) as hive:
        for i in range(BOTS):
            hive.launch(f"BOT-{i:04}")
        wait_ready(hive, BOTS)
        pid = hive.process.pid
        time.sleep(2)
        guards = guards_of(pid)
        began = time.monotonic()
        before = cpu_seconds(pid), sum(map(cpu_seconds, guards))
        time.sleep(IDLE_SECONDS)  # what is measured is doing nothing
        spent = time.monotonic() - began
        deiad = (cpu_seconds(pid) - before[0]) / spent * 100
        guard = (sum(map(cpu_seconds, guards)) - before[1]) / spent * 100
        memory = resident_mib(pid)
    print(f"{BOTS} idle bots: deiad {deiad:.2f} % and guards {guard:.2f} % of "
          f"a core (wanted: <= 2 together), deiad {memory:.1f} MiB resident")


class Caller:
    """Chats with one bot over one connection and takes the time."""

    def __init__(self, hive, bot):
        self.conn = http.client.HTTPConnection("127.0.0.1", hive.port,
                                               timeout=60)
        self.path = f"/api/v1/bots/{bot}/chat"
        self.headers = hive.headers({"Content-Type": "application/json"})

    def once(self):
        began = time.monotonic()
        self.conn.request("POST", self.path, b'{"content":"hello"}',
                          self.headers)
        reply = self.conn.getresponse()
        reply.read()
        if reply.status != 200:
            raise AssertionError(f"{self.path}: {reply.status}")
        return time.monotonic() - began

    def during(self, seconds):
        times, limit = [], time.monotonic() + seconds
        while time.monotonic() < limit:
            times.append(self.once())
            time.sleep(0.005)
        return sorted(times)


def p99_ms(times):
    return times[int(len(times) * 0.99)] * 1000


def flood(build):
    with Hive(build, config="store:\n  durability: memory\n") as hive:
        hive.launch("ECHO-001")
        hive.wait_state("ECHO-001", "ready")
        caller = Caller(hive, "ECHO-001")
        quiet = caller.during(FLOOD_SECONDS / 2)
        before = resident_mib(hive.process.pid)
        hive.must("POST", "/bots", {
            "id": "FLOOD", "adapter": "process",
            "argv": [sys.executable, "-c", FLOOD % FLOOD_MB_A_SECOND]})
        hive.wait_state("FLOOD", "ready")
        began, cpu = time.monotonic(), cpu_seconds(hive.process.pid)
        read = flooded_bytes(hive)
        loud = caller.during(FLOOD_SECONDS)
        spent = time.monotonic() - began
        cpu = (cpu_seconds(hive.process.pid) - cpu) / spent * 100
        rate = (flooded_bytes(hive) - read) / spent / 1e6
        grown = resident_mib(hive.process.pid) - before
    print(f"garbage of one bot at {rate:.0f} MB/s (wanted: "
          f"{FLOOD_MB_A_SECOND}): another's chat p99 {p99_ms(loud):.1f} ms, "
          f"{p99_ms(quiet):.1f} without (wanted: <= 20), resident "
          f"{grown:+.1f} MiB (wanted: < 10), deiad {cpu:.0f} % of a core")


def flooded_bytes(hive):
    """What the flooding bot has written so far."""
    total = 0
    for pid in descendants(hive.process.pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if b"garbage" not in f.read():
                    continue
            with open(f"/proc/{pid}/io", encoding="utf-8") as f:
                words = dict(line.split(": ") for line in f.read().split("\n")
                             if line)
            total += int(words["wchar"])
        except OSError:
            continue
    return total


def read_stream(hive, bot, counts):
    with Stream(hive, "POST", f"/api/v1/bots/{bot}/chat",
                {"content": "go"}) as stream:
        for event, data, _ in stream:
            if event == "chunk":
                counts.append(len(data["text"]))


def chunks(build):
    """CPU time of deiad for each chunk: line read, kept, sent as an event."""
    costs = []
    with Hive(build, config="store:\n  durability: memory\n") as hive:
        hive.must("POST", "/bots", {
            "id": "TALK", "adapter": "process",
            "argv": [sys.executable, "-c", CHATTER % CHUNKS]})
        hive.wait_state("TALK", "ready")
        for _ in range(3):
            counts = []
            before = cpu_seconds(hive.process.pid)
            reader = threading.Thread(target=read_stream,
                                      args=(hive, "TALK", counts))
            reader.start()
            reader.join(120)
            spent = cpu_seconds(hive.process.pid) - before
            if sum(counts) != CHUNKS * len("word "):
                print(f"chunks: {sum(counts)} bytes of "
                      f"{CHUNKS * len('word ')} came")
                return
            costs.append(spent / CHUNKS * 1e6)
            events = len(counts)
    print(f"streamed chunks: {statistics.median(costs):.1f} us of deiad each, "
          f"{CHUNKS} came as {events} events (wanted: <= 20)")


def measures():
    return (many_idle, flood, chunks)

