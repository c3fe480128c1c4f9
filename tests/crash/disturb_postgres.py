# SPDX-License-Identifier: MIT
"""What can happen to a PostgreSQL that a hive lives in; of test_disturb.py.

The cluster is on a small tmpfs in a mount namespace of the test's own, so
that its disk can be filled; without root it is not, and that is left out.
commit_delay makes each COMMIT last a few milliseconds, as on a slow disk, so
that disturbances come into the middle of some.
"""

import ctypes
import os
import random
import signal
import subprocess
import time

import postgres
from hive import WAIT_SECONDS, descendants

DISK_BYTES = 320 << 20
AWAY_SECONDS = 4
CLONE_NEWNS = 0x00020000
SESSIONS = "application_name = 'deia'"
HOLDS_LOCK = ("pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' "
              "AND granted)")
# Ends sessions again and again, until so many are.
RAPIDLY = """DO $$ DECLARE n int := 0; i int; BEGIN
  FOR i IN 1..{tries} LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT n + count(pg_terminate_backend(pid)) INTO n FROM pg_stat_activity
      WHERE application_name = 'deia' AND {which};
    EXIT WHEN n >= {wanted};
    PERFORM pg_sleep({pause});
  END LOOP;
  IF n = 0 THEN RAISE 'no session was ended'; END IF;
END $$"""
SETTINGS = {"commit_delay": 3000, "commit_siblings": 0,
            "min_wal_size": "32MB", "max_wal_size": "64MB"}


def own_mount(folder, ids):
    """Makes folder a small disk of ids; or says why not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS):
        return "a mount of its own needs root"
    for words in (["--make-rprivate", "/"],
                  ["-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700,"
                   f"uid={ids[0]},gid={ids[1]}", "none", folder]):
        done = subprocess.run(["mount", *words], check=False,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            return f"no tmpfs here: {done.stderr.strip()}"
    return None


class Postgres:
    """The part of a disturbed hive that is PostgreSQL.

    load: what the test gives each disturbance: load.rng, load.hive,
    load.progress(), load.until_away() and load.until_told(*statuses).
    """

    name = "postgresql"
    needed = True
    missing = staticmethod(postgres.missing)

    def __init__(self):
        self.pg = postgres.Cluster(SETTINGS)
        self.no_disk = own_mount(self.pg.dir, self.pg.ids)
        self.url = self.back_at = None

    def open(self):
        """Starts it; returns what deiad's environment needs."""
        self.pg.start()
        self.url = self.pg.create("hive")
        return {"DEIA_DATABASE_URL": self.url}

    def close(self):
        self.pg.stop()
        if not self.no_disk:
            subprocess.run(["umount", self.pg.dir], check=False)
        self.pg.close()

    def ways(self):
        """Name and function of each disturbance; and what is left out."""
        ways = {"kill -9 of the postmaster": self.kill,
                "away for long": self.be_away,
                "immediate restart": self.immediate,
                "fast restart": self.fast,
                "kill -9 of a session": self.kill_session,
                "writer's session ended": self.end_writer,
                "reader's session ended": self.end_reader,
                "session ended in COMMIT": self.end_in_commit,
                "sessions ended again and again": self.end_rapidly,
                "SIGSTOP of all": self.freeze,
                "disk full": self.fill,
                "kill -9 of both": self.kill_both}
        if self.no_disk:
            del ways["disk full"]
            print(f"disk full is left out: {self.no_disk}")
        if self.has_lock_of_database():
            ways["kill -9 of deiad, whose session hangs"] = self.kill_hung
        return ways

    # ---- looking ---------------------------------------------------------

    def sql(self, text):
        return self.pg.sql(text, "hive")

    def wait_accepts(self):
        """Returns when it accepts connections; back_at is that moment."""
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                self.sql("SELECT 1")
                break
            except RuntimeError:
                if time.monotonic() > limit:
                    raise
        self.back_at = time.monotonic()

    def start(self):
        self.pg.start()
        self.back_at = time.monotonic()

    def pids(self, which):
        return [int(pid) for pid in self.sql(
            "SELECT pid FROM pg_stat_activity WHERE "
            f"{SESSIONS} AND {which}")]

    def has_lock_of_database(self):
        """A writer has a lock of its own, and one of the whole database where
        deiad lets no second one in."""
        count, = self.sql("SELECT count(*) FROM pg_locks WHERE locktype = "
                          "'advisory' AND granted")
        return int(count) > 1

    def contents(self):
        """How often each content of a message is stored."""
        rows = self.sql("SELECT content, count(*) FROM messages "
                        "GROUP BY content")
        return {text: int(n) for text, _, n in
                (row.rpartition("|") for row in rows)}

    # ---- disturbing ------------------------------------------------------

    def restart(self, load, how):
        self.pg.stop(how)
        # Half of the time it is back before anybody asked.
        if load.rng.random() < 0.5:
            load.until_away()
        self.start()

    def kill(self, load):
        self.restart(load, signal.SIGKILL)

    def be_away(self, load):
        """Until deiad tries to connect as rarely as it ever does."""
        self.pg.kill()
        load.until_away()
        load.ending.wait(AWAY_SECONDS)
        self.start()

    def immediate(self, load):
        self.restart(load, signal.SIGQUIT)

    def fast(self, load):
        self.restart(load, signal.SIGINT)

    def kill_session(self, load):
        """The postmaster then ends all others and recovers."""
        os.kill(load.rng.choice(self.pids("true")), signal.SIGKILL)
        self.wait_accepts()

    def end_sessions(self, which, wanted=1, pause=0.005, tries=4000):
        self.sql(RAPIDLY.format(which=which, wanted=wanted, pause=pause,
                                tries=tries))
        self.back_at = time.monotonic()

    def end_writer(self, _load):
        self.end_sessions(HOLDS_LOCK)

    def end_reader(self, _load):
        self.end_sessions("NOT " + HOLDS_LOCK)

    def end_in_commit(self, load):
        """Committed, but not told: the session waits for a standby that is
        not there, and is ended there."""
        self.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        self.sql("SELECT pg_reload_conf()")
        try:
            for _ in range(load.rng.randrange(1, 5)):
                self.end_sessions("wait_event = 'SyncRep'")
        finally:
            self.sql("ALTER SYSTEM RESET synchronous_standby_names")
            self.sql("SELECT pg_reload_conf()")
        self.back_at = time.monotonic()

    def end_rapidly(self, load):
        which = load.rng.choice(("true", "state <> 'idle'",
                                 "query = 'COMMIT'"))
        self.end_sessions(which, load.rng.randrange(5, 25),
                          load.rng.choice((0.002, 0.01, 0.03)), 300)

    def freeze(self, load):
        """Everything of it stops for as long as it takes to be noticed."""
        frozen = [self.pg.process.pid, *descendants(self.pg.process.pid)]
        if load.rng.random() < 0.5:
            frozen = self.pids("true")
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            load.until_away()
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
            self.back_at = time.monotonic()

    def fill(self, load):
        """The server may refuse, or stop altogether: both happen."""
        filler = os.path.join(self.pg.dir, "filler")
        with open(filler, "ab", buffering=0) as f:
            for size in (1 << 20, 1 << 16, 4096):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass
        try:
            load.until_told(507, 503)
        finally:
            os.unlink(filler)
        if self.pg.process.poll() is not None:
            self.start()
        else:
            self.wait_accepts()

    def kill_both(self, load):
        self.pg.kill()
        load.hive.kill()
        self.start()
        load.hive.start()

    def kill_hung(self, load):
        """The session outlives its deiad, with work that it has not read
        yet: what it does with that must not come after the next deiad has
        looked. That one may refuse to start for as long."""
        frozen = self.pids(HOLDS_LOCK)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            load.until_away()
            load.hive.kill()
            try:
                load.hive.start()
                return
            except AssertionError:
                load.hive.process.stdout.close()
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        load.hive.start()


def shuffled(rng: random.Random, ways, count):
    """count of the ways in random order, each before any comes again."""
    order = []
    while len(order) < count:
        again = list(ways)
        rng.shuffle(again)
        order += again
    return order[:count]
