# SPDX-License-Identifier: MIT
"""Clients of a hive that is killed, and the rounds in which it is.

Each client works until the hive is gone; all of them write what was
acknowledged into one ledger, which a test compares with the hive. Seed:
DEIA_SEED, printed by the tests.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import threading

from hive import API, WAIT_SECONDS

SEED = int(os.environ.get("DEIA_SEED", "0")) or random.randrange(1, 1 << 30)
GONE = (OSError, http.client.HTTPException, ValueError)


class Client(threading.Thread):
    """Calls act() until the hive is gone."""

    def __init__(self, hive, ledger, number, round_number):
        super().__init__(daemon=True)
        self.hive, self.ledger = hive, ledger
        self.name = f"r{round_number}c{number}"
        self.rng = random.Random(f"{SEED} {self.name}")
        self.keep = http.client.HTTPConnection("127.0.0.1", hive.port,
                                               timeout=WAIT_SECONDS)
        self.count = 0
        self.error = None

    def call(self, method, path, body=None, key=None):
        """Status and answer (None: it has no body) of one request."""
        head = self.hive.headers({"Content-Type": "application/json"})
        if key:
            head["Idempotency-Key"] = key
        self.keep.request(method, API + path,
                          None if body is None else json.dumps(body), head)
        reply = self.keep.getresponse()
        text = reply.read()
        return reply.status, json.loads(text) if text else None

    def ask(self, path, body, key=None):
        status, answer = self.call("POST", path, body, key)
        assert status in (200, 201), (path, status, answer)
        return answer

    def act(self):
        raise NotImplementedError

    def run(self):
        try:
            while True:
                self.act()
                self.count += 1
                self.ledger.steps.release()
        except GONE:
            pass
        except BaseException as error:  # told by the test
            self.error = error
        finally:
            self.keep.close()


class Rounds:
    """Of a test case with `hive`, `ledger`, `rng` and `ends` (a dict).

    early: the fault points that may be passed while deiad starts.
    new_clients(number): the clients of a round.
    """

    early = ()

    def new_clients(self, number):
        raise NotImplementedError

    def standing(self):
        """What there is to say of a hive that does not go on."""
        return self.hive.log()[-2000:]

    def end_by_itself(self, hive):
        """It came to its fault point, or is killed when it never does."""
        try:
            hive.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"it did not come to its end: {self.standing()}")
        finally:
            if hive.process.poll() is None:
                hive.process.kill()
                hive.process.wait()
            hive.process.stdout.close()
        self.assertEqual(hive.process.returncode, -signal.SIGKILL, hive.log())

    def load(self, number, passes):
        """Clients work until deiad ends; passes: 0 when a fault ends it."""
        self.ledger.steps = threading.Semaphore(0)
        clients = self.new_clients(number)
        for client in clients:
            client.start()
        if passes:
            for _ in range(passes):
                self.assertTrue(self.ledger.steps.acquire(
                    timeout=WAIT_SECONDS), [c.error for c in clients])
            self.hive.kill()
        else:
            self.end_by_itself(self.hive)
        for client in clients:
            client.join(WAIT_SECONDS)
            self.assertFalse(client.is_alive())
            self.assertIsNone(client.error, self.hive.log()[-2000:])

    def start_under(self, fault):
        """Starts it with a fault point; False: it ended while it started."""
        self.hive.env["DEIA_FAULT"] = fault
        try:
            self.hive.start()
            return True
        except AssertionError:
            self.end_by_itself(self.hive)
            return False
        finally:
            del self.hive.env["DEIA_FAULT"]

    def one_round(self, number, ways):
        """ways: (how it ends, how often a point is passed before at most)."""
        how, most = ways[number % len(ways)]
        self.ends[how] = self.ends.get(how, 0) + 1
        passes = self.rng.randrange(1, most + 1)
        if how == "random":
            self.hive.start()
            self.load(number, passes)
        elif self.start_under(f"{how}:{passes}"):
            self.load(number, 0)
        else:
            self.assertIn(how, self.early)
