# SPDX-License-Identifier: MIT
"""How late deiad's loop is while model servers fail: part of run.py.

Six bots at a time run into the faults of tests/support/fake_model.py, while
GET /health is asked every few milliseconds, in turn with a bare evhttp server
that has nothing else to do: what that one is late is the machine.
"""

import collections
import http.client
import os
import subprocess
import sys
import threading
import time

from hive import Hive, program

SUPPORT = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "support")
AT_ONCE = 6
TURN_SECONDS = 3
PAUSE_SECONDS = 0.004
FAULTS = (
    "hang", "drip-head", "drip-first", "close-at-once", "empty", "stall",
    "drip", "close", "no-done", "garbage", "huge-line", "hundred-megabytes",
    "error-line", "scalar", "html", "error-first", "missing", "400", "401",
    "429", "429-soon", "500", "500-text", "503", "redirect", "bad-utf8",
    "cut-utf8", "fragments")


def fail(hive, url, left):
    """One bot a fault, a turn each, until none is left."""
    while True:
        try:
            number, fault = left.popleft()
        except IndexError:
            return
        bot = f"FAULT-{number:02}"
        hive.launch(bot, "ollama", model=fault, base_url=url,
                    turn_timeout_seconds=TURN_SECONDS, options={
            "first_token_timeout_seconds": 1, "stall_timeout_seconds": 1})
        hive.wait_state(bot, "ready")
        hive.call("POST", f"/bots/{bot}/chat", {"content": "hello"})
        hive.must("DELETE", f"/bots/{bot}?force=true")


class Health:
    def __init__(self, port):
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.times = []

    def ask(self):
        began = time.monotonic()
        self.conn.request("GET", "/health")
        self.conn.getresponse().read()
        self.times.append((time.monotonic() - began) * 1000)

    def said(self):
        times = sorted(self.times)
        return (f"p99 {times[int(len(times) * 0.99)]:.1f} ms, slowest "
                f"{times[-1]:.1f}")


def measure(hive, url, bare_port):
    left = collections.deque(enumerate(FAULTS * 2))
    ours, bare = Health(hive.port), Health(bare_port)
    threads = [threading.Thread(target=fail, args=(hive, url, left))
               for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        ours.ask()
        bare.ask()
        time.sleep(PAUSE_SECONDS)
    print(f"loop while model servers fail ({len(FAULTS * 2)} faults, "
          f"{AT_ONCE} at a time, {len(ours.times)} questions): {ours.said()} "
          f"(wanted: < 20); bare evhttp {bare.said()}")


def loop_delay(build):
    with subprocess.Popen(
            [sys.executable, os.path.join(SUPPORT, "fake_model.py")],
            stdout=subprocess.PIPE, text=True) as model, \
            subprocess.Popen(
                [program(os.path.join(build, "tests", "bench"), "hello")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as hello:
        try:
            url = f"http://127.0.0.1:{model.stdout.readline().strip()}"
            port = int(hello.stdout.readline().split()[-1])
            with Hive(build) as hive:
                measure(hive, url, port)
        finally:
            hello.stdin.close()
            model.kill()
