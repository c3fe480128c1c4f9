# SPDX-License-Identifier: MIT
"""What watching its health costs deiad: a part of tests/bench/run.py.

Two hives that differ in health.enabled alone, measured in turns on the same
disk: on and off, then off and on. Each task goes through queue, scheduler and a
bot; each message is a request of its own. What counts is deiad's CPU time for
each of them: it does not depend on what else the machine does, as the rates do.
"""

import contextlib
import os
import statistics

import mail
import tasks
from hive import Hive

PAIRS = 6
TASKS = 10_000
CONFIG = "store:\n  durability: memory\nhealth:\n  enabled: {}\n"


@contextlib.contextmanager
def hive(build, enabled):
    with Hive(build, config=CONFIG.format(enabled)) as found:
        for i in range(tasks.BOTS):
            found.launch(f"ECHO-{i}", max_concurrent=tasks.TURNS)
        for i in range(mail.INBOXES):
            found.launch(mail.inbox(i), "external")
        for i in range(tasks.BOTS):
            found.wait_state(f"ECHO-{i}", "ready")
        yield found


def tell(what, on, off, unit):
    ratios = [a / b for a, b in zip(on, off)]
    print(f"health on / off, {what}: {statistics.median(on):.2f} / "
          f"{statistics.median(off):.2f} {unit}, ratio "
          f"{statistics.median(ratios):.3f} median, {min(ratios):.3f} to "
          f"{max(ratios):.3f} in {len(ratios)} pairs {mail.machine()}")


def cpu_us(pid):
    """Of all threads that live, by the scheduler's own clock."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat",
                  encoding="utf-8") as f:
            total += int(f.read().split()[0])
    return total / 1000


def task_cost(found):
    before = cpu_us(found.process.pid)
    seconds = tasks.flood(tasks.Client(found), TASKS)
    return {"rate": TASKS / seconds,
            "cpu_us": (cpu_us(found.process.pid) - before) / TASKS}


def mail_cost(build, found):
    before = cpu_us(found.process.pid)
    one = mail.load(build, "send", found.port, found.token, mail.CONNECTIONS)
    # What came before the counting began took about as much.
    warm = (one["seconds"] + mail.WARM_SECONDS) / one["seconds"]
    return {"rate": one["rate"],
            "cpu_us": (cpu_us(found.process.pid) - before)
            / (one["messages"] * warm)}


def pairs(hives, cost):
    """Who is first changes, so that neither has the better moments."""
    got = {True: [], False: []}
    for i in range(PAIRS):
        for on in (i % 2 == 0, i % 2 != 0):
            got[on].append(cost(hives[on]))
    return got[True], got[False]


def watching(build):
    with hive(build, "true") as on, hive(build, "false") as off:
        hives = {True: on, False: off}
        for what, cost in (("tasks", task_cost),
                           ("messages", lambda h: mail_cost(build, h))):
            for one in hives.values():
                cost(one)  # warm
            with_it, without = pairs(hives, cost)
            tell(f"CPU of deiad for one of {what} (wanted: <= 1.01)",
                 [r["cpu_us"] for r in with_it],
                 [r["cpu_us"] for r in without], "us")
            tell(f"rate of {what}", [r["rate"] for r in with_it],
                 [r["rate"] for r in without], "a second")
