# SPDX-License-Identifier: MIT
"""The real small models (tests/llm) behind their Ollama front, for tests.

    with Models() as models:           # SkipTest where node is missing
        hive.launch("BOT-001", "ollama", model="math", base_url=models.url)

`Gate` stands before such a front and can hold a streamed answer in the
middle, so that a test can do something just then without racing.
"""

import http.client
import http.server
import os
import shutil
import subprocess
import threading
import unittest

FOLDER = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "llm")
NAMES = ("math", "words", "all")


class Models:
    def __init__(self, names=NAMES, pace=0):
        """pace: milliseconds between tokens."""
        self.names = names
        self.pace = pace
        self.process = None

    def start(self):
        if not shutil.which("node"):
            raise unittest.SkipTest("node is not installed")
        if not os.path.isdir(os.path.join(FOLDER, "node_modules")):
            raise unittest.SkipTest("no node packages in tests/llm: "
                                    "run tests/llm/install.sh")
        self.process = subprocess.Popen(
            ["node", "ollama-shim.mjs", f"--pace={self.pace}", "0",
             *[f"{n}={n}.gguf" for n in self.names]], cwd=FOLDER,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if "listening" not in line:
            self.stop()
            raise AssertionError("the model server does not start")
        self.port = int(line.rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Gate:
    """Passes requests on to a model server; `hold(n)` stops the next streamed
    answers after n lines until `release()`."""

    def __init__(self, port):
        gate = self
        self.lines = None
        self.held = threading.Event()
        self.open = threading.Event()
        self.open.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.forward()

            def do_POST(self):
                self.forward()

            def forward(self):
                size = int(self.headers.get("Content-Length") or 0)
                conn = http.client.HTTPConnection("127.0.0.1", port)
                conn.request(self.command, self.path, self.rfile.read(size),
                             {"Content-Type": "application/json"})
                reply = conn.getresponse()
                self.send_response(reply.status)
                self.send_header("Content-Type",
                                 reply.getheader("Content-Type"))
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    gate.copy(reply, self.wfile)
                except OSError:
                    pass  # who asked is gone
                conn.close()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def copy(self, reply, out):
        count = 0
        for line in reply:
            out.write(line)
            out.flush()
            count += 1
            if self.lines is not None and count == self.lines:
                self.held.set()
                self.open.wait()

    def hold(self, lines):
        self.held.clear()
        self.open.clear()
        self.lines = lines

    def release(self):
        self.lines = None
        self.open.set()

    def close(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
