# SPDX-License-Identifier: MIT
"""deiad with each cache, and with a Redis that is taken away under load: the
answers are the same."""

import json
import os
import random
import re
import threading
import time
import unittest

from hive import Hive
from redis import PROGRAM, Redis, free_port

BUILD = os.environ["DEIA_BUILD"]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
ROUNDS = 60  # of all who talk, between two disturbances
DISTURBANCES = int(os.environ.get("DEIA_CACHE_DISTURBANCES", "16"))


def cache_of(hive):
    return hive.call("GET", "/health/cache")[1]["cache"]


def wait_cache(hive, status, seconds=30):
    """Asks until the cache is so; each question is a round trip."""
    limit = time.monotonic() + seconds
    while cache_of(hive)["status"] != status:
        if time.monotonic() > limit:
            raise AssertionError(f"not {status}\n{hive.log()}")


class Talk:
    """Says things to a bot and knows what its page must show."""

    def __init__(self, hive, bot="BOT-1"):
        self.hive = hive
        self.bot = bot
        self.expected = []

    def begin(self):
        self.hive.launch(self.bot)
        self.hive.wait_state(self.bot, "ready")
        return self

    def page(self, limit=10):
        items = self.hive.must(
            "GET", f"/bots/{self.bot}/chat?limit={limit}")["items"]
        return [x["content"] for x in items]

    def say(self, text):
        answer = self.hive.say(self.bot, text)["content"]
        self.expected += [text, answer]

    def clear(self):
        self.hive.must("DELETE", f"/bots/{self.bot}/chat")
        self.expected = []

    def check(self, case):
        """Twice, so that the second one can be a hit; with two lengths."""
        for limit in (10, 10, 3, 3):
            case.assertEqual(self.page(limit),
                             self.expected[-limit:][::-1])


class Memory(unittest.TestCase):
    def test_pages_are_kept_and_never_old(self):
        with Hive(BUILD) as hive:
            talk = Talk(hive).begin()
            for n in range(10):
                talk.say(f"number {n}")
                talk.check(self)
            talk.clear()
            talk.check(self)
            state = cache_of(hive)
            self.assertEqual(state["backend"], "memory")
            self.assertEqual(state["status"], "up")
            self.assertGreaterEqual(state["hits"], 20)
            self.assertGreater(state["entries"], 0)
            details = hive.call("GET", "/health")[1]
            self.assertEqual(details["checks"]["store"], "ok")
            self.assertEqual(
                hive.must("GET", "/api/v1/health")["cache"]["backend"],
                "memory")

    def test_an_url_that_is_none_is_refused_without_its_password(self):
        hive = Hive(BUILD, env={"DEIA_REDIS_URL": "redis://u:s3cret@h:0"})
        self.addCleanup(hive.__exit__)
        with self.assertRaises(AssertionError) as got:
            hive.start()
        hive.process = None
        self.assertIn("cache.url: expected", str(got.exception))
        self.assertNotIn("s3cret", str(got.exception))


@unittest.skipUnless(PROGRAM, "there is no redis-server on this machine")
class RealRedis(unittest.TestCase):
    def setUp(self):
        self.redis = Redis()
        self.redis.start()
        self.addCleanup(self.redis.__exit__)
        self.hive = Hive(BUILD, env={"DEIA_REDIS_URL": self.redis.url})
        self.hive.start()
        self.addCleanup(self.hive.__exit__)
        wait_cache(self.hive, "up")

    def test_pages_are_kept_there_and_never_old(self):
        talk = Talk(self.hive).begin()
        for n in range(10):
            talk.say(f"number {n}")
            talk.check(self)
        talk.clear()
        talk.check(self)
        state = cache_of(self.hive)
        self.assertEqual(state["backend"], "redis")
        self.assertGreaterEqual(state["hits"], 20)
        self.assertIn("deia:page:", self.redis.say("KEYS", "deia:page:*"))

    def test_no_secret_is_kept_there(self):
        talk = Talk(self.hive).begin()
        talk.say("hello")
        talk.check(self)
        made = self.hive.must("POST", "/tokens",
                              {"name": "one", "role": "viewer"})
        keys = self.redis.say("KEYS", "*")
        for secret in (self.hive.token, made["token"]):
            self.assertNotIn(secret, keys)
        self.redis.say("CONFIG", "SET", "save", "")
        for key in [k for k in keys.split("\r\n") if k.startswith("deia:")]:
            value = self.redis.say("GET", key)
            self.assertNotIn(self.hive.token, value)
            self.assertNotIn(made["token"], value)

    def test_a_revoked_token_is_dead_at_once_whatever_redis_does(self):
        for take_away in (lambda: None, self.redis.freeze):
            made = self.hive.must("POST", "/tokens",
                                  {"name": "one", "role": "viewer"})
            head = {"Authorization": f"Bearer {made['token']}"}
            self.assertEqual(self.hive.call("GET", "/bots", None, head)[0],
                             200)
            take_away()
            self.hive.must("DELETE", f"/tokens/{made['id']}")
            self.assertEqual(self.hive.call("GET", "/bots", None, head)[0],
                             401)
        self.redis.thaw()

    def test_status_of_bots_and_events_are_told_to_other_nodes(self):
        Talk(self.hive).begin()
        limit = time.monotonic() + 30
        while "deia:status:" not in self.redis.say("KEYS", "deia:status:*"):
            self.assertLess(time.monotonic(), limit)

    def disturb(self, n):
        """One disturbance and what undoes it; returns the latter."""
        what = ("flush", "freeze", "kill", "full")[n % 4]
        if what == "flush":
            self.redis.say("FLUSHALL")
            return lambda: None
        if what == "freeze":
            self.redis.freeze()
            return self.redis.thaw
        if what == "kill":
            self.redis.kill()
            return self.redis.start
        self.redis.say("CONFIG", "SET", "maxmemory", "1")
        return lambda: self.redis.say("CONFIG", "SET", "maxmemory", "0")

    def test_answers_stay_right_while_it_is_taken_away(self):
        talks = [Talk(self.hive, f"BOT-{i}").begin() for i in range(3)]
        rounds = threading.Semaphore(0)
        over = threading.Event()
        failures = []

        def work(talk, seed):
            mine = random.Random(seed)
            n = 0
            try:
                while not over.is_set():
                    n += 1
                    talk.say(f"{talk.bot} {n}")
                    talk.check(self)
                    if mine.random() < 0.05:
                        talk.clear()
                        talk.check(self)
                    rounds.release()
            except BaseException as error:  # told to the main thread
                failures.append(error)
                rounds.release(1000)

        threads = [threading.Thread(target=work, args=(t, i))
                   for i, t in enumerate(talks)]
        for t in threads:
            t.start()
        for n in range(DISTURBANCES):
            undo = self.disturb(n)
            # Short ones are over before it is given up, long ones are not.
            for _ in range(ROUNDS if n % 3 else 2):
                rounds.acquire(timeout=30)
            undo()
            for _ in range(ROUNDS):
                rounds.acquire(timeout=30)
        over.set()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])
        wait_cache(self.hive, "up")
        for talk in talks:
            talk.check(self)
        self.assertNotIn("ERROR", self.hive.log())

    def test_given_up_soon_and_found_again(self):
        talk = Talk(self.hive).begin()
        talk.say("hello")
        self.redis.freeze()
        began = time.monotonic()
        wait_cache(self.hive, "down")
        # Within a second is wanted; these machines are shared.
        self.assertLess(time.monotonic() - began, 10)
        talk.check(self)
        self.assertEqual(self.hive.call("GET", "/health")[1]["checks"],
                         {"store": "ok", "bots": "ok"})
        self.redis.thaw()
        wait_cache(self.hive, "up")
        talk.check(self)
        self.assertIn("it does not answer", self.hive.log())


class Table(unittest.TestCase):
    def test_the_documented_keys_are_those_of_the_code(self):
        forms = {"MARK": "mark", "GROUPED": "value of a group",
                 "SINGLE": "value", "COUNTER": "counter", "WORD": "word",
                 "CHANNEL": "channel"}
        with open(os.path.join(ROOT, "libdeia/cache/keys.c"),
                  encoding="utf-8") as f:
            text = re.sub(r'"\s+"', "", f.read())  # texts in pieces
        code = re.findall(r'\{ "(\w+)", DEIA_CACHE_(\w+),\s+(\d+),'
                          r'\s+"([^"]+)" \}', text)
        with open(os.path.join(ROOT, "docs/cache.md"), encoding="utf-8") as f:
            page = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| (\d+ ms|no end) "
                              r"\| (.+) \|$", f.read(), re.M)
        self.assertEqual(len(code), 8)
        self.assertEqual(page, [
            (prefix, forms[form], f"{ttl} ms" if int(ttl) else "no end", about)
            for prefix, form, ttl, about in code])


@unittest.skipUnless(PROGRAM, "there is no redis-server on this machine")
class Settings(unittest.TestCase):
    def test_it_starts_without_a_server(self):
        url = f"redis://127.0.0.1:{free_port()}"
        with Hive(BUILD, env={"DEIA_REDIS_URL": url}) as hive:
            talk = Talk(hive).begin()
            talk.say("hello")
            talk.check(self)
            self.assertEqual(cache_of(hive)["status"], "down")

    def test_the_password_of_a_file_is_used_and_never_shown(self):
        with Redis("--requirepass", "s3cret") as redis:
            hive = Hive(BUILD, config="cache:\n"
                        f"  url: {redis.url}\n"
                        "  password_file: redis-password\n"
                        "  prefix: mine\n")
            self.addCleanup(hive.__exit__)
            with open(os.path.join(hive.dir, "redis-password"), "w",
                      encoding="utf-8") as f:
                f.write("s3cret\n")
            hive.start()
            wait_cache(hive, "up")
            shown = json.dumps(hive.must("GET", "/config"))
            self.assertNotIn("s3cret", shown)
            self.assertNotIn("s3cret", hive.log())

    def test_wrong_codes_count_at_every_node(self):
        with Redis() as redis:
            env = {"DEIA_REDIS_URL": redis.url}
            with Hive(BUILD, env=env) as a, Hive(BUILD, env=env) as b:
                wait_cache(a, "up")
                wait_cache(b, "up")
                codes = [h.call("POST", "/auth/login", {"code": "wrong"})[0]
                         for h in (a, b, a, b, a, b, a, b)]
                self.assertIn(401, codes[:4])
                # Seven were counted in all: each node says so by now.
                self.assertEqual(codes[7], 429)


if __name__ == "__main__":
    unittest.main()
