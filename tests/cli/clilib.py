# SPDX-License-Identifier: MIT
"""What the tests of the command line share: running `deia`, a terminal to run
it in, and a hive that answers as a test says.

DEIA names the program; the tests get a HOME and a working folder of their own
and none of the caller's DEIA_* variables.
"""

import fcntl
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

import guide

DEIA = os.environ.get("DEIA", "deia")


class CliCase(unittest.TestCase):
    """A test with its own folder as working folder and HOME."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="deia-cli-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.home = os.path.join(self.dir, "home")
        os.mkdir(self.home)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("DEIA") and k != "NO_COLOR"}
        self.env.update(HOME=self.home, TERM="xterm", LC_ALL="C.UTF-8",
                        TZ="UTC")

    def deia(self, *args, stdin=b"", env=None, cwd=None, check=None):
        """Runs deia; the result has out, err (text) and code."""
        e = dict(self.env)
        e.update(env or {})
        e = {k: v for k, v in e.items() if v is not None}
        p = subprocess.run([DEIA, *args], input=stdin, capture_output=True,
                           env=e, cwd=cwd or self.dir, timeout=60)
        p.out = p.stdout.decode("utf-8", "surrogateescape")
        p.err = p.stderr.decode("utf-8", "surrogateescape")
        p.code = p.returncode
        if check is not None:
            self.assertEqual(p.code, check, p.out + p.err)
        return p

    def says(self, p, code, *parts):
        """The exit code, and that stderr says each part."""
        self.assertEqual(p.code, code, p.out + p.err)
        for part in parts:
            self.assertIn(part, p.err)

    def follow(self, page, more_than):
        """What the examples of a page of docs/ print (guide.py)."""
        return guide.follow(page, more_than, DEIA, self.env, self.dir)

    def terminal(self, *args, **kw):
        t = Terminal([DEIA, *args], self.env, self.dir, **kw)
        self.addCleanup(t.close)
        return t

    def hive(self):
        h = FakeHive()
        self.addCleanup(h.stop)
        return h


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, argv, env, cwd, columns=80, rows=24):
        self.out = ""
        self.at = 0  # how far read_until has looked
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait_raw(self):
        """Waits until the program reads keys, not lines."""
        end = time.monotonic() + 20
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            if time.monotonic() > end:
                raise AssertionError("it does not read keys")
            select.select([], [], [], 0.005)

    def leave(self):
        """Ctrl-D at the prompt."""
        self.wait_raw()
        self.send("\x04")

    def read_until(self, pattern, seconds=20):
        """Reads until what was not looked at yet matches, and skips it."""
        begin = self.at
        end = time.monotonic() + seconds
        while True:
            found = re.compile(pattern, re.S).search(self.out, begin)
            if found:
                self.at = found.end()
                return
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(
                    f"no {pattern!r} in {self.out[begin:]!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(
                    f"ended before {pattern!r}: {self.out[begin:]!r}")
            self.out += data.decode("utf-8", "surrogateescape")

    def finish(self, seconds=20):
        """Reads to the end; gives all output. The exit code is in code."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"it does not end: {self.out!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.out += data.decode("utf-8", "surrogateescape")
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.out

    def close(self):
        if self.code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self.fd)


class FakeHive:
    """A hive whose answers the test writes.

    on(method, path, answer): answer is (status, body) or a function that
    takes the request (with .json, .path, .headers) and gives that, or a list
    of (event, data) for a stream. calls holds "METHOD path" of each request.
    """

    def __init__(self):
        self.answers = {}
        self.calls = []
        self.bodies = []
        self.headers = []
        self.gone = threading.Event()
        hive = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (ConnectionError, BrokenPipeError):
                    self.close_connection = True

            def any_method(self):
                hive.serve(self)

            do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = any_method

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self):
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()

    def on(self, method, path, answer):
        self.answers[(method, path)] = answer

    def serve(self, rq):
        length = int(rq.headers.get("Content-Length") or 0)
        body = rq.rfile.read(length)
        self.calls.append(f"{rq.command} {rq.path}")
        self.bodies.append(body)
        self.headers.append(dict(rq.headers))
        rq.json = json.loads(body) if body else None
        answer = self.answers.get((rq.command, rq.path.split("?")[0]))
        if callable(answer):
            answer = answer(rq)
        if answer is None:
            answer = problem(404, "not_found", "there is no such route")
        if isinstance(answer, list):
            self.stream(rq, answer)
        else:
            self.reply(rq, *answer)

    @staticmethod
    def reply(rq, status, body, kind=None):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        data = data.encode() if isinstance(data, str) else data
        if kind is None:
            kind = ("application/problem+json"
                    if status >= 400 and isinstance(body, dict)
                    and "code" in body else "application/json")
        rq.send_response(status)
        rq.send_header("Content-Type", kind)
        rq.send_header("Content-Length", str(len(data)))
        rq.send_header("Idempotency-Key-Supported", "true")
        rq.end_headers()
        rq.wfile.write(data)

    def stream(self, rq, events):
        """Events; an item None: the stream stays open until the client
        leaves."""
        rq.send_response(200)
        rq.send_header("Content-Type", "text/event-stream")
        rq.send_header("Connection", "close")
        rq.end_headers()
        rq.close_connection = True
        for item in events:
            if item is None:
                rq.wfile.flush()
                while not self.gone.is_set():
                    if select.select([rq.connection], [], [], 0.05)[0]:
                        return
                return
            event, data = item[:2]
            text = f"event: {event}\n"
            if len(item) > 2:
                text += f"id: {item[2]}\n"
            text += f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
            rq.wfile.write(text.encode("utf-8", "surrogateescape"))


def problem(status, code, detail, **more):
    return status, {"type": "about:blank", "title": code, "status": status,
                    "code": code, "detail": detail, **more}


def bot(name="BOT-001", **more):
    b = {"id": name, "adapter": "echo", "model": None, "type": None,
         "state": "ready", "state_reason": "", "status_text": "", "pid": 4711,
         "restarts": 0, "max_concurrent": 1, "running_tasks": 0,
         "started_at": "2026-11-22T10:00:00.000Z"}
    b.update(more)
    return b


def page(*items, next_cursor=None):
    return 200, {"items": list(items), "next_cursor": next_cursor}
