# SPDX-License-Identifier: MIT
"""deia logs: from a hive, from the file of one that does not run; traces."""

import json
import os
import subprocess
import time
import unittest

from clilib import DEIA, CliCase
from hive import WAIT_SECONDS, Hive

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class FromAFile(CliCase):
    """No hive runs in the folder."""

    def setUp(self):
        super().setUp()
        self.deia("init", check=0)
        self.folder = os.path.join(self.dir, ".deia", "bot-logs")
        os.makedirs(self.folder, exist_ok=True)

    def write(self, *lines):
        with open(os.path.join(self.folder, "deiad.jsonl"), "w",
                  encoding="utf-8") as f:
            for line in lines:
                f.write(json.dumps(line) + "\n")

    @staticmethod
    def line(message, level="info", at="2026-11-30T22:10:04.512Z", **more):
        return {"@timestamp": at, "log.level": level, "message": message,
                "event.action": "log", **more}

    def test_lines_for_people_and_programs(self):
        lines = [self.line("one", **{"deia.bot": "B"}),
                 self.line("two", "error")]
        self.write(*lines)
        p = self.deia("logs", check=0)
        self.assertEqual(p.out, "2026-11-30T22:10:04.512Z info  one bot=B\n"
                                "2026-11-30T22:10:04.512Z error two\n")
        self.assertIn("no hive runs in", p.err)
        p = self.deia("logs", "--json", "-q", check=0)
        self.assertEqual([json.loads(t) for t in p.out.splitlines()], lines)
        self.assertEqual(p.err, "")

    def test_filters(self):
        self.write(self.line("old", at="2020-01-01T00:00:00.000Z"),
                   self.line("Timed out", "warn", **{"trace.id": TRACE}),
                   self.line("fine", "debug", **{"http.request.id": "r1"}))

        def shown(*args):
            return [t.split()[2] for t in
                    self.deia("logs", *args, check=0).out.splitlines()]
        self.assertEqual(shown(), ["old", "Timed", "fine"])
        self.assertEqual(shown("-n", "1"), ["fine"])
        self.assertEqual(shown("--level", "info"), ["old", "Timed"])
        self.assertEqual(shown("--level", "error"), [])
        self.assertEqual(shown("--since", "2026-01-01T00:00Z"),
                         ["Timed", "fine"])
        self.assertEqual(shown("--grep", "tIMED"), ["Timed"])
        self.assertEqual(shown("--trace", TRACE), ["Timed"])
        self.assertEqual(shown("--request", "r1"), ["fine"])

    def test_nothing_steers_the_terminal(self):
        self.write(self.line("\x1b[31m\u202ered\nnext", **{
            "deia.bot": "\x07"}))
        p = self.deia("logs", check=0)
        self.assertEqual(p.out.count("\n"), 1)
        self.assertNotRegex(p.out, "[\x00-\x09\x0b-\x1f\x7f\u202e]")

    def test_there_is_no_log(self):
        self.assertEqual(self.deia("logs", check=0).out, "")

    def test_mistakes(self):
        self.says(self.deia("logs", "-n", "0"), 2, "1 to 10000")
        self.says(self.deia("logs", "--since", "soon"), 2, "is no time")
        self.says(self.deia("logs", "--level", "loud"), 2, "level")
        self.says(self.deia("logs", "-f", "--dir", ".deia"), 6)


class FromAHive(CliCase):
    def setUp(self):
        super().setUp()
        self.real = Hive()
        self.addCleanup(self.real.__exit__)
        self.real.start()
        self.env.update(DEIA_DIR=self.real.dir)

    def until(self, *args):
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            out = self.deia("logs", *args, check=0).out
            if out:
                return out
            self.assertLess(time.monotonic(), limit, "still nothing")

    def test_a_command_is_part_of_the_trace_of_its_environment(self):
        self.deia("bot", "list", env={"TRACEPARENT": PARENT}, check=0)
        out = self.until("--trace", TRACE)
        self.assertIn("GET /api/v1/bots", out)
        self.assertNotIn(TRACE, out)
        self.assertIn(f"trace={TRACE}",
                      self.deia("logs", "-v", "--trace", TRACE).out)

    def test_a_bad_one_is_ignored(self):
        self.deia("bot", "list", env={"TRACEPARENT": "x"}, check=0)
        self.assertIn("GET /api/v1/bots", self.until("--grep", "v1/bots"))

    def test_follow(self):
        p = subprocess.Popen(
            [DEIA, "logs", "-f", "--trace", TRACE], env=self.env,
            cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.deia("bot", "list", env={"TRACEPARENT": PARENT}, check=0)
        self.assertIn("GET /api/v1/bots", p.stdout.readline())

    def test_it_is_still_there_when_the_hive_is_down(self):
        self.deia("bot", "list", env={"TRACEPARENT": PARENT}, check=0)
        self.until("--trace", TRACE)
        self.real.stop()
        p = self.deia("logs", "--trace", TRACE, check=0)
        self.assertIn("GET /api/v1/bots", p.out)
        self.assertIn("no hive runs in", p.err)


if __name__ == "__main__":
    unittest.main()
