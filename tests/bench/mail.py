# SPDX-License-Identifier: MIT
"""deiad's mail from outside, beside others: parts of tests/bench/run.py.

Rounds are interleaved: each of them measures everybody for a moment, and
ratios are taken within a round, so that what else the machine does falls on
all of them alike.
"""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time

from hive import Hive, program
from peers import Peers
from supervised import cpu_seconds, resident_mib

ROUNDS = 5
SECONDS = 2
INBOXES = 50
CLIENTS = 50  # of the cycle
CONNECTIONS = 256  # of single messages
BATCH = 100
BATCH_CLIENTS = 16
SIZE = 200
WARM_SECONDS = 0.3  # of load.c
STORED = 1_000_000
STORED_INBOXES = 100
TURNS = 500
FAST = "messages:\n  answers_per_minute: 100000\n"  # the guard lets it run


def inbox(number):
    return f"BENCH-{number:04}"


def load(build, driver, port, token=None, clients=CLIENTS, queues=INBOXES):
    env = {k: v for k, v in os.environ.items() if k != "DEIA_TOKEN"}
    if token:
        env["DEIA_TOKEN"] = token
    out = subprocess.run(
        [program(os.path.join(build, "tests", "bench"), "load"), driver,
         "--port", str(port), "--clients", str(clients), "--queues",
         str(queues), "--seconds", str(SECONDS), "--size", str(SIZE),
         "--batch", str(BATCH)],
        env=env, text=True, check=True, stdout=subprocess.PIPE,
        timeout=120).stdout
    return json.loads(out)


def costed(pid, *args):
    """A load with the CPU time that the server took for each message."""
    before = cpu_seconds(pid)
    result = load(*args)
    # What came before the counting began took about as much.
    warm = (result["seconds"] + WARM_SECONDS) / result["seconds"]
    result["cpu_us"] = ((cpu_seconds(pid) - before) * 1e6
                        / (result["messages"] * warm))
    return result


def spent(runs):
    return statistics.median(r["cpu_us"] for r in runs)


def line(rates):
    """The median of some rates, and their range."""
    return (f"{statistics.median(rates):,.0f}/s ({min(rates):,.0f} to "
            f"{max(rates):,.0f})")


def ratios(ours, theirs, wanted):
    values = [a / b for a, b in zip(ours, theirs)]
    return (f"ratio {statistics.median(values):.2f} median, "
            f"{min(values):.2f} least (wanted: {wanted})")


def machine():
    return f"[load average {os.getloadavg()[0]:.1f}]"


@contextlib.contextmanager
def hive_with_inboxes(build, count=INBOXES, env=None):
    with Hive(build, env=env) as hive:
        for i in range(count):
            hive.must("POST", "/bots",
                      {"id": inbox(i), "adapter": "external"})
        yield hive


# ---- single messages and batches -----------------------------------------

def post(hive, body):
    conn = http.client.HTTPConnection("127.0.0.1", hive.port, timeout=30)
    try:
        conn.request("POST", "/api/v1/messages", json.dumps(body),
                     hive.headers({"Content-Type": "application/json"}))
        reply = conn.getresponse()
        return reply, reply.read()
    finally:
        conn.close()


def answer_file(hive, folder, name, body):
    """deiad's answer, for the bare server to give as well."""
    reply, data = post(hive, body)
    if reply.status != 201:
        raise AssertionError(f"{reply.status}: {data[:500]}")
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(f"{reply.status} {reply.reason}\n".encode())
        for key, value in reply.getheaders():
            if key.lower() not in ("date", "content-length", "connection"):
                f.write(f"{key}:{value}\n".encode())
        f.write(b"\n" + data)
    return path


@contextlib.contextmanager
def bare(build, path):
    with subprocess.Popen(
            [program(os.path.join(build, "tests", "bench"), "hello"), path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True) as hello:
        yield int(hello.stdout.readline().split()[-1]), hello.pid
        hello.stdin.close()


def sending(build):
    one = {"to": inbox(0), "content": "x" * SIZE}
    with hive_with_inboxes(build) as hive, \
            tempfile.TemporaryDirectory() as folder, \
            bare(build, answer_file(hive, folder, "one", one)) as (port, pid), \
            bare(build, answer_file(hive, folder, "many", {
                "messages": [one] * BATCH})) as (batch_port, _):
        singles, batches, bares, bare_batches = [], [], [], []
        for _ in range(ROUNDS):
            singles.append(costed(hive.process.pid, build, "send", hive.port,
                                  hive.token, CONNECTIONS))
            bares.append(costed(pid, build, "send", port, hive.token,
                                CONNECTIONS))
            batches.append(load(build, "batch", hive.port, hive.token,
                                BATCH_CLIENTS))
            bare_batches.append(load(build, "batch", batch_port, hive.token,
                                     BATCH_CLIENTS))
    a, b, c, d = ([r["rate"] for r in runs] for runs in
                  (singles, bares, batches, bare_batches))
    p99 = statistics.median(r["p99_us"] for r in singles) / 1000
    print(f"POST /messages, one each, {CONNECTIONS} connections: {line(a)}, "
          f"p99 {p99:.1f} ms, {spent(singles):.0f} us of CPU each; bare "
          f"evhttp {line(b)}, {spent(bares):.0f} us; "
          f"{ratios(a, b, '>= 0.5')} {machine()}")
    print(f"POST /messages, {BATCH} each, {BATCH_CLIENTS} connections: "
          f"{line(c)} messages (wanted: >= 40,000); bare evhttp {line(d)}; "
          f"{ratios(c, d, '-')} {machine()}")


# ---- the cycle -----------------------------------------------------------

WANTED = {"Redis Streams": ">= 0.9", "beanstalkd -f0": ">= 5"}


def cycles(build, queues=INBOXES):
    with hive_with_inboxes(build, queues) as hive, Peers() as peers:
        ours, theirs = [], {peer.label: [] for peer in peers}
        for _ in range(ROUNDS):
            ours.append(load(build, "cycle", hive.port, hive.token,
                             queues=queues))
            for peer in peers:
                theirs[peer.label].append(
                    load(build, peer.driver, peer.port, queues=queues))
    rates = [r["rate"] for r in ours]
    p99 = statistics.median(r["p99_us"] for r in ours) / 1000
    print(f"send, receive, acknowledge, {CLIENTS} clients, {queues} "
          f"inbox{'es' if queues > 1 else ''}: deiad (SQLite, fsync before "
          f"each answer, 2 requests) {line(rates)}, p99 of a request "
          f"{p99:.1f} ms {machine()}")
    for peer in peers:
        some = [r["rate"] for r in theirs[peer.label]]
        print(f"  {peer.label} ({peer.fsync}, "
              f"{2 if peer.driver == 'nats' else 3} requests): {line(some)}; "
              f"{ratios(rates, some, WANTED.get(peer.label, '-'))}")


def one_inbox(build):
    cycles(build, 1)


# ---- much that is stored -------------------------------------------------

def stored(build):
    fill = program(os.path.join(build, "tests", "bench"), "bench_mail")
    times = []
    with hive_with_inboxes(build, STORED_INBOXES) as hive:
        hive.stop()
        subprocess.run([fill, "fill", os.path.join(hive.dir, "state",
                                                   "deia.db"),
                        str(STORED), str(STORED_INBOXES)], check=True)
        for _ in range(3):
            began = time.monotonic()
            hive.start()
            status = hive.must("GET", "/messages/status")
            times.append(time.monotonic() - began)
            if status["pending"] < STORED:
                raise AssertionError(status)
            memory = resident_mib(hive.process.pid)
            hive.stop()
        hive.start()
        load(build, "cycle", hive.port, hive.token, queues=STORED_INBOXES)
        used = resident_mib(hive.process.pid)
    print(f"{STORED:,} stored messages: deiad answers after "
          f"{statistics.median(times) * 1000:.0f} ms (wanted: <= 1000), "
          f"{memory:.1f} MiB resident, {used:.1f} after {SECONDS} s of mail "
          f"(wanted: <= 64) {machine()}")


# ---- two bots ------------------------------------------------------------

def dialogue(build):
    with Hive(build, config=FAST) as hive:
        for bot in ("ECHO-001", "ECHO-002"):
            hive.launch(bot)
            hive.wait_state(bot, "ready")
        pid = hive.process.pid
        before, began = cpu_seconds(pid), time.monotonic()
        ident = hive.must("POST", "/dialogues", {
            "a": "ECHO-001", "b": "ECHO-002", "content": "x" * SIZE,
            "turns": TURNS})["id"]
        wait_ended(hive, ident)
        spent = time.monotonic() - began
        cpu = cpu_seconds(pid) - before
        talk = hive.must("GET", f"/dialogues/{ident}")
    print(f"two echo bots in dialogue: {talk['turns_done'] / spent:,.0f} "
          f"messages/s, {talk['turns_done']} turns, ended as "
          f"{talk['status']} {talk['reason'] or ''}, deiad "
          f"{cpu / talk['turns_done'] * 1e6:.0f} us of CPU a turn "
          f"{machine()}")


def wait_ended(hive, ident):
    """Follows the events; asking at each of them would be a load, too."""
    with hive.stream("GET", "/events?after=0") as events:
        for event, data, _ in events:
            if event == "dialogue.ended" and data["subject"] == ident:
                return
    raise AssertionError("the events ended before the dialogue")


def measures():
    return (sending, cycles, one_inbox, stored, dialogue)
