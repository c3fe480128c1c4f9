# SPDX-License-Identifier: MIT
"""A real deiad in a folder of its own, for tests from outside.

    with Hive(build) as hive:
        hive.must("POST", "/bots", {"id": "BOT-001", "adapter": "echo"})
        hive.wait_state("BOT-001", "ready")

It listens on a free port and is ended, with all it started, at the end of the
block. Waiting follows the hive's events; nothing here sleeps.
"""

import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

API = "/api/v1"
WAIT_SECONDS = 60


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem}")
        self.status = status
        self.problem = problem


def program(build, name):
    """Path of a built program, or of the one in DEIA_PROGRAMS."""
    installed = os.path.join(os.environ.get("DEIA_PROGRAMS", "-"), name)
    if os.path.exists(installed):
        return installed
    for folder, dirs, names in os.walk(build):
        dirs[:] = [d for d in dirs if not d.endswith(".p")
                   and d not in ("meson-logs", "meson-private", "tests")]
        if name in names:
            return os.path.join(folder, name)
    raise FileNotFoundError(f"{name} is not built in {build}")


def descendants(pid):
    """Processes below pid, from /proc; pid itself is not in it."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8",
                      errors="replace") as f:
                rest = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(rest[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def alive(pid):
    """True while the process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_gone(pids, seconds=WAIT_SECONDS):
    """Waits until none of the processes runs; returns those that still do."""
    limit = time.monotonic() + seconds
    left = [p for p in pids if alive(p)]
    while left and time.monotonic() < limit:
        try:
            fd = os.pidfd_open(left[0])
        except OSError:
            left = [p for p in left[1:] if alive(p)]
            continue
        select.select([fd], [], [], max(0, limit - time.monotonic()))
        os.close(fd)
        left = [p for p in left if alive(p)]
    return left


class Stream:
    """Server-sent events of one request, one after the other."""

    def __init__(self, hive, method, path, body=None, timeout=WAIT_SECONDS):
        self.conn = http.client.HTTPConnection("127.0.0.1", hive.port,
                                               timeout=timeout)
        headers = hive.headers({"Accept": "text/event-stream"})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.conn.request(method, path, data, headers)
        self.reply = self.conn.getresponse()
        if self.reply.status != 200:
            text = self.reply.read().decode()
            self.conn.close()
            raise Refused(self.reply.status, text)

    def __iter__(self):
        event, data, ident = "message", [], None
        while True:
            line = self.reply.readline().decode().rstrip("\r\n")
            if not line and self.reply.isclosed():
                return
            if not line:
                if data:
                    yield event, json.loads("\n".join(data)), ident
                event, data, ident = "message", [], None
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                event = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                ident = value

    def close(self):
        self.conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Hive:
    def __init__(self, build=None, config="", args=(), env=None,
                 deiad=None):
        self.build = build or os.environ["DEIA_BUILD"]
        self.dir = tempfile.mkdtemp(prefix="deia-hive-")
        self.args = list(args)
        self.deiad = deiad or program(self.build, "deiad")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("DEIA_") and k != "OLLAMA_HOST"}
        # In a build tree the programs are not beside each other.
        self.env["PATH"] = ":".join(
            [os.path.dirname(program(self.build, name))
             for name in ("deiad", "deia-bot", "deia-guard")]
            + [self.env["PATH"]])
        self.env.update(env or {})
        self.process = None
        self.port = self.token = self.link = None
        self.log_path = os.path.join(self.dir, "deiad.log")
        if config:
            with open(os.path.join(self.dir, "config.yaml"), "w",
                      encoding="utf-8") as f:
                f.write(config)

    def start(self):
        """Starts deiad and returns when it listens."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.deiad, "--dir", self.dir, "--port",
                 "0", *self.args], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True, env=self.env,
                cwd=self.dir)
        line = self.process.stdout.readline()
        m = re.match(r"deiad listening on http://[^:]+:(\d+)", line)
        if not m:
            self.process.wait(WAIT_SECONDS)
            raise AssertionError(f"deiad did not start: {line}{self.log()}")
        self.port = int(m.group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        with open(os.path.join(self.dir, "token"), encoding="utf-8") as f:
            self.token = f.read().strip()
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def headers(self, more=None):
        return {"Authorization": f"Bearer {self.token}", **(more or {})}

    def call(self, method, path, body=None, headers=None):
        """One request; returns (status, parsed body or text)."""
        if not path.startswith(("/api", "/health", "/metrics")):
            path = API + path
        head = self.headers(headers)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            head["Content-Type"] = "application/json"
        conn = http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=WAIT_SECONDS)
        try:
            conn.request(method, path, data, head)
            reply = conn.getresponse()
            text = reply.read().decode()
        finally:
            conn.close()
        if "json" in (reply.getheader("Content-Type") or ""):
            return reply.status, json.loads(text)
        return reply.status, text

    def must(self, method, path, body=None, headers=None):
        """The answer of a request that is expected to be 2xx."""
        status, answer = self.call(method, path, body, headers)
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer

    def stream(self, method, path, body=None):
        return Stream(self, method, API + path, body)

    def launch(self, bot, adapter="echo", **more):
        return self.must("POST", "/bots",
                         {"id": bot, "adapter": adapter, **more})

    def say(self, bot, content):
        return self.must("POST", f"/bots/{bot}/chat", {"content": content})

    def every(self, path):
        """The items of all pages of a list, one after the other."""
        path += ("&" if "?" in path else "?") + "limit=1000"
        cursor = ""
        while cursor is not None:
            page = self.must("GET", path + (
                f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            yield from page["items"]
            cursor = page["next_cursor"]

    def lines(self, bot):
        """A bot's chat, oldest first."""
        path = f"/bots/{urllib.parse.quote(bot)}/chat"
        return list(self.every(path))[::-1]

    def wait(self, holds, seconds=WAIT_SECONDS):
        """Returns holds() once it is true; asks again at each event."""
        limit = time.monotonic() + seconds
        with Stream(self, "GET", API + "/events?after=0",
                    timeout=seconds) as events:
            value = holds()
            if value:
                return value
            for _ in events:
                value = holds()
                if value:
                    return value
                if time.monotonic() > limit:
                    break
        raise AssertionError(f"still not so after {seconds} s\n{self.log()}")

    def wait_state(self, bot, *states, seconds=WAIT_SECONDS):
        def holds():
            info = self.must("GET", f"/bots/{bot}")
            return info if info["state"] in states else None
        return self.wait(holds, seconds)

    def kill(self):
        """kill -9, as an accident; returns what ran below it."""
        below = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return below

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT_SECONDS)
        self.process.stdout.close()
        return status

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
