# SPDX-License-Identifier: MIT
"""Speaks the bot protocol with a real bot process, for tests.

    with Bot(["deia-bot", "--adapter", "echo"]) as bot:
        bot.init()
        bot.task("1", "hello")
        lines = bot.until_end("1")

Every wait has a deadline and says what came instead.
"""

import json
import os
import queue
import subprocess
import threading
import time

WAIT_SECONDS = 30.0


class Bot:
    """One bot; stdout is read by a thread, line by line."""

    def __init__(self, argv, env=None, read=True):
        self.proc = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env)
        self.lines = queue.Queue()
        self.seen = []
        self.stderr = []
        self.logged = threading.Condition()
        self.threads = []
        self._thread(self._read_stderr)
        if read:
            self.start_reading()

    def _thread(self, target):
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self.threads.append(thread)

    def start_reading(self):
        self._thread(self._read_stdout)

    def _read_stdout(self):
        for line in self.proc.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _read_stderr(self):
        for line in self.proc.stderr:
            with self.logged:
                self.stderr.append(line.decode("utf-8", "replace"))
                self.logged.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        """Ends the bot the way a vanished hive does; returns its status."""
        try:
            self.proc.stdin.close()
        except OSError:
            pass
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise AssertionError("the bot did not end at end of input")
        finally:
            for thread in self.threads:
                thread.join(5)
            self.proc.stdout.close()
            self.proc.stderr.close()
        bad = [line for line in self.stderr
               if "Sanitizer" in line or "runtime error" in line]
        assert not bad, "".join(self.stderr)
        return self.proc.returncode

    # ---- to the bot --------------------------------------------------------

    def raw(self, data):
        self.proc.stdin.write(data)
        self.proc.stdin.flush()

    def send(self, **line):
        self.raw(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def init(self, **config):
        self.send(type="init", bot="BOT-001", protocol=1, config=config)
        return self.until("ready")

    def task(self, id, content, **more):
        self.send(type="task", id=id, kind="chat", content=content,
                  timeout_seconds=60, **more)

    # ---- from the bot ------------------------------------------------------

    def next(self, seconds=WAIT_SECONDS):
        """The next line as an object; None at the end of output."""
        try:
            raw = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(
                f"no line within {seconds} s; so far {self.seen[-5:]}, "
                f"log {self.stderr[-5:]}") from None
        if raw is None:
            return None
        assert raw.endswith(b"\n"), raw
        line = json.loads(raw.decode("utf-8"))
        self.seen.append(line)
        return line

    def until(self, type, seconds=WAIT_SECONDS, **fields):
        """Reads up to the first line of this type with these fields."""
        end = time.monotonic() + seconds
        while True:
            line = self.next(max(0.01, end - time.monotonic()))
            if line is None:
                raise AssertionError(
                    f"output ended before {type} {fields}; got "
                    f"{self.seen[-5:]}, log {self.stderr[-5:]}")
            if line["type"] == type and fields.items() <= line.items():
                return line

    def until_end(self, id, seconds=WAIT_SECONDS):
        """The turn's lines up to its done or error."""
        got = []
        while not got or got[-1]["type"] not in ("done", "error"):
            line = self.next(seconds)
            if line is None:
                raise AssertionError(f"output ended; got {got}, log "
                                     f"{self.stderr[-5:]}")
            if line.get("id") == id:
                got.append(line)
        return got

    def ask(self, id, content, **more):
        """Runs a turn; (its answer, its last line)."""
        self.task(id, content, **more)
        lines = self.until_end(id)
        return text_of(lines), lines[-1]

    def until_logged(self, word, seconds=WAIT_SECONDS):
        """Waits for a line of the bot's log with this word."""
        with self.logged:
            assert self.logged.wait_for(
                lambda: any(word in line for line in self.stderr),
                seconds), (word, self.stderr)

    def peak_mib(self):
        """The most memory it had so far."""
        with open(f"/proc/{self.proc.pid}/status", encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        raise AssertionError("no VmHWM: the bot has ended")

    def fds(self):
        return len(os.listdir(f"/proc/{self.proc.pid}/fd"))


def text_of(lines, channel="answer"):
    """The text of a channel, put together from chunks."""
    return "".join(l["text"] for l in lines if l["type"] == "chunk"
                   and l.get("channel", "answer") == channel)
