# SPDX-License-Identifier: MIT
"""What GET /metrics costs with a thousand bots: a part of tests/bench/run.py."""

import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time

from hive import Hive, program

BOTS = 1000
PAGES = 60
CONFIG = "store:\n  durability: memory\n"


class Caller:
    """One kept connection."""

    def __init__(self, port, headers):
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Content-Type": "application/json", **headers}

    def ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        self.conn.request(method, path, data, self.headers)
        reply = self.conn.getresponse()
        text = reply.read()
        if not 200 <= reply.status < 300:
            raise AssertionError(f"{method} {path}: {reply.status} {text}")
        return text

    def median_ms(self, *args):
        times = []
        for _ in range(PAGES):
            began = time.monotonic()
            self.ask(*args)
            times.append(time.monotonic() - began)
        return statistics.median(times) * 1000


def work_once(caller, bot):
    """Every bot has answered, so that it has all series."""
    caller.ask("POST", "/api/v1/bots", {"id": bot, "adapter": "external"})
    caller.ask("POST", "/api/v1/tasks", {"content": "sing", "bot": bot})
    got = json.loads(caller.ask("POST", "/api/v1/tasks/claim",
                                {"bot": bot, "wait_seconds": 20}))
    caller.ask("POST", f"/api/v1/tasks/{got['task']['id']}/complete",
               {"lease_token": got["lease_token"], "text": "la"})


def cpu_ms(pid):
    """Of all its threads; the loop's is nearly all of it here."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as f:
        return int(f.read().split()[0]) / 1e6


def bare(build, page):
    """The same bytes from the least that evhttp can do."""
    with tempfile.NamedTemporaryFile() as answer:
        answer.write(b"200 OK\nContent-Type: text/plain\n\n" + page)
        answer.flush()
        with subprocess.Popen(
                [program(os.path.join(build, "tests", "bench"), "hello"),
                 answer.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as hello:
            port = int(hello.stdout.readline().split()[-1])
            ms = Caller(port, {}).median_ms("POST", "/", {})
            hello.stdin.close()
    return ms


def metrics_page(build):
    with Hive(build, config=CONFIG) as hive:
        caller = Caller(hive.port, hive.headers())
        for i in range(BOTS):
            work_once(caller, f"BOT-{i:04}")
        text = caller.ask("GET", "/metrics")
        before = cpu_ms(hive.process.pid)
        ours = caller.median_ms("GET", "/metrics")
        spent = (cpu_ms(hive.process.pid) - before) / PAGES
    theirs = bare(build, text)
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    print(f"GET /metrics, {BOTS} bots, {samples} samples, "
          f"{len(text) / 1024:.0f} KiB: {ours:.1f} ms median (wanted: <= 10), "
          f"{spent:.1f} ms of deiad's loop; bare evhttp with the same body "
          f"{theirs:.1f} ms, ratio {ours / theirs:.1f}")
