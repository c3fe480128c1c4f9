# SPDX-License-Identifier: MIT
"""The command line against a server that means harm."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

from hive import program

EVIL = "\x1b[2J\x1b]0;owned\x07\u009bz\u202e"
COMMANDS = (["status"], ["bot", "list"], ["bot", "show", "A"],
            ["bot", "describe", "A"], ["bot", "logs", "A"],
            ["chat", "A", "hi"], ["models"], ["health"], ["config", "show"],
            ["token", "list"])


def answer(body, status=200, kind="application/json", more=b""):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return (b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s"
            b"Connection: close\r\n\r\n" % (status, kind.encode(), len(body),
                                            more) + body)


def endless(kind, piece):
    """An answer without end; stops when the client has left."""
    def write(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind
                     + b"\r\nConnection: close\r\n\r\n")
        while True:
            sock.sendall(piece)
    return write


class Server:
    """Gives the same answer to everything."""

    def __init__(self, reply):
        self.reply = reply
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def serve(self, sock):
        with sock:
            try:
                sock.recv(65536)
                if callable(self.reply):
                    self.reply(sock)
                else:
                    sock.sendall(self.reply)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


class Client(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="deia-home-")
        self.addCleanup(shutil.rmtree, self.home)

    def survives(self, reply, commands=COMMANDS):
        """No command crashes, hangs or lets through what steers a
        terminal."""
        deia = program(os.environ["DEIA_BUILD"], "deia")
        with Server(reply) as server:
            for command in commands:
                done = subprocess.run(
                    [deia, "--url", server.url, "--token", "t", *command],
                    env={"PATH": os.environ["PATH"], "HOME": self.home},
                    cwd=self.home, stdin=subprocess.DEVNULL,
                    capture_output=True, timeout=60, check=False)
                said = done.stdout + done.stderr
                with self.subTest(command=command):
                    self.assertIn(done.returncode, range(10), said[-2000:])
                    self.assertNotIn(b"Sanitizer", said)
                    for c in ("\x1b", "\x07", "\u009b", "\u202e"):
                        self.assertNotIn(c.encode(), said)

    def test_text_that_steers_a_terminal(self):
        names = ("id state adapter model content author role title name type "
                 "status version state_reason url detail code").split()
        item = {name: EVIL for name in names}
        self.survives(answer({"items": [item], "next_cursor": None, **item}))
        self.survives(answer({"errors": [{"pointer": EVIL, "detail": EVIL}],
                              **item}, 409, "application/problem+json"))
        self.survives(answer(EVIL.encode(), 200, "text/html" + "\x1b[31m"))
        self.survives(answer(b"", 302, more=b"Location: http://127.0.0.1:1/"
                             b"\x1b[2J\r\n"))

    def test_wrong_types(self):
        for body in ({"items": [1, None, "x", [], {"id": 5, "state": [],
                                                  "pid": {}}],
                      "next_cursor": 7}, [], None, "x", b"[" * 100000):
            self.survives(answer(body))

    def test_endless_answers(self):
        self.survives(endless(b"application/json", b"[" * 65536))
        self.survives(endless(b"text/event-stream",
                              b"data: " + b"x" * 65536), (["chat", "A", "x"],))
        self.survives(answer(gzip.compress(b" " * 50000000),
                             more=b"Content-Encoding: gzip\r\n"),
                      (["bot", "list"],))
        self.survives(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3000000
                      + b"\r\n\r\n", (["status"],))

    def test_list_without_end(self):
        self.survives(answer({"items": [{"id": "A", "state": "ready"}],
                              "next_cursor": "A"}), (["bot", "list"],))

    def test_broken_events(self):
        self.survives(answer(
            b'event: chunk\ndata: {"text":"\\u001b[2Jq","channel":7}\n\n'
            b"event: done\ndata: [1]\n\nevent: error\ndata: \"x\"\n\n"
            b"event: \x1b\ndata: {}\n\n", kind="text/event-stream"),
            (["chat", "A", "hi"], ["bot", "logs", "A"]))


if __name__ == "__main__":
    unittest.main()
