# SPDX-License-Identifier: MIT
"""Random operations against twenty bots: nothing leaks, nothing is lost.

Runs for DEIA_SOAK_MINUTES (default 10) from the seed DEIA_SEED, which it
prints. Then: no process too many, descriptors and memory as before, every
acknowledged line of chat there, every bot in a state it may be in.
"""

import os
import random
import signal
import time
import unittest

from hive import Hive, Refused, alive, descendants, wait_gone

BOTS = 20
MINUTES = float(os.environ.get("DEIA_SOAK_MINUTES", "10"))
SEED = int(os.environ.get("DEIA_SEED", "0")) or random.randrange(1, 1 << 30)
STATES = {"stopped", "starting", "ready", "busy", "paused", "stopping",
          "backoff", "failed"}
# What an operation may be refused with, since others were before it.
FINE = {404, 409, 429, 502, 503, 504}


def rss_mib(pid):
    with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2 ** 20


def descriptors(pid):
    """All but those of bots' logs, of which at most 64 are kept open."""
    folder, count = f"/proc/{pid}/fd", 0
    for name in os.listdir(folder):
        try:
            count += "/bot-logs/" not in os.readlink(f"{folder}/{name}")
        except FileNotFoundError:
            pass
    return count


class RandomOperations(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}, {MINUTES} minutes")
        self.rng = random.Random(SEED)
        self.hive = Hive()
        self.addCleanup(self.hive.__exit__)
        self.hive.start()
        self.said = {}  # bot -> contents acknowledged since it was created
        self.count = 0

    def bot(self):
        return f"BOT-{self.rng.randrange(BOTS):03}"

    def create(self):
        bot = self.bot()
        self.hive.launch(bot, restart={"policy": "always",
                                       "max_restarts": 1000,
                                       "window_seconds": 10})
        self.said.setdefault(bot, [])

    def remove(self):
        bot = self.bot()
        self.hive.must("DELETE", f"/bots/{bot}?force=true&purge=true")
        self.said.pop(bot, None)

    def act(self):
        what = self.rng.choice(["start", "stop", "restart", "pause",
                                "resume", "interrupt"])
        self.hive.must("POST", f"/bots/{self.bot()}/{what}")

    def chat(self):
        bot = self.bot()
        text = f"line {self.count} " + "x" * self.rng.choice([0, 10, 5000])
        answer = self.hive.say(bot, text)
        self.assertEqual(answer["content"], text)
        self.said[bot].append(text)

    def leave_a_stream(self):
        """Asks, and goes away without reading the answer."""
        with self.hive.stream("POST", f"/bots/{self.bot()}/chat",
                              {"content": "never read"}):
            pass

    def kill_a_bot(self):
        pid = self.hive.must("GET", f"/bots/{self.bot()}")["pid"]
        if pid and alive(pid):
            os.kill(pid, self.rng.choice([signal.SIGKILL, signal.SIGTERM,
                                          signal.SIGSEGV]))

    def look(self):
        path = self.rng.choice(["/bots", "/audit", "/tokens", "/health",
                                f"/bots/{self.bot()}/chat",
                                f"/bots/{self.bot()}/logs?tail=10"])
        self.hive.must("GET", path)

    def nonsense(self):
        status, problem = self.hive.call(
            self.rng.choice(["POST", "GET", "DELETE", "PATCH"]),
            self.rng.choice(["/bots", "/bots/%00", "/nothing", "/tokens"]),
            self.rng.choice([None, {"id": 7}, [], {"id": "x" * 100}]))
        if status >= 400:
            self.assertLess(status, 500, problem)

    def run_for(self, seconds):
        operations = [self.create, self.remove, self.act, self.act, self.chat,
                      self.chat, self.chat, self.leave_a_stream,
                      self.kill_a_bot, self.look, self.nonsense]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.count += 1
            try:
                self.rng.choice(operations)()
            except Refused as refused:
                self.assertIn(refused.status, FINE, refused.problem)
            except KeyError:
                pass  # said to a bot that was purged in the meantime

    def settle(self):
        """Stops every bot and waits until none has a process."""
        for info in self.hive.must("GET", "/bots?limit=1000")["items"]:
            self.assertIn(info["state"], STATES)
            self.hive.call("POST", f"/bots/{info['id']}/stop")

        def quiet():
            return all(b["state"] in ("stopped", "failed") for b in
                       self.hive.must("GET", "/bots?limit=1000")["items"])

        self.hive.wait(quiet, 120)

    def check_lines(self):
        for bot, texts in self.said.items():
            there = {x["content"] for x in self.hive.lines(bot)
                     if x["role"] == "user"}
            self.assertEqual([t for t in texts if t not in there], [],
                             f"{bot} lost lines")

    def test_nothing_leaks_and_nothing_is_lost(self):
        deiad = self.hive.process.pid
        self.run_for(min(30, MINUTES * 15))  # warm up caches
        self.settle()
        files, memory = descriptors(deiad), rss_mib(deiad)
        self.run_for(MINUTES * 60)
        self.settle()
        self.check_lines()
        self.assertEqual(wait_gone(descendants(deiad), 30), [])
        self.assertLessEqual(descriptors(deiad), files + 2)
        self.assertLess(rss_mib(deiad), memory + 16)
        print(f"{self.count} operations; {files} -> {descriptors(deiad)} "
              f"descriptors, {memory:.1f} -> {rss_mib(deiad):.1f} MiB")
        self.assertEqual(self.hive.stop(), 0)


if __name__ == "__main__":
    unittest.main()
