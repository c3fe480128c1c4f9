# SPDX-License-Identifier: MIT
"""Every way a model server fails, in every dialect, against a table.

Each ends with its error code and its retryable flag after the right number of
tries, within its deadline, and leaves one reason as the bot's status.
"""

import os
import socket
import subprocess
import tempfile
import time
import unittest

from botline import Bot, text_of
from fake_model import DIALECTS, FakeModel

# Deadlines are kept within a tenth; the rest is room for a busy machine.
SLACK_SECONDS = 2.0
FIRST = {"first_token_timeout_seconds": 1}
STALL = {"stall_timeout_seconds": 1}


class Fault:
    """code None: the turn ends well. seconds: at least and (with slack) at
    most. said: what the error and the status contain."""

    def __init__(self, model, code, retryable=True, tries=1, shown="",
                 seconds=(0, 0.5), options=None, timeout=60, said="",
                 only=("ollama", "openai", "anthropic")):
        self.model, self.code, self.retryable = model, code, retryable
        self.tries, self.shown, self.seconds = tries, shown, seconds
        self.options, self.timeout = options or {}, timeout
        self.said, self.only = said, only


SSE = ("openai", "anthropic")
RETRIED = {"tries": 3, "seconds": (1.2, 1.9)}  # 0.5 s and 1 s, +-20 %
FAULTS = (
    # nothing comes
    Fault("hang", "first_token_timeout", seconds=(1, 1.1), options=FIRST),
    Fault("hang", "timed_out", seconds=(1, 1.1), timeout=1),
    Fault("drip-head", "first_token_timeout", seconds=(1, 1.1),
          options=FIRST),
    Fault("drip-first", "first_token_timeout", seconds=(1, 1.1),
          options=FIRST),
    Fault("close-at-once", "model_server_failed"),
    Fault("empty", "model_server_failed"),
    # it breaks in the middle: never tried again
    Fault("stall", "model_stalled", shown="Hel", seconds=(1, 1.1),
          options=STALL),
    Fault("stall", "timed_out", shown="Hel", seconds=(2, 2.2), timeout=2),
    Fault("drip", "model_stalled", shown="Hel", seconds=(1, 1.1),
          options=STALL),
    Fault("close", "answer_cut", shown="Hel"),
    Fault("reset", "answer_cut", shown="Hel"),
    Fault("no-done", "answer_cut", shown="Hel"),
    Fault("garbage", "bad_answer", shown="Hel"),
    Fault("huge-line", "bad_answer", shown="Hel"),
    Fault("hundred-megabytes", "bad_answer", shown="Hel"),
    Fault("error-line", "model_failed", shown="Hel",
          said="the runner was killed"),
    Fault("overloaded-late", "model_server_busy", shown="Hel", only=SSE),
    # it makes no sense from the beginning
    Fault("scalar", "bad_answer"),
    Fault("html", "bad_answer"),
    # it says so
    Fault("error-first", "model_failed", said="out of memory", **RETRIED),
    Fault("overloaded", "model_server_busy", only=SSE, **RETRIED),
    Fault("missing", "model_not_found", False, said="model missing"),
    Fault("400", "model_refused", False, said="invalid options"),
    Fault("401", "model_server_denied", False, said="unauthorized"),
    Fault("429", "rate_limited", timeout=3, said="slow down"),
    Fault("429-soon", "rate_limited", tries=3, seconds=(2, 2.3),
          said="slow down"),
    Fault("429-soon-once", None, tries=2, shown="Hello, world",
          seconds=(1, 1.2)),
    Fault("no-credit", "model_server_denied", False, only=SSE,
          said="quota"),
    Fault("500", "model_failed", said="has terminated", **RETRIED),
    Fault("500-text", "model_failed", said="answered 500", **RETRIED),
    Fault("503", "model_server_busy", said="maximum pending", **RETRIED),
    Fault("503-once", None, tries=2, shown="Hello, world",
          seconds=(0.4, 0.7)),
    Fault("529", "model_server_busy", only=SSE, **RETRIED),
    Fault("redirect", "model_server_redirects", False, said="base_url"),
    # it does not matter
    Fault("bad-utf8", None, shown="a\ufffd\ufffd(b"),
    Fault("cut-utf8", None, shown="5 €!"),
    Fault("fragments", None, shown="Hello, world"),
)


# A world of its own, in which names are asked of a server that is silent.
SILENT_NAMES = """
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 10.9.9.1/24 dev v0
ip link set v0 up
ip link set v1 up
mount --bind "$1" /etc/resolv.conf
shift
exec "$@"
"""


class Base(unittest.TestCase):
    def start(self, dialect, url, model, options, around=()):
        bot = Bot([*around, os.environ["DEIA_BOT"], "--adapter",
                   dialect.adapter])
        self.addCleanup(bot.close)
        bot.init(adapter=dialect.adapter, model=model, base_url=url,
                 options={**options, "num_ctx": 4096}
                 if dialect.adapter == "ollama" else options)
        return bot

    def status(self, bot):
        """The bot's status after all that happened so far."""
        bot.send(type="ping", n=1)
        bot.until("pong")
        said = [l["text"] for l in bot.seen if l["type"] == "status"]
        return said[-1] if said else ""

    def run_turn(self, bot, fault):
        """(its lines, how long it took)."""
        began = time.monotonic()
        bot.send(type="task", id="t", kind="chat", content="hi",
                 timeout_seconds=fault.timeout)
        lines = bot.until_end("t")
        return lines, time.monotonic() - began

    def check_end(self, bot, fault, lines):
        last = lines[-1]
        self.assertEqual(text_of(lines), fault.shown)
        if fault.code is None:
            self.assertEqual(last["type"], "done", last)
            self.assertEqual(self.status(bot), "")
            return
        self.assertEqual((last["type"], last.get("code")),
                         ("error", fault.code), last)
        self.assertEqual(last["retryable"], fault.retryable, last)
        self.assertNotRegex(last["message"], r"[\x00-\x1f\x7f]")
        self.assertIn(fault.said, last["message"])
        status = self.status(bot)
        self.assertTrue(status.startswith(fault.code)
                        or fault.code == "model_not_found"
                        and "model missing is missing" in status, status)

    def check(self, dialect, fault):
        with FakeModel() as server:
            if fault.model == "reset":
                server.next_token.set()
            bot = self.start(dialect, server.url, fault.model, fault.options)
            lines, took = self.run_turn(bot, fault)
            self.check_end(bot, fault, lines)
            least, most = fault.seconds
            self.assertGreaterEqual(took, least - 0.05)
            self.assertLessEqual(took, most + SLACK_SECONDS)
            tries = server.count(dialect.chat)
            if fault.model == "close-at-once":  # curl itself asks twice
                tries = min(tries, 1)
            self.assertEqual(tries, fault.tries)
            self.assertEqual(server.count("/elsewhere"), 0)
            self.assertLess(bot.peak_mib(), 64)


class Connecting(Base):
    """What goes wrong before the server hears anything."""

    def check_unreachable(self, dialect, url, seconds, said):
        fault = Fault("ok", "model_server_unreachable", seconds=seconds)
        bot = self.start(dialect, url, "ok", {})
        lines, took = self.run_turn(bot, fault)
        error = lines[-1]
        self.assertEqual((error.get("code"), error.get("retryable")),
                         (fault.code, True), error)
        self.assertGreaterEqual(took, seconds[0] - 0.05)
        self.assertLessEqual(took, seconds[1] + SLACK_SECONDS)
        for text in (error["message"], self.status(bot)):
            self.assertIn(url, text)
            self.assertIn(said, text)

    def test_refused_is_tried_three_times(self):
        for dialect in DIALECTS:
            with self.subTest(dialect.adapter), socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))  # bound, not listening
                port = taken.getsockname()[1]
                self.check_unreachable(dialect, f"http://127.0.0.1:{port}",
                                       (1.2, 1.9), "refused")

    def test_name_that_does_not_resolve(self):
        for dialect in DIALECTS:
            with self.subTest(dialect.adapter):
                self.check_unreachable(
                    dialect, "http://no-such-host.invalid:1", (0, 2),
                    "no-such-host.invalid")

    def test_name_whose_lookup_hangs(self):
        """The deadlines hold, and the bot still reads meanwhile."""
        with tempfile.NamedTemporaryFile("w") as conf:
            conf.write("nameserver 10.9.9.9\noptions timeout:9\n")
            conf.flush()
            around = ["unshare", "-mn", "sh", "-ec", SILENT_NAMES, "sh",
                      conf.name]
            try:
                subprocess.run([*around, "true"], check=True,
                               capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                self.skipTest("no namespaces of its own here")
            for dialect in DIALECTS:
                bot = self.start(dialect, "http://deia.example", "m", {},
                                 around)
                for timeout, code in ((1, "timed_out"),
                                      (9, "model_server_unreachable")):
                    fault = Fault("m", code, timeout=timeout)
                    lines, took = self.run_turn(bot, fault)
                    self.assertEqual(lines[-1]["code"], code)
                    self.assertLess(took, min(timeout, 2) + SLACK_SECONDS)
                began = time.monotonic()
                bot.close()
                self.assertLess(time.monotonic() - began, SLACK_SECONDS)

    def test_server_whose_queue_is_full(self):
        """A handshake that is never answered: given up after 2 s."""
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            waiting = []
            for _ in range(4):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", port))
                waiting.append(s)
            for dialect in DIALECTS:
                with self.subTest(dialect.adapter):
                    self.check_unreachable(
                        dialect, f"http://127.0.0.1:{port}", (1.9, 2.2), "")
            for s in waiting:
                s.close()


def add_tests():
    """One class a dialect, one test a fault."""
    for dialect in DIALECTS:
        tests = {}
        for fault in FAULTS:
            if dialect.adapter not in fault.only:
                continue
            name = (f"test_{fault.model.replace('-', '_')}_gives_"
                    f"{fault.code or 'an_answer'}")
            tests[name] = (lambda self, d=dialect, f=fault:
                           self.check(d, f))
        name = dialect.adapter.capitalize()
        globals()[name] = type(name, (Base,), tests)


add_tests()

if __name__ == "__main__":
    unittest.main()
