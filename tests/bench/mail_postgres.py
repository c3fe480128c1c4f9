# SPDX-License-Identifier: MIT
"""deiad's mail on PostgreSQL, from outside: parts of tests/bench/run.py.

The cluster is a private one with PostgreSQL's own settings: fsync and
synchronous_commit are on. Rounds are interleaved as in mail.py.
"""

import contextlib
import os
import statistics
import subprocess
import tempfile

import mail
import postgres
from hive import descendants, program
from supervised import resident_mib

SETTINGS = {"shared_buffers": "128MB"}
MIN_MESSAGES = 200_000  # for the room that a million takes


@contextlib.contextmanager
def cluster():
    why = postgres.missing()
    if why:
        print(f"PostgreSQL: {why}: not measured")
        yield None
        return
    with postgres.Cluster(SETTINGS) as pg:
        yield pg


def raw_inserts(build, raw, rows, hive):
    """Rows a second by plain libpq, prepared, pipelined, in groups: the next
    ones of those that deiad has stored."""
    path = program(os.path.join(build, "tests", "bench"), "bench_postgres")
    out = subprocess.run([path, "copy", raw, str(rows), hive], check=True,
                         text=True, stdout=subprocess.PIPE, timeout=120)
    return float(out.stdout)


def groups(hive):
    """(transactions, groups) that were committed so far."""
    store = hive.must("GET", "/api/v1/health")["store"]
    return store["transactions"], store["groups"]


def per_group(before, after):
    return max(1, round((after[0] - before[0]) / (after[1] - before[1])))


def rounds(build, hive, bare_port, raw_url, hive_url):
    """deiad's, the bare server's, plain libpq's rounds; the group's size."""
    ours, bares, raws = [], [], []
    for _ in range(mail.ROUNDS):
        before = groups(hive)
        ours.append(mail.load(build, "send", hive.port, hive.token,
                              mail.CONNECTIONS))
        size = per_group(before, groups(hive))
        bares.append(mail.load(build, "send", bare_port, hive.token,
                               mail.CONNECTIONS)["rate"])
        raws.append(raw_inserts(build, raw_url, size, hive_url))
    return ours, bares, raws, size


def sending_postgres(build):
    one = {"to": mail.inbox(0), "content": "x" * mail.SIZE}
    with cluster() as pg:
        if not pg:
            return
        hive_url, raw_url = pg.create("hive"), pg.create("raw")
        env = {"DEIA_DATABASE_URL": hive_url}
        with mail.hive_with_inboxes(build, env=env) as hive, \
                tempfile.TemporaryDirectory() as folder, \
                mail.bare(build, mail.answer_file(
                    hive, folder, "one", one)) as (port, _):
            ours, bares, raws, size = rounds(build, hive, port, raw_url,
                                            hive_url)
    rates = [r["rate"] for r in ours]
    p99 = statistics.median(r["p99_us"] for r in ours) / 1000
    print(f"PostgreSQL: POST /messages, one each, {mail.CONNECTIONS} "
          f"connections: {mail.line(rates)}, p99 {p99:.1f} ms; bare evhttp "
          f"{mail.line(bares)}; {mail.ratios(rates, bares, '>= 0.36')}; plain "
          f"libpq in groups of {size}, as deiad had: {mail.line(raws)} rows; "
          f"{mail.ratios(rates, raws, '>= 0.6')} {mail.machine()}")


def between_nodes(build):
    """A message to a bot that waits at another node."""
    path = program(os.path.join(build, "tests", "bench"), "bench_nodes")
    with cluster() as pg:
        if pg:
            subprocess.run([path], check=True, timeout=120,
                           env={**os.environ, "DEIA_TEST_POSTGRES": pg.url()})


# ---- for the table of sizes in docs/postgresql.md -------------------------

def sqlite_bytes(hive):
    folder = os.path.join(hive.dir, "state")
    return sum(os.path.getsize(os.path.join(folder, name))
               for name in os.listdir(folder) if name == "deia.db")


def proportional_mib(pids):
    """Of a server whose processes share memory."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("Pss:"))
    return total / 1024


def size_of(build, name, hive, stored_bytes, server_mib):
    single = mail.load(build, "send", hive.port, hive.token, 1)
    many = mail.load(build, "send", hive.port, hive.token, mail.CONNECTIONS)
    cycle = mail.load(build, "cycle", hive.port, hive.token)
    before = hive.must("GET", "/messages/status")["pending"], stored_bytes()
    batch, pending = [], before[0]
    while pending - before[0] < MIN_MESSAGES:
        batch.append(mail.load(build, "batch", hive.port, hive.token,
                               mail.BATCH_CLIENTS)["rate"])
        pending = hive.must("GET", "/messages/status")["pending"]
    each = (stored_bytes() - before[1]) / (pending - before[0])
    print(f"{name}: one client {single['rate']:,.0f}/s, p50 "
          f"{single['p50_us'] / 1000:.2f} ms, p99 "
          f"{single['p99_us'] / 1000:.2f} ms; {mail.CONNECTIONS} connections "
          f"{many['rate']:,.0f}/s, p50 {many['p50_us'] / 1000:.1f} ms, p99 "
          f"{many['p99_us'] / 1000:.1f} ms; in hundreds "
          f"{statistics.median(batch):,.0f}/s; send, receive, acknowledge "
          f"{cycle['rate']:,.0f}/s; deiad "
          f"{resident_mib(hive.process.pid):.0f} MiB resident with "
          f"{pending:,} messages, the server {server_mib():.0f} MiB; "
          f"{each:.0f} MB on disk for a million of {mail.SIZE} bytes "
          f"{mail.machine()}")


def sizes(build):
    with mail.hive_with_inboxes(build) as hive:
        size_of(build, "SQLite", hive, lambda: sqlite_bytes(hive), lambda: 0)
    with cluster() as pg:
        if not pg:
            return
        env = {"DEIA_DATABASE_URL": pg.create("hive")}

        def stored():
            return int(pg.sql("SELECT pg_database_size('hive')")[0])

        def server():
            return proportional_mib([pg.process.pid,
                                     *descendants(pg.process.pid)])
        with mail.hive_with_inboxes(build, env=env) as hive:
            size_of(build, "PostgreSQL", hive, stored, server)


def measures():
    return (sending_postgres, between_nodes, sizes)
