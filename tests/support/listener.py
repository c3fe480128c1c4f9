# SPDX-License-Identifier: MIT
"""Takes what others send, for tests of those who send: over HTTP, and mail.

    with Listener() as web, Mailbox() as mail:
        ... something posts to web.url + "/a" ...
        body = web.wait("/a", lambda body: body["status"] == "firing")
"""

import http.server
import json
import socketserver
import sys
import threading

WAIT_SECONDS = 60


class Kept:
    """What came so far; others may wait for more."""

    def __init__(self):
        self.items = []
        self.more = threading.Condition()

    def add(self, item):
        with self.more:
            self.items.append(item)
            self.more.notify_all()

    def until(self, found, seconds=WAIT_SECONDS):
        """What found(items) returns, once that is something."""
        with self.more:
            if self.more.wait_for(lambda: found(self.items), seconds):
                return found(self.items)
        raise AssertionError(f"it did not come in {seconds} s; what came:"
                             f"\n{self.items}")

    def first(self, holds, seconds=WAIT_SECONDS):
        """The first item that holds() is true of, once it came."""
        return self.until(lambda items: next(
            (i for i in items if holds(i)), None), seconds)


class Server:
    """Runs a socketserver on a free port in a thread of its own."""

    def __init__(self, server, handler):
        self.kept = Kept()
        self.server = server(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.kept = self.kept
        self.say_error = self.server.handle_error
        self.server.handle_error = self.on_error
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       daemon=True)

    def on_error(self, request, address):
        """Who sends may be ended at any time."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            self.say_error(request, address)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Post(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.kept.add((self.path, body.decode()))
        answer = b'{"errors": false, "items": []}'
        self.send_response(202 if "/v2/enqueue" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST
    do_GET = do_POST
    do_HEAD = do_POST

    def log_message(self, *_):
        pass


class Listener(Server):
    """Answers every request with 200 and keeps (path, body)."""

    def __init__(self):
        super().__init__(http.server.ThreadingHTTPServer, Post)
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self, path, holds=lambda body: True, seconds=WAIT_SECONDS):
        """The first body, parsed, that came to this path and holds."""
        return json.loads(self.kept.first(
            lambda i: i[0] == path and holds(json.loads(i[1])), seconds)[1])


class Smtp(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def data(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if line in (b".\r\n", b""):
                return b"".join(lines).decode()
            lines.append(line[1:] if line.startswith(b"..") else line)

    def handle(self):
        self.say("220 here")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-here")
                self.say("250 AUTH PLAIN LOGIN")
            elif verb == b"AUTH":
                self.say("235 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                self.server.kept.add(self.data())
                self.say("250 ok")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class Mailbox(Server):
    """Takes mail by SMTP and keeps its text, head and body."""

    def __init__(self):
        super().__init__(socketserver.ThreadingTCPServer, Smtp)

    def wait(self, holds=lambda text: True, seconds=WAIT_SECONDS):
        return self.kept.first(holds, seconds)
