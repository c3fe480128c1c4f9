# SPDX-License-Identifier: MIT
"""Tasks from their submission to their end: a part of tests/bench/run.py.

Batches go out while few enough tasks are open, so that those that are waiting
stay in memory and no bot is ever without work. What deiad's mail does in the
same round, on the same disk, is what the durable rate is compared with.
"""

import contextlib
import http.client
import json
import statistics
import time

import mail
from hive import API, Hive, descendants
from supervised import cpu_seconds

ROUNDS = 3
BOTS = 8
TURNS = 64  # of each bot at a time
BATCH = 100
OPEN = 4 * BOTS * TURNS
COUNT = {"memory": 20_000, "full": 10_000}
LOOK_SECONDS = 0.005
STORE = "store:\n  durability: {}\n"


@contextlib.contextmanager
def hive_with_echoes(build, durability):
    with Hive(build, config=STORE.format(durability)) as hive:
        names = [f"ECHO-{i}" for i in range(BOTS)]
        for name in names:
            hive.launch(name, max_concurrent=TURNS)
        for name in names:
            hive.wait_state(name, "ready")
        yield hive


class Client:
    """One kept connection; answers to submissions are not looked at."""

    def __init__(self, hive):
        self.conn = http.client.HTTPConnection("127.0.0.1", hive.port,
                                               timeout=60)
        self.headers = hive.headers({"Content-Type": "application/json"})
        self.batch = json.dumps({"tasks": [
            {"content": "x" * mail.SIZE, "type": "general"}] * BATCH})

    def ask(self, method, path, body=None):
        self.conn.request(method, API + path, body, self.headers)
        reply = self.conn.getresponse()
        data = reply.read()
        if reply.status not in (200, 201):
            raise AssertionError(f"{reply.status}: {data[:500]}")
        return data

    def ended(self):
        status = json.loads(self.ask("GET", "/tasks/status"))
        if status["failed"] or status["timed_out"]:
            raise AssertionError(status)
        return status["succeeded"]


def flood(client, count):
    """Seconds from the first submission until all have ended."""
    first = ended = client.ended()
    sent, began = 0, time.monotonic()
    while ended - first < count:
        if sent < count and sent - (ended - first) <= OPEN - BATCH:
            client.ask("POST", "/tasks", client.batch)
            sent += BATCH
        else:
            time.sleep(LOOK_SECONDS)  # a look at each moment would be load
            ended = client.ended()
    return time.monotonic() - began


def measured(hive, count):
    """A flood with its rate and the CPU time of deiad for each task."""
    client = Client(hive)
    flood(client, count // 10)
    pid = hive.process.pid
    bots = descendants(pid)
    before = cpu_seconds(pid), sum(map(cpu_seconds, bots))
    seconds = flood(client, count)
    return {"rate": count / seconds,
            "cpu_us": (cpu_seconds(pid) - before[0]) / count * 1e6,
            "bots_us": (sum(map(cpu_seconds, bots)) - before[1])
            / count * 1e6}


def told(name, runs, more):
    bots = statistics.median(r["bots_us"] for r in runs)
    print(f"tasks through {BOTS} echo bots, {name}: "
          f"{mail.line([r['rate'] for r in runs])} from submission to end"
          f"{more}, deiad {mail.spent(runs):.0f} us of CPU each, the bots "
          f"{bots:.0f} {mail.machine()}")


def tasks_memory(build):
    with hive_with_echoes(build, "memory") as hive:
        runs = [measured(hive, COUNT["memory"]) for _ in range(ROUNDS)]
    told("memory", runs, " (wanted: >= 10,000)")


def tasks_full(build):
    ours, cycles, singles = [], [], []
    with hive_with_echoes(build, "full") as hive, \
            mail.hive_with_inboxes(build) as post:
        for _ in range(ROUNDS):
            ours.append(measured(hive, COUNT["full"]))
            cycles.append(mail.costed(post.process.pid, build, "cycle",
                                      post.port, post.token))
            singles.append(mail.costed(post.process.pid, build, "send",
                                       post.port, post.token,
                                       mail.CONNECTIONS))
    told("on disk", ours, "")
    for what, runs in (("sent, received and read", cycles),
                       ("only sent, one each", singles)):
        a, b = ([r["rate"] for r in x] for x in (ours, runs))
        print(f"  messages {what}, on disk: {mail.line(b)}, "
              f"{mail.spent(runs):.0f} us of CPU each; tasks to that: "
              f"{mail.ratios(a, b, '>= 0.5')}")


def tasks(build):
    tasks_memory(build)
    tasks_full(build)


def measures():
    return (tasks,)
