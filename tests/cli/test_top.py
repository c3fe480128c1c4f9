# SPDX-License-Identifier: MIT
"""deia top: on a real terminal (tmux) with the real deiad, and on answers that
a test writes."""

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import time
import unittest

import clilib
from clilib import CliCase, bot, page, problem
from hive import Hive, WAIT_SECONDS

HEALTH = "/api/v1/health"
NOON = "2026-11-22T12:00:00.000Z"
ALERT = "01997f3c-5b1e-7c3a-9d52-0c3f7a9b0001"
# A rule that fires at once for a bot that has failed, and nothing else.
RULES = {"rules": [{
    "id": "bot_failed", "metric": "bot.failed", "compare": ">=",
    "levels": {"warning": {"at": 1, "clear": 1, "for_seconds": 0}},
    "keep_seconds": 0, "also": [], "unless": [], "enabled": True,
    "text": "See `deia bot describe`."}]}


class Screen:
    """A terminal of tmux with a program in it."""

    def __init__(self, case, argv, env, width=80, height=24):
        self.name = os.path.join(case.dir, "tmux")
        self.env = {**case.env, **env}
        self.env.pop("TMUX", None)
        # What is left when the program ended shows how the terminal is.
        line = (f"{shlex.join(argv)}; echo ended with $?; stty -a; "
                "exec cat")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width),
                  "-y", str(height), "sh", "-c", line)
        case.addCleanup(self.end)

    def tmux(self, *args):
        p = subprocess.run(["tmux", "-S", self.name, *args], env=self.env,
                           capture_output=True, timeout=WAIT_SECONDS,
                           check=False)
        if p.returncode != 0:
            raise AssertionError(f"tmux {args}: {p.stderr.decode()}")
        return p.stdout.decode("utf-8", "surrogateescape")

    def end(self):
        subprocess.run(["tmux", "-S", self.name, "kill-server"],
                       env=self.env, capture_output=True, check=False)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def text(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def picture(self, *args):
        return self.tmux("capture-pane", "-p", *args)

    def until(self, holds, what):
        """The first picture for which holds() is true."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            picture = self.picture()
            if holds(picture):
                return picture
            select.select([], [], [], 0.1)
        raise AssertionError(f"never {what}:\n{picture}")

    def shows(self, *patterns):
        return self.until(
            lambda p: all(re.search(x, p, re.M) for x in patterns),
            f"{patterns} on the screen")


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class Live(CliCase):
    def setUp(self):
        super().setUp()
        self.h = Hive().start()
        self.addCleanup(self.h.__exit__)
        self.h.must("PUT", "/api/v1/health/rules", RULES)

    def top(self, *args, width=80, height=24, **env):
        return Screen(self, [clilib.DEIA, "top", "--interval", "1s", "--url",
                             self.h.url, *args],
                      {"DEIA_TOKEN": self.h.token, **env}, width, height)

    def launch(self, *bots):
        for name in bots:
            self.h.launch(name)
        for name in bots:
            self.h.wait_state(name, "ready")

    def launch_broken(self, name="broken"):
        self.h.launch(name, "process", argv=["/nonexistent/program"])
        self.h.wait_state(name, "failed")

    def test_80x24_shows_what_the_hive_has(self):
        self.launch("BOT-001", "BOT-002")
        self.launch_broken()
        s = self.top()
        p = s.shows(r"^DEGRADED +score 90", r"broken: the bot has failed",
                    r"^ BOT-002 +ready", r"A second:.*tasks \d")
        rows = p.split("\n")
        self.assertIn(self.h.url, rows[0])
        self.assertRegex(p, r"(?m)^Alerts 1 ")
        self.assertRegex(p, r"(?m)^Queues  0 wait, 0 run ")
        self.assertRegex(p, r"(?m)^Bots 3: 1 failed, 2 ready ")
        self.assertLess(p.index(" broken   failed"), p.index(" BOT-001"))
        self.assertRegex(rows[23], r"^S start .*q quit$")
        s.shows(r"^ BOT-001 +ready +0/1 .* \d+ % +\d+ MiB  echo$")

    def test_x_stops_a_bot_after_a_question(self):
        self.launch("BOT-001", "BOT-002")
        s = self.top()
        s.shows(r"^ BOT-002 +ready")
        s.keys("j", "X")
        s.shows(r"^Stop BOT-002\? y or n")
        s.keys("n")
        s.shows(r"^left as it is")
        s.keys("X")
        s.shows(r"^Stop BOT-002\? y or n")
        s.keys("y")
        self.h.wait_state("BOT-002", "stopped")
        s.shows(r"^BOT-002 is stopping", r"^ BOT-002 +stopped")
        self.assertEqual(self.h.must("GET", "/bots/BOT-001")["state"],
                         "ready")

    def test_q_gives_the_terminal_back(self):
        self.launch("BOT-001")
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        s.keys("q")
        p = s.shows(r"^ended with 0$", r" icanon ")
        self.assertRegex(p, r"[ ;]echo ")
        self.assertNotIn("BOT-001", p)


if __name__ == "__main__":
    unittest.main()
