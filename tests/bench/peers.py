# SPDX-License-Identifier: MIT
"""Message servers from Debian's packages, to measure deiad's mail beside.

Each runs on a free port of loopback, in a folder of its own that is removed,
and is ended by its pid. fsync says what an acknowledgement of it promises.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

WAIT_SECONDS = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """A running server; None of `start` where its program is missing."""

    def __init__(self, label, driver, fsync, program, args):
        self.label, self.driver, self.fsync = label, driver, fsync
        self.program, self.args = program, args
        self.process = self.port = None
        self.dir = tempfile.mkdtemp(prefix="deia-peer-")

    def start(self):
        path = shutil.which(self.program, path=os.environ["PATH"]
                            + ":/usr/sbin:/sbin")
        if not path:
            return None
        self.port = free_port()
        words = [w.format(port=self.port, dir=self.dir) for w in self.args]
        with open(os.path.join(self.dir, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [path, *words], cwd=self.dir, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        self.wait_listening()
        return self

    def wait_listening(self):
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or \
                        time.monotonic() > limit:
                    with open(os.path.join(self.dir, "log"),
                              encoding="utf-8", errors="replace") as f:
                        raise AssertionError(
                            f"{self.label} does not listen\n{f.read()}") \
                            from None
                time.sleep(0.02)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


BEANSTALKD = ("-l", "127.0.0.1", "-p", "{port}")


def all_of_them():
    return [
        Peer("Redis Streams", "redis", "appendonly, appendfsync always",
             "redis-server",
             ("--bind", "127.0.0.1", "--port", "{port}", "--dir", "{dir}",
              "--save", "", "--appendonly", "yes", "--appendfsync",
              "always")),
        Peer("beanstalkd", "beanstalkd", "no binlog: nothing is on disk",
             "beanstalkd", BEANSTALKD),
        Peer("beanstalkd -f0", "beanstalkd", "binlog, fsync at each write",
             "beanstalkd", (*BEANSTALKD, "-b", "{dir}", "-f0")),
        Peer("NATS JetStream", "nats",
             "file, its default: fsync every 2 minutes", "nats-server",
             ("-a", "127.0.0.1", "-p", "{port}", "-js", "-sd", "{dir}")),
    ]


class Peers:
    """Those that could be started; the others are named."""

    def __enter__(self):
        self.running = []
        try:
            for peer in all_of_them():
                self.begin(peer)
        except BaseException:
            self.__exit__()
            raise
        return self.running

    def begin(self, peer):
        self.running.append(peer)
        if not peer.start():
            self.running.remove(peer)
            peer.stop()
            print(f"{peer.label}: {peer.program} is not installed, "
                  "not measured")

    def __exit__(self, *_):
        for peer in self.running:
            peer.stop()
