# SPDX-License-Identifier: MIT
"""deiad with its hive in PostgreSQL: all of it is there after kill -9 of either.

Disturbances of the database under load: DEIA_POSTGRES_KILLS (6). What was
acknowledged is there afterwards, and what was sent under a key is there once.
"""

import http.client
import itertools
import json
import os
import signal
import threading
import time
import unittest

import postgres
from hive import API, WAIT_SECONDS, Hive
from test_checks import until

KILLS = int(os.environ.get("DEIA_POSTGRES_KILLS", "6"))
CLIENTS = 4
GONE = (OSError, http.client.HTTPException)


def setUpModule():
    why = postgres.missing()
    if why:
        raise unittest.SkipTest(why)


class Sender(threading.Thread):
    """Sends mail, each piece again under its key until it is acknowledged."""

    def __init__(self, hive, number, stop):
        super().__init__(daemon=True)
        self.hive, self.number, self.ending = hive, number, stop
        self.sent = {}  # id: content
        self.wrong = []
        self.retries = 0
        self.progress = threading.Semaphore(0)

    def send(self, key):
        body = {"to": "MAIL-001", "content": key}
        while True:
            try:
                status, answer = self.hive.call(
                    "POST", "/messages", body, {"Idempotency-Key": key})
            except GONE:
                status, answer = 0, None
            if status == 201:
                return answer["id"]
            if status not in (0, 429, 503):
                self.wrong.append((key, status, answer))
                return None
            self.retries += 1

    def run(self):
        for n in itertools.count():
            if self.ending.is_set() or self.wrong:
                return
            key = f"c{self.number}-{n}"
            self.sent[self.send(key)] = key
            self.progress.release()


class Postgres(unittest.TestCase):
    numbers = itertools.count()

    @classmethod
    def setUpClass(cls):
        cls.pg = postgres.Cluster().start()
        cls.addClassCleanup(cls.pg.close)

    def hive(self, **more):
        url = self.pg.create(f"hive{next(self.numbers)}")
        self.database = url.rpartition("/")[2]
        return Hive(env={"DEIA_DATABASE_URL": url}, **more)

    def wait_ready(self, hive, want, path="/health/ready"):
        """Asks until it answers with this status."""
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            status, answer = hive.call("GET", path)
            if status == want:
                return answer
            self.assertLess(time.monotonic(), limit, answer)

    def wait_log(self, hive, text):
        limit = time.monotonic() + WAIT_SECONDS
        while text not in hive.log():
            self.assertLess(time.monotonic(), limit, hive.log())
            hive.call("GET", "/health/live")

    def disturb(self, how):
        if how == "kill":
            self.pg.kill()
            self.pg.start()
        elif how == "immediate":
            self.pg.stop(signal.SIGQUIT)
            self.pg.start()
        elif how == "fast":
            self.pg.stop(signal.SIGINT)
            self.pg.start()
        else:
            self.pg.sql("SELECT pg_terminate_backend(pid) FROM "
                        "pg_stat_activity WHERE application_name = 'deia'")

    def test_the_check_of_the_database_fails_while_it_is_away(self):
        with self.hive() as hive:
            got = until(hive, "db", "pass", "(postgresql)")
            self.assertIn("schema is version", got["text"])
            self.pg.stop()
            until(hive, "db", "fail")
            self.pg.start()
            until(hive, "db", "pass", "(postgresql)")

    def test_bots_chat_and_mail_survive_a_killed_deiad(self):
        with self.hive() as hive:
            hive.launch("BOT-001")
            hive.wait_state("BOT-001", "ready")
            hive.say("BOT-001", "hello there")
            sent = hive.must("POST", "/messages",
                             {"to": "BOT-001", "content": "keep this"})
            hive.kill()
            hive.start()
            hive.wait_state("BOT-001", "ready")
            self.assertEqual(
                [(m["role"], m["content"]) for m in hive.lines("BOT-001")],
                [("user", "hello there"), ("assistant", "hello there")])
            self.assertEqual(hive.must("GET", f"/messages/{sent['id']}")
                             ["content"], "keep this")
            hive.say("BOT-001", "and on")
            self.assertEqual(len(hive.lines("BOT-001")), 4)
            health = hive.must("GET", API + "/health")
            self.assertEqual(health["store"]["backend"], "postgresql")
            shown = json.dumps(hive.must("GET", "/config")) + hive.log()
            self.assertNotIn(postgres.PASSWORD, shown)
            self.assertEqual(hive.stop(), 0)
            self.assertFalse(os.path.exists(
                os.path.join(hive.dir, "state", "deia.db")))

    def test_a_database_that_is_away_is_said_to_be(self):
        with self.hive() as hive:
            hive.launch("BOT-001")
            hive.wait_state("BOT-001", "ready")
            hive.say("BOT-001", "before")
            self.pg.stop(signal.SIGINT)
            try:
                self.assertEqual(self.wait_ready(hive, 503)["status"],
                                 "store_away")
                self.assertEqual(hive.call("GET", "/health")[1]["checks"][
                    "store"], "away")
                conn = http.client.HTTPConnection("127.0.0.1", hive.port,
                                                  timeout=WAIT_SECONDS)
                conn.request("GET", API + "/bots/BOT-001/chat",
                             headers=hive.headers())
                reply = conn.getresponse()
                self.assertEqual(reply.status, 503, reply.read())
                self.assertTrue(reply.getheader("Retry-After"))
                conn.close()
                self.wait_log(hive, "the database is away")
                status, health = hive.call("GET", API + "/health")
                reason = health["store"]["away_reason"]
                self.assertIn("cannot be reached", reason)
                self.assertNotIn(postgres.PASSWORD, reason + hive.log())
                self.assertEqual(
                    self.wait_ready(hive, 503, "/health")["status"],
                    "CRITICAL")
            finally:
                self.pg.start()
            self.wait_ready(hive, 200)
            self.wait_log(hive, "the database is back")
            hive.say("BOT-001", "after")
            self.assertEqual(len(hive.lines("BOT-001")), 4)
            self.wait_ready(hive, 200, "/health")

    def test_deiad_ends_while_the_database_is_away(self):
        with self.hive() as hive:
            hive.launch("BOT-001")
            hive.wait_state("BOT-001", "ready")
            self.pg.stop(signal.SIGINT)
            try:
                self.wait_ready(hive, 503)
                hive.process.terminate()
                hive.process.wait(WAIT_SECONDS)
                self.assertNotIn("did not end in time", hive.log())
            finally:
                self.pg.start()

    def test_deiad_that_cannot_reach_it_says_so(self):
        hive = self.hive()
        hive.env["DEIA_DATABASE_URL"] += "_not"
        try:
            with self.assertRaisesRegex(AssertionError, "does not exist") as e:
                hive.start()
            self.assertNotIn(postgres.PASSWORD, str(e.exception))
        finally:
            hive.process.stdout.close()
            hive.__exit__()

    def test_disturbances_under_load_lose_and_double_nothing(self):
        stop = threading.Event()
        ways = itertools.cycle(("terminate", "kill", "immediate", "fast"))
        with self.hive() as hive:
            hive.launch("MAIL-001", adapter="external")
            senders = [Sender(hive, i, stop) for i in range(CLIENTS)]
            for s in senders:
                s.start()
            for _ in range(KILLS):
                self.disturb(next(ways))
                # Each gets further before the next one.
                for s in senders:
                    for _ in range(3):
                        self.assertTrue(s.progress.acquire(
                            timeout=WAIT_SECONDS), hive.log())
            stop.set()
            for s in senders:
                s.join(WAIT_SECONDS)
                self.assertEqual(s.wrong, [])
            self.wait_ready(hive, 200)
            sent = {k: v for s in senders for k, v in s.sent.items()}
            rows = self.pg.sql("SELECT content, count(*) FROM messages "
                               "GROUP BY content", self.database)
            there = dict(r.split("|") for r in rows)
            self.assertEqual(set(sent.values()) - set(there), set())
            self.assertEqual({k for k, n in there.items() if n != "1"}, set())
            for ident in sorted(sent)[::10]:
                self.assertEqual(hive.must("GET", f"/messages/{ident}")
                                 ["content"], sent[ident])
            print(f"# {KILLS} disturbances, {len(sent)} sent, "
                  f"{sum(s.retries for s in senders)} sent again")


if __name__ == "__main__":
    unittest.main()
