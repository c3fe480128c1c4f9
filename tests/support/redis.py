# SPDX-License-Identifier: MIT
"""A Redis of the test's own: private port, folder and unprivileged user.

    with Redis() as redis:
        Hive(env={"DEIA_REDIS_URL": redis.url})

It can be killed, started again, frozen, thawed and flushed. As a program,
`redis.py PROGRAM ARGS...` runs PROGRAM with DEIA_TEST_REDIS=url beside one.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

PROGRAM = shutil.which("redis-server")
NOBODY = 65534


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    def __init__(self, *args):
        self.args = args
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.dir = tempfile.mkdtemp(prefix="deia-redis-")
        self.process = None
        if os.geteuid() == 0:
            os.chown(self.dir, NOBODY, NOBODY)

    def start(self):
        """Returns when it takes connections."""
        who = ({"user": NOBODY, "group": NOBODY, "extra_groups": []}
               if os.geteuid() == 0 else {})
        self.process = subprocess.Popen(
            [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1",
             "--dir", self.dir, "--save", "", *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            cwd=self.dir, **who)
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                self.process.stdout.close()
                return self
        raise AssertionError("redis-server does not start")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid,
                  os.WSTOPPED | os.WNOWAIT)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def say(self, *words):
        """One command; its raw reply."""
        text = f"*{len(words)}\r\n" + "".join(
            f"${len(w.encode())}\r\n{w}\r\n" for w in words)
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(text.encode())
            return s.recv(65536).decode(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


if __name__ == "__main__":
    with Redis() as own:
        os.environ["DEIA_TEST_REDIS"] = own.url
        sys.exit(subprocess.call(sys.argv[1:]))
