# SPDX-License-Identifier: MIT
"""Random requests, and clients that misbehave, while others must be served.

Valid requests are cut, doubled, spliced and bitten, sent in random pieces
over connections that are left at random moments. deiad must go on answering
GET /health in time, keep no descriptor, stay within its memory, and end
cleanly. Seed: DEIA_SEED; requests: DEIA_FUZZ_COUNT.
"""

import os
import random
import threading
import time
import unittest

from hive import Hive, WAIT_SECONDS
from wire import Wire, open_files, resident_kib

SEED = int(os.environ.get("DEIA_SEED", "20261122"))
COUNT = int(os.environ.get("DEIA_FUZZ_COUNT", "1500"))
WORDS = [b"\r\n", b"\n", b"\r", b"\x00", b" ", b":", b"\t", b"%00", b"%2e%2e",
         b"/../", b"//", b"?", b"&", b"=", b"#", b"\xff\xfe", b"\xc0\xaf",
         b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
         b"Host: evil.example\r\n", b"Expect: 100-continue\r\n",
         b"Connection: close\r\n", b"Connection: upgrade\r\n", b"HTTP/1.0",
         b"HTTP/9.9", b"0\r\n\r\n", b"{", b"}", b"[[[[", b'"', b"\\u0000",
         b"\\ud800", b"1e999", b"-0", b"99999999999999999999", b"null",
         b"Accept: text/event-stream\r\n", b"Idempotency-Key: k\r\n",
         b"Range: bytes=0-\r\n", b"Origin: http://evil.example\r\n"]


def requests(hive):
    """Valid requests of many kinds."""
    common = (f"Host: 127.0.0.1:{hive.port}\r\n"
              f"Authorization: Bearer {hive.token}\r\n").encode()
    made = []

    def add(method, path, body=b"", extra=b""):
        head = f"{method} {path} HTTP/1.1\r\n".encode() + common + extra
        if body:
            head += (b"Content-Type: application/json\r\nContent-Length: "
                     b"%d\r\n" % len(body))
        made.append(head + b"\r\n" + body)

    for path in ("/health", "/api/v1/bots", "/api/v1/bots/B?x=1", "/",
                 "/api/v1/bots/B/chat?limit=5", "/api/v1/tokens?limit=2",
                 "/api/v1/bots/B/chat/export?format=txt",
                 "/api/v1/bots/B/logs?tail=3", "/openapi.json",
                 "/api/v1/templates", "/api/v1/config", "/api/v1/audit",
                 "/.well-known/x", "/assets/app.js"):
        add("GET", path)
    add("GET", "/api/v1/events?after=0",
        extra=b"Accept: text/event-stream\r\n")
    add("GET", "/api/v1/bots/B/logs?follow=1")
    add("POST", "/api/v1/bots/B/chat", b'{"content":"hello"}')
    add("POST", "/api/v1/bots/B/chat", b'{"content":"hello"}',
        b"Accept: text/event-stream\r\n")
    add("POST", "/api/v1/bots/B/chat", b'{"content":"hello"}',
        b"Idempotency-Key: one\r\n")
    add("POST", "/api/v1/bots/B/conversations", b'{"title":"x"}')
    add("GET", "/api/v1/bots/B/history?limit=2")
    add("GET", "/api/v1/bots/B/status?hours=2&limit=2")
    add("POST", "/api/v1/bots/actions", b'{"action":"resume","ids":["B"]}')
    add("PUT", "/api/v1/bots/B?dry_run=true",
        b'{"adapter":"echo","limits":{"processes":4}}')
    add("POST", "/api/v1/bots/B/heartbeat", b'{"status_text":"x"}')
    add("POST", "/api/v1/tasks/claim", b'{"bot":"B","wait_seconds":0}')
    add("POST", "/api/v1/tasks", b'{"content":"x","type":"writing",'
        b'"depends_on":[],"expect":{"regex":"^x"},"every_seconds":60}',
        b"Idempotency-Key: two\r\n")
    add("POST", "/api/v1/tasks",
        b'{"tasks":[{"content":"a","ref":"a","approval":true},'
        b'{"content":"b","depends_on":["a"]}]}')
    add("GET", "/api/v1/tasks?status=queued&type=writing&limit=2")
    add("GET", "/api/v1/tasks/T/events")
    add("POST", "/api/v1/tasks/T/verdict", b'{"success":true,"note":"x"}')
    add("POST", "/api/v1/tasks/bulk",
        b'{"action":"cancel","type":"writing","submitted_by":"admin"}')
    add("POST", "/api/v1/tasks/analyze",
        b'{"content":"fix it","complexity":0.5,"capabilities":["c"]}')
    add("PUT", "/api/v1/queues/planning", b'{"paused":false,"wip_limit":2}')
    add("POST", "/api/v1/tasks/T/complete",
        b'{"lease_token":"0.B","text":"x","details":{"files":[]}}')
    add("POST", "/api/v1/bots/B/chat/import",
        b'{"items":[{"role":"user","content":"a"}]}')
    add("POST", "/api/v1/bots?start=false",
        b'{"id":"C","adapter":"echo","options":{"a":[1,2]}}')
    add("PATCH", "/api/v1/bots/C", b'{"model":"m","env":{"A":"b"}}')
    add("DELETE", "/api/v1/bots/C?purge=true")
    add("POST", "/api/v1/bots/B/interrupt", b"{}")
    add("POST", "/api/v1/auth/codes", b'{"role":"viewer"}')
    add("POST", "/api/v1/auth/login", b'{"code":"nonsense"}')
    add("OPTIONS", "/api/v1/bots")
    add("HEAD", "/api/v1/bots")
    made.append(b"POST /api/v1/auth/codes HTTP/1.1\r\n" + common
                + b"Content-Type: application/json\r\nTransfer-Encoding: "
                b"chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    return made


def mutate(rng, data, pool):
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(7)
        if how == 0:
            data = data[:at] + rng.choice(WORDS) + data[at:]
        elif how == 1:
            data = data[:at] + data[at + rng.randrange(1, 20):]
        elif how == 2:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        elif how == 3:
            other = rng.choice(pool)
            data = data[:at] + other[rng.randrange(len(other)):]
        elif how == 4:
            part = data[at:at + rng.randrange(1, 40)]
            data = data[:at] + part * rng.choice((2, 3, 50)) + data[at:]
        elif how == 5:
            data += rng.choice(pool)
        else:
            data = data[:at]
    return data


def attack(rng, hive, data):
    """Sends data in pieces; leaves at a random moment."""
    with Wire(hive, 0.05) as wire:
        while data:
            n = rng.choice((1, 7, 100, len(data), len(data)))
            if not wire.send(data[:n]):
                return
            data = data[n:]
        if rng.random() < 0.2:
            wire.end()
        if rng.random() < 0.7:
            try:
                wire.more()
            except TimeoutError:
                pass


class Health(threading.Thread):
    """Asks GET /health again and again; remembers the slowest answer."""

    def __init__(self, hive):
        super().__init__(daemon=True)
        self.hive, self.slowest, self.count = hive, 0.0, 0
        self.wrong = None
        self.done = threading.Event()

    def run(self):
        ask = (f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{self.hive.port}"
               "\r\n\r\n").encode()
        with Wire(self.hive) as wire:
            while not self.done.wait(0.02):
                began = time.monotonic()
                wire.send(ask)
                status = wire.answer()[0]
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.count += 1
                if status not in (200, 503):  # a busy machine is CRITICAL
                    self.wrong = status
                    return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


class Fuzz(unittest.TestCase):
    def setUp(self):
        # A sanitizer keeps what was freed: that is not growth.
        keep = os.environ.get("ASAN_OPTIONS", "")
        # Perturbed memory is touched, and so resident, that is not needed.
        self.hive = Hive(env={"MALLOC_PERTURB_": "0", "ASAN_OPTIONS":
                              keep + ":quarantine_size_mb=4"}).start()
        self.addCleanup(self.hive.__exit__)
        self.hive.launch("B")
        self.hive.wait_state("B", "ready")
        self.files = open_files(self.hive.process.pid)

    def settled(self):
        """Waits until only our connection is left; its health."""
        limit = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < limit:
            health = self.hive.call("GET", "/health")[1]
            details = self.hive.call("GET", "/api/v1/health")[1]
            if details["http"]["connections"] <= 1 and \
                    details["turns"]["running"] == 0:
                break
        else:
            self.fail(f"connections stay: {details}")
        self.assertEqual(health["checks"], {"store": "ok", "bots": "ok"})
        self.assertLessEqual(open_files(self.hive.process.pid),
                             self.files + 4)

    def ends_cleanly(self):
        self.assertEqual(self.hive.stop(), 0, self.hive.log()[-3000:])
        self.assertNotIn("Sanitizer", self.hive.log())
        self.assertNotIn("runtime error", self.hive.log())

    def run_random(self, rng, pool, count):
        for n in range(count):
            data = mutate(rng, rng.choice(pool), pool)
            try:
                attack(rng, self.hive, data)
            except OSError as err:
                self.fail(f"request {n} ended deiad: {err}\n{data!r}\n"
                          + self.hive.log()[-3000:])

    def test_random_requests_harm_nobody(self):
        print(f"seed {SEED}, {COUNT} requests")
        rng = random.Random(SEED)
        pool = requests(self.hive)
        with Health(self.hive) as health:
            self.run_random(rng, pool, COUNT // 3)
            before = resident_kib(self.hive.process.pid)
            self.run_random(rng, pool, COUNT - COUNT // 3)
            after = resident_kib(self.hive.process.pid)
        print(f"health: {health.count} answers, slowest "
              f"{health.slowest * 1000:.0f} ms; memory {before} -> {after}"
              " KiB")
        self.assertIsNone(health.wrong)
        self.assertLess(health.slowest, 5)
        self.assertLess(after, before + (64 << 10))
        self.settled()
        self.ends_cleanly()

    def test_clients_that_leave_take_nothing_along(self):
        """They leave while a chat is pending, a stream is open, a body is
        half sent, or at once."""
        pool = [r for r in requests(self.hive) if b"/chat " in r
                or b"/events" in r or b"follow=1" in r]
        with Health(self.hive) as health:
            for n in range(600):
                data = pool[n % len(pool)]
                with Wire(self.hive) as wire:
                    cut = len(data) - (n % 3 == 2) * (n % 40)
                    if n % 4:
                        wire.send(data[:cut])
                    if n % 5 == 0:
                        wire.end()
        self.assertIsNone(health.wrong)
        self.assertLess(health.slowest, 5)
        self.settled()
        self.ends_cleanly()

    def test_readers_that_never_read_cost_little(self):
        """Pages, streams and the end of the log of clients that take
        nothing."""
        text = "x" * 500000
        for _ in range(16):
            self.hive.say("B", text)
        head = (f"Host: 127.0.0.1:{self.hive.port}\r\n"
                f"Authorization: Bearer {self.hive.token}\r\n\r\n").encode()
        before = resident_kib(self.hive.process.pid)
        wires = []
        with Health(self.hive) as health:
            for n in range(150):
                path = (b"/api/v1/bots/B/chat?limit=1000",
                        b"/api/v1/bots/B/chat/export?format=json",
                        b"/api/v1/events?after=0")[n % 3]
                wire = Wire(self.hive)
                wires.append(wire)
                wire.send(b"GET " + path + b" HTTP/1.1\r\n" + head)
            for _ in range(30):
                self.hive.must("GET", "/bots")
        after = resident_kib(self.hive.process.pid)
        print(f"memory {before} -> {after} KiB, slowest health "
              f"{health.slowest * 1000:.0f} ms")
        for wire in wires:
            wire.close()
        self.assertIsNone(health.wrong)
        self.assertLess(after, before + (600 << 10))
        self.settled()
        self.ends_cleanly()

    def test_bodies_that_cost_much_to_read_stall_nobody(self):
        head = (f"POST /api/v1/bots/B/chat HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{self.hive.port}\r\n"
                f"Authorization: Bearer {self.hive.token}\r\n"
                "Content-Type: application/json\r\n").encode()
        size = 8 << 20
        bodies = {
            "depth": b'{"content":' + b"[" * 100000,
            "values": b'{"x":[' + b"0," * (size // 2 - 10) + b"0]}",
            "objects": b'{"x":[' + b"{}," * (size // 3 - 10) + b"0]}",
            "keys": b"{" + b",".join(b'"%x":0' % i
                                     for i in range(600000)) + b"}",
            "same keys": b"{" + b",".join([b'"a":0'] * 1000000) + b"}",
            "long numbers": b'{"x":[' + b",".join(
                [b"1" * 80] * 100000) + b"]}",
            "long number": b'{"content":' + b"9" * (size - 20) + b"}",
            "escapes": b'{"content":"' + b"\\u0041" * (size // 6 - 10) + b'"}',
        }
        for name, body in bodies.items():
            with self.subTest(name), Health(self.hive) as health, \
                    Wire(self.hive) as wire:
                wire.send(head + b"Content-Length: %d\r\n\r\n" % len(body)
                          + body)
                status, _, text = wire.answer()
                self.assertIn(status, (400, 413, 422), text)
                health.done.set()
                health.join()
                print(f"{name}: {status}, slowest health "
                      f"{health.slowest * 1000:.0f} ms")
                self.assertIsNone(health.wrong)
                self.assertLess(health.slowest, 5)
        self.assertLess(resident_kib(self.hive.process.pid), 700 << 10)
        self.settled()
        self.ends_cleanly()


if __name__ == "__main__":
    unittest.main()
