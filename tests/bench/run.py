#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures a release build from outside: run.py BUILD [MEASURE...]

Without names it measures everything. Prints each figure with what is wanted,
and ratios to something measured in the same run, since machines differ and are
shared. Reported, not gates.
"""

import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
sys.dont_write_bytecode = True

from hive import Hive, program  # noqa: E402 (the path comes first)
import cache  # noqa: E402
import faults  # noqa: E402
import health  # noqa: E402
import mail  # noqa: E402
import mail_postgres  # noqa: E402
import metrics  # noqa: E402
import supervised  # noqa: E402
import tasks  # noqa: E402

STARTS = 15
WRK_SECONDS = 3
CONNECTIONS = 64
TURNS = 300
LLM = os.path.join(os.path.dirname(HERE), "llm")


def get(port, path):
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        conn.request("GET", path)
        reply = conn.getresponse()
        reply.read()
        return reply.status
    finally:
        conn.close()


def start_time(build):
    """From spawn to the first 200, on a directory that exists already."""
    times = []
    hive = Hive(build)
    with hive:
        hive.stop()
        for _ in range(STARTS):
            began = time.monotonic()
            hive.start()
            if get(hive.port, "/health") == 200:
                times.append(time.monotonic() - began)
            hive.stop()
        hive.start()
    print(f"start to first 200: {statistics.median(times) * 1000:.1f} ms "
          "median (wanted: <= 20)")


def rollup(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return {m[1]: int(m[2]) / 1024 for m in
                re.finditer(r"^(\w+): +(\d+) kB$", f.read(), re.M)}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(build):
    with Hive(build) as hive:
        get(hive.port, "/health")
        before = cpu_seconds(hive.process.pid)
        time.sleep(3)  # what is measured is doing nothing for a while
        spent = cpu_seconds(hive.process.pid) - before
        memory = rollup(hive.process.pid)
    print(f"idle: {memory['Rss']:.1f} MiB resident (wanted: <= 16), "
          f"{memory['Private_Dirty']:.1f} MiB private dirty (wanted: <= 5), "
          f"{spent / 3 * 100:.1f} % CPU (wanted: ~0)")


def wrk(port, path):
    out = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{WRK_SECONDS}s",
         f"http://127.0.0.1:{port}{path}"], text=True, check=True,
        stdout=subprocess.PIPE).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        print("  " + "\n  ".join(out.splitlines()))
    return float(re.search(r"Requests/sec: +([\d.]+)", out).group(1))


def health_rate(build):
    if not shutil.which("wrk"):
        print("GET /health: wrk is not installed")
        return
    with Hive(build) as hive, subprocess.Popen(
            [program(os.path.join(build, "tests", "bench"), "hello")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hello:
        port = int(hello.stdout.readline().split()[-1])
        rates = [(wrk(hive.port, "/health"), wrk(port, "/")) for _ in range(3)]
        hello.stdin.close()
    ours = statistics.median(r[0] for r in rates)
    bare = statistics.median(r[1] for r in rates)
    print(f"GET /health, {CONNECTIONS} connections: {ours:,.0f}/s, bare evhttp "
          f"{bare:,.0f}/s, ratio {ours / bare:.2f} (wanted: >= 0.9)")


class Keep:
    """One kept connection, for round trips without a connect in them."""

    def __init__(self, port, headers=None):
        self.conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = headers or {}

    def request(self, method, path, body=None, more=None):
        data = json.dumps(body).encode() if body is not None else None
        self.conn.request(method, path, data, {
            "Content-Type": "application/json", **self.headers, **(more or {})})
        return self.conn.getresponse()

    def round_trip(self, *args):
        began = time.monotonic()
        reply = self.request(*args)
        reply.read()
        if reply.status != 200:
            raise AssertionError(f"{args}: {reply.status}")
        return time.monotonic() - began


def chat_round_trip(build):
    config = "store:\n  durability: memory\n"
    try:
        hive = Hive(build, config=config).start()
    except AssertionError:
        hive = Hive(build).start()
        print("(durability memory could not be configured; this is full)")
    with hive_closing(hive):
        hive.launch("ECHO-001")
        hive.wait_state("ECHO-001", "ready")
        keep = Keep(hive.port, hive.headers())
        say = ("POST", "/api/v1/bots/ECHO-001/chat", {"content": "hello"})
        chat = [keep.round_trip(*say) for _ in range(TURNS)]
        null = [keep.round_trip("GET", "/health") for _ in range(TURNS)]
    ms = statistics.median(chat) * 1000
    own = statistics.median(null) * 1000
    print(f"chat round trip over HTTP: {ms:.2f} ms median, of which this "
          f"client and HTTP {own:.2f} (wanted: <= 1)")


class hive_closing:
    def __init__(self, hive):
        self.hive = hive

    def __enter__(self):
        return self.hive

    def __exit__(self, *args):
        self.hive.__exit__(*args)


def first_token(build):
    """Streamed answers through deiad against the model server itself."""
    if not os.path.isdir(os.path.join(LLM, "node_modules")):
        print("first token: no node packages in tests/llm")
        return
    model = subprocess.Popen(
        ["node", "ollama-shim.mjs", "0", "toy=all.gguf"], cwd=LLM, text=True,
        stdout=subprocess.PIPE)
    try:
        line = model.stdout.readline()
        port = int(line.rpartition(":")[2])
        measure_first_token(build, port)
    except ValueError:
        print("first token: the model server did not say its port")
    finally:
        model.kill()
        model.wait()


def measure_first_token(build, port):
    direct, through = [], []
    asked = {"model": "toy", "options": {"temperature": 0},
             "messages": [{"role": "user", "content": "add 12 30"}]}
    with Hive(build) as hive:
        hive.launch("BOT-001", "ollama", model="toy",
                    base_url=f"http://127.0.0.1:{port}",
                    options={"temperature": 0})
        hive.wait_state("BOT-001", "ready")
        ours = Keep(hive.port, hive.headers())
        theirs = Keep(port)
        for _ in range(40):
            direct.append(until_first(theirs, "/api/chat", asked, b"message"))
            # A new conversation each time: the same prompt as above.
            conv = ours.request("POST", "/api/v1/bots/BOT-001/conversations",
                                {})
            ident = json.loads(conv.read())["id"]
            through.append(until_first(
                ours, "/api/v1/bots/BOT-001/chat",
                {"content": "add 12 30", "conversation": ident},
                b"event: chunk", {"Accept": "text/event-stream"}))
    a, b = statistics.median(direct) * 1000, statistics.median(through) * 1000
    print(f"first token: {b:.2f} ms through deiad, {a:.2f} ms from the model "
          f"server, added {b - a:.2f} ms (wanted: <= 2)")


def until_first(keep, path, body, mark, more=None):
    began = time.monotonic()
    reply = keep.request("POST", path, body, more)
    while mark not in reply.readline():
        if reply.isclosed():
            raise AssertionError(f"{path}: no chunk came")
    spent = time.monotonic() - began
    reply.read()
    return spent


def scheduler(build):
    """Virtual time: the tables are the same on every machine."""
    sim = program(os.path.join(build, "tests", "bench"), "sim_scheduler")
    subprocess.run([sim, "recommend"], check=True)
    subprocess.run([sim, "table", "4"], check=True)


def main():
    build = os.path.abspath(sys.argv[1])
    every = (start_time, idle, health_rate, chat_round_trip, first_token,
             *supervised.measures(), faults.loop_delay, cache.chat_page,
             metrics.metrics_page, health.watching,
             *mail.measures(), *mail_postgres.measures(), *tasks.measures(),
             scheduler)
    names = {measure.__name__: measure for measure in every}
    wrong = [name for name in sys.argv[2:] if name not in names]
    if wrong:
        sys.exit(f"no measure {wrong[0]}; there are: {', '.join(names)}")
    for name in sys.argv[2:] or names:
        names[name](build)


if __name__ == "__main__":
    main()
