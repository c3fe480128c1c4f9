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
import tempfile
import time
import unittest
import urllib.parse

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
        # One that ends does not take the next one along.
        self.name = os.path.join(tempfile.mkdtemp(dir=case.dir), "tmux")
        self.env = {**case.env, **env}
        self.env.pop("TMUX", None)
        # What is left when the program ended shows how the terminal is.
        line = (f"trap : INT; {shlex.join(argv)}; echo ended with $?; "
                "stty -a; exec cat")
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

    def program(self):
        """The process id of what runs in it, below its shell."""
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        with open(f"/proc/{shell}/task/{shell}/children",
                  encoding="ascii") as f:
            return int(f.read().split()[0])

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

    def test_p_pauses_and_goes_on_and_r_restarts(self):
        self.launch("BOT-001")
        before = self.h.must("GET", "/bots/BOT-001")["pid"]
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        s.keys("P")
        self.h.wait_state("BOT-001", "paused")
        s.shows(r"^BOT-001 is paused", r"^ BOT-001 +paused")
        s.keys("P")
        self.h.wait_state("BOT-001", "ready")
        s.shows(r"^BOT-001 goes on", r"^ BOT-001 +ready")
        s.keys("R")
        s.shows(r"^Restart BOT-001\? y or n")
        s.keys("y")
        self.h.wait(lambda: self.h.must("GET", "/bots/BOT-001")["pid"]
                    not in (None, before))
        s.shows(r"^ BOT-001 +ready")

    def test_an_alert_is_acknowledged_with_a_reason(self):
        self.launch_broken()
        s = self.top()
        s.shows(r"broken: the bot has failed")
        s.keys("A")
        s.shows(r"^choose an alert first")
        s.keys("Tab", "Tab", "A")
        s.shows(r"^Acknowledge it, because:")
        s.text("Grüße, I seex")
        s.keys("BSpace", "Enter")
        s.shows(r"^the alert is acknowledged",
                r"\(acknowledged\) broken: the bot has failed")
        s.keys("j")
        s.shows(r"acknowledged by admin: Grüße, I see\)")
        alert = self.h.must("GET", "/alerts?state=firing")["items"][0]
        self.assertEqual(alert["acknowledged"]["reason"], "Grüße, I see")

    def test_bots_are_filtered_and_sorted(self):
        self.launch("apple", "pear")
        self.launch_broken("zebra")
        s = self.top()
        s.shows(r"^ zebra +failed(.|\n)*^ apple +ready")
        s.keys("s")
        s.shows(r"\(by id\)(.|\n)*^ apple(.|\n)*^ zebra")
        s.keys("/")
        s.text("pea")
        p = s.shows(r"^Bots with: pea", r"^ pear")
        self.assertNotIn(" apple", p)
        s.keys("Enter")
        s.shows(r"by id, with \"pea\"", r"^pear, echo: ready")
        s.keys("Escape")
        s.shows(r"^ apple", r"^ pear")
        s.keys("/")
        s.text("nothing")
        s.shows(r"no bot is like that")

    def test_a_log_and_the_help_come_and_go(self):
        self.launch("BOT-001")
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        s.keys("L")
        s.shows(r"^Log of BOT-001", r"\[deia\] started, pid")
        s.keys("Escape")
        s.shows(r"^ BOT-001 +ready")
        s.keys("?")
        s.shows(r"^Keys ", r"stop the bot \(asks\)")
        s.keys("Escape")
        s.shows(r"^ BOT-001 +ready")

    def test_a_queue_is_paused(self):
        s = self.top()
        s.shows(r"^Queues  0 wait, 0 run")
        s.keys("Tab")
        s.shows(r"^ development +0 wait")
        s.keys("P")
        s.shows(r"^development is paused", r"^ development .* paused$")
        queues = self.h.must("GET", "/queues")["items"]
        self.assertTrue(queues[0]["paused"])

    def test_any_size_will_do(self):
        self.launch("BOT-001", "BOT-002")
        s = self.top()
        s.shows(r"^ BOT-002 +ready")
        for width, height in ((60, 15), (200, 50), (20, 5), (1, 1),
                              (80, 24)):
            s.resize(width, height)
            if width >= 60:
                p = s.until(lambda p, at=height - 1:
                            p.split("\n")[at:at + 1] != [] and
                            p.split("\n")[at].startswith("S start"),
                            f"drawn in {width}x{height}")
                self.assertRegex(p, r"(?m)^ BOT-002 +ready")
                self.assertLessEqual(max(map(len, p.split("\n"))), width)

    def test_a_hive_that_is_away_is_waited_for(self):
        self.launch("BOT-001")
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        self.h.kill()
        s.shows(r"^NO ANSWER  for \d+ s; trying again",
                r"^the hive has not answered for \d+ s; trying again",
                r"^ BOT-001 ")
        s.keys("?")
        s.shows(r"^Keys ")
        s.keys("Escape")
        s.shows(r"^ BOT-001 ")
        self.h.args = ["--port", str(self.h.port)]
        self.h.start()
        p = s.shows(r"^(HEALTHY|DEGRADED) ", r"^ BOT-001 +ready")
        self.assertNotIn("trying again", p)

    def test_a_viewer_is_refused_in_words(self):
        self.launch("BOT-001")
        token = self.h.must("POST", "/tokens", {"name": "eve",
                                                "role": "viewer"})["token"]
        s = self.top(DEIA_TOKEN=token)
        s.shows(r"^ BOT-001 +ready")
        s.keys("X", "y")
        s.shows(r"^BOT-001: .*viewer")
        self.assertEqual(self.h.must("GET", "/bots/BOT-001")["state"],
                         "ready")

    def test_a_pipe_gets_one_picture(self):
        self.launch("BOT-001")
        self.launch_broken()
        for args in ([], ["--once"]):
            p = self.deia("top", "--url", self.h.url, *args, check=0,
                          env={"DEIA_TOKEN": self.h.token})
            self.assertNotIn("\x1b", p.out)
            self.assertEqual(p.out.count("A second:"), 1)
            self.assertRegex(p.out, r"(?m)^ BOT-001  ready ")
            self.assertIn("No such file or directory", p.out)
            self.assertRegex(p.out, r"(?m)^ general +0 wait")

    # ---- the terminal ------------------------------------------------------

    def ends(self, s, code):
        p = s.shows(rf"^ended with {code}$", r"[ ;]icanon ")
        self.assertRegex(p, r"[ ;]echo ")
        self.assertNotIn("BOT-001", p)
        cursor = s.tmux("display-message", "-p",
                        "#{cursor_flag} #{alternate_on}").strip()
        self.assertEqual(cursor, "1 0")

    def test_q_gives_the_terminal_back(self):
        self.launch("BOT-001")
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        s.keys("q")
        self.ends(s, 0)

    def test_ctrl_c_and_sigterm_give_the_terminal_back(self):
        self.launch("BOT-001")
        for end in (lambda s: s.keys("C-c"),
                    lambda s: os.kill(s.program(), signal.SIGTERM)):
            s = self.top()
            s.shows(r"^ BOT-001 +ready")
            end(s)
            self.ends(s, 130)
            s.end()

    def test_it_is_suspended_and_goes_on(self):
        self.launch("BOT-001")
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        pid = s.program()
        os.kill(pid, signal.SIGTSTP)
        s.until(lambda p: "BOT-001" not in p, "left by the picture")
        s.until(lambda p: state_of(pid) == "T", "stopped")
        os.kill(pid, signal.SIGCONT)
        s.shows(r"^ BOT-001 +ready")
        s.keys("q")
        self.ends(s, 0)

    def test_without_colours_no_colour_is_sent(self):
        self.launch("BOT-001")
        s = self.top()
        s.shows(r"^ BOT-001 +ready")
        self.assertRegex(s.picture("-e"), r"\x1b\[3[1-3]m|\x1b\[1;?3")
        s.end()
        s = self.top(NO_COLOR="1")
        s.shows(r"^ BOT-001 +ready")
        self.assertNotRegex(s.picture("-e"), r"\x1b\[(\d+;)*3[0-8]m")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rpartition(")")[2].split()[0]


def health(total=0, **states):
    return 200, {
        "status": "HEALTHY", "score": 100, "since": NOON, "version": "0.1.0",
        "uptime_seconds": 7, "checks": {}, "deductions": [],
        "alerts": {"info": 0, "warning": 1, "critical": 0},
        "bots": {"total": total, **states}, "turns": {"chats": 0},
        "load": {"host_cpu_ratio": 0.5, "host_memory_ratio": 0.25,
                 "process_cpu_ratio": None,
                 "process_memory_bytes": 1048576,
                 "loop_delay_seconds": 0.0004}}


class Answers(CliCase):
    """On answers that a test writes."""

    def setUp(self):
        super().setUp()
        self.f = self.hive()
        self.env.update(DEIA_URL=self.f.url, DEIA_TOKEN="deia_x")
        self.f.on("GET", HEALTH, health())
        self.f.on("GET", "/api/v1/tasks/status",
                  (200, {"since_start": {"submitted": 0}}))
        self.f.on("GET", "/api/v1/messages/status",
                  (200, {"since_start": {"sent": 0}}))
        self.f.on("GET", "/api/v1/queues", page())
        self.f.on("GET", "/api/v1/alerts", page())
        self.f.on("GET", "/api/v1/bots", page())

    @unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
    def test_nothing_that_bots_say_steers_the_terminal(self):
        evil = "a\x1b[31mred\x1b]0;title\x07\r\n\x9b2J\u202eend"
        self.f.on("GET", HEALTH, health(2, failed=2))
        self.f.on("GET", "/api/v1/bots", page(
            bot("wide" + "\u4e00" * 40, state="ready"),
            bot("x" + evil, state="failed", state_reason=evil, model=evil)))
        self.f.on("GET", "/api/v1/alerts", page({
            "id": ALERT, "level": "warning", "state": "firing",
            "rule": "r", "fired_at": NOON, "summary": evil, "text": evil}))
        p = self.deia("top", check=0)
        self.assertIn("a\u241b[31mred\u241b]0;title\u2407", p.out)
        for c in p.out:
            self.assertTrue(c == "\n" or 0x20 <= ord(c) < 0x7f
                            or ord(c) > 0x9f, repr(p.out))
        self.assertNotIn("\u202e", p.out)
        s = Screen(self, [clilib.DEIA, "top"], {})
        p = s.shows(r"a\u241b\[31mred\u241b\]0;title", r"^ wide\u4e00+")
        self.assertNotIn("title",
                         s.tmux("display-message", "-p", "#{pane_title}"))
        # Of what is wide, each column is counted once.
        wide = re.search(r"^( wide.*?) ready", p, re.M).group(1)
        other = re.search(r"^( xa.*?) failed", p, re.M).group(1)
        columns = sum(2 if "\u4e00" == c else 1 for c in wide)
        self.assertEqual(columns, len(other))

    def many(self, n):
        """A hive of n bots that pages as the real one does."""
        def answer(rq):
            q = urllib.parse.parse_qs(urllib.parse.urlsplit(rq.path).query)
            limit, at = int(q["limit"][0]), int(q.get("cursor", ["0"])[0])
            failed = q.get("state") == ["failed"]
            ids = [n - 1] if failed else range(at, min(at + limit, n))
            bots = [bot(f"b{i:05}", state="failed" if i == n - 1 else "ready")
                    for i in ids]
            more = not failed and at + limit < n
            return page(*bots, next_cursor=str(at + limit) if more else None)
        self.f.on("GET", HEALTH, health(n, failed=1, ready=n - 1))
        self.f.on("GET", "/api/v1/bots", answer)

    def test_a_pipe_gets_ten_thousand_bots(self):
        self.many(10000)
        p = self.deia("top", check=0)
        self.assertEqual(len(re.findall(r"(?m)^ b\d{5} ", p.out)), 10000)
        self.assertEqual(sum("/bots?" in c for c in self.f.calls), 21)

    @unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
    def test_of_ten_thousand_bots_trouble_comes_first_and_a_look_is_small(
            self):
        self.many(10000)
        s = Screen(self, [clilib.DEIA, "top", "--interval", "60s"], {})
        s.shows(r"^ b09999 +failed", r"^ b00000 +ready",
                r"\(trouble first, 1-13 of 501 so far\)")
        s.keys("End")
        s.shows(r"^b00499, echo")
        lists = [c for c in self.f.calls if "/bots?" in c]
        self.assertLessEqual(len(lists), 2)
        s.keys("Space")
        s.shows(r"of 1001 so far")

    def test_what_cannot_be_shown_says_why(self):
        for term, code, words in (("dumb", 2, "TERM=dumb"),
                                  ("no-such-kind", 2, "no-such-kind")):
            self.env["TERM"] = term
            t = self.terminal("top")
            out = t.finish()
            self.assertEqual(t.code, code, out)
            self.assertIn(words, out)
            self.assertIn("deia top --once", out)
        self.says(self.deia("top", "--json"), 2, "deia health --json")
        self.says(self.deia("top", "--interval", "0s"), 2, "1s and 60s")
        self.says(self.deia("top", "--interval", "61s"), 2, "1s and 60s")

    def test_a_hive_that_cannot_be_asked_is_told_of_as_ever(self):
        self.f.on("GET", HEALTH, problem(401, "unauthenticated",
                                         "the token is not known"))
        self.says(self.deia("top"), 4, "the token is not known")
        self.f.stop()
        self.says(self.deia("top"), 6)


if __name__ == "__main__":
    unittest.main()
