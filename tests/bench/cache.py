# SPDX-License-Identifier: MIT
"""The newest chat page over HTTP: with the memory cache, with Redis, and with
a Redis that does not answer. Called by run.py."""

import os
import re
import subprocess

from hive import Hive, program
from redis import PROGRAM, Redis

SECONDS = 4
CONNECTIONS = 16
LINES = 20


def wrk(hive):
    """(requests/s, p50 ms, p99 ms) of GET chat."""
    out = subprocess.run(
        ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", str(SECONDS),
         "--latency", "-H", f"Authorization: Bearer {hive.token}",
         f"{hive.url}/api/v1/bots/BOT-1/chat?limit={LINES}"],
        capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec: +([\d.]+)", out)[1])
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    found = [re.search(rf"{p}% +([\d.]+)(us|ms|s)", out)
             for p in ("50", "99")]
    return (rate, *(float(m[1]) * unit[m[2]] for m in found))


def talk(hive):
    hive.launch("BOT-1")
    hive.wait_state("BOT-1", "ready")
    for n in range(LINES // 2):
        hive.say("BOT-1", f"line {n} " + "x" * 200)


def show(name, figures, base=None):
    rate, p50, p99 = figures
    more = f", p99 {p99 / base[2]:.2f} of memory" if base else ""
    print(f"chat page, {name}: {rate:.0f} requests/s, p50 {p50:.2f} ms, "
          f"p99 {p99:.2f} ms{more}")


def chat_page(build):
    bench = program(os.path.join(build, "tests/bench"), "bench_cache")
    if not PROGRAM:
        subprocess.run([bench], check=True)
        print("chat page: no redis-server, so nothing to compare with")
        return
    with Redis() as redis:
        subprocess.run([bench, redis.url], check=True)
        with Hive(build) as hive:
            talk(hive)
            memory = wrk(hive)
            show("memory", memory)
        with Hive(build, env={"DEIA_REDIS_URL": redis.url}) as hive:
            talk(hive)
            show("Redis", wrk(hive), memory)
            redis.freeze()
            show("Redis frozen (wanted: <= 2)", wrk(hive), memory)
            redis.thaw()
