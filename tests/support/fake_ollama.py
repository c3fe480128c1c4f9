#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A model server that misbehaves on demand.

The name of the model asked for says how: "ok" answers, "reset" resets the
connection in mid-stream, and so on (the functions called chat_NAME below; '_'
in them is '-' in the model's name). "missing" is a model that is not there.

    with FakeOllama() as server:
        server.url, server.requests, server.gone

By hand: python3 fake_ollama.py [PORT] prints the port it listens on.
"""

import http.server
import json
import socket
import struct
import sys
import threading
import time

PIECES = ("Hello", ", ", "world")
USAGE = {"prompt_eval_count": 11, "eval_count": 3, "total_duration": 5}


def line(content="", **more):
    message = {"role": "assistant", "content": content}
    message.update(more.pop("message", {}))
    return json.dumps({"model": "x", "created_at": "2026-01-01T00:00:00Z",
                       "message": message, "done": False, **more},
                      ensure_ascii=False).encode() + b"\n"


def last(**more):
    return line(done=True, done_reason="stop", **{**USAGE, **more})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *_args):
        pass

    # ---- pieces of answers -------------------------------------------------

    def reply(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def error(self, status, text, **headers):
        self.reply(status, {"error": text}, **headers)

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.wfile.write(b"0\r\n\r\n")

    def stream(self, *lines):
        self.begin()
        for data in lines:
            self.piece(data)
        self.end()

    def wait_until_gone(self):
        """Until the client closes; the server's end sets it free too."""
        self.connection.settimeout(0.1)
        while not self.server.fake.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        self.server.fake.gone.set()
        self.close_connection = True

    def cut(self):
        """Ends the connection without a word more."""
        self.close_connection = True

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.close_connection = True

    # ---- how chats go ------------------------------------------------------

    def chat_ok(self, _body):
        self.stream(*[line(p) for p in PIECES], last())

    def chat_echo(self, body):
        self.stream(line(body["messages"][-1]["content"]), last())

    def chat_think(self, _body):
        self.stream(line(message={"thinking": "Hm"}),
                    line(message={"thinking": "m"}), line("Yes"), last())

    def chat_no_usage(self, _body):
        self.stream(line("x"), line(done=True, done_reason="stop"))

    def chat_no_newline(self, _body):
        self.stream(line("x"), last().rstrip(b"\n"))

    def chat_done_hangs(self, _body):
        self.begin()
        self.piece(line("x") + last())
        self.wait_until_gone()

    def chat_fragments(self, _body):
        self.begin()
        for byte in b"".join([line(p) for p in PIECES]) + last():
            self.piece(bytes([byte]))
        self.end()

    def chat_hang(self, _body):
        self.wait_until_gone()

    def chat_stall(self, _body):
        self.begin()
        self.piece(line("Hel"))
        self.wait_until_gone()

    def chat_drip(self, _body):
        """A byte at a time, slowly, after a first token; never a line."""
        self.begin()
        self.piece(line("Hel"))
        try:
            for byte in line("x" * 1000):
                self.piece(bytes([byte]))
                if self.server.fake.stopping.wait(0.2):
                    break
        except OSError:
            self.server.fake.gone.set()
        self.cut()

    def chat_endless(self, _body):
        self.begin()
        try:
            while not self.server.fake.stopping.is_set():
                self.piece(line("z" * 4000))
                self.server.fake.bytes_sent += 4000
        except OSError:
            self.server.fake.gone.set()
        self.cut()

    def chat_paced(self, _body):
        """Tokens one by one, as the test lets them through."""
        self.begin()
        self.piece(line("one "))
        self.server.fake.next_token.wait(30)
        self.piece(line("two") + last())
        self.end()

    def chat_cold(self, _body):
        self.server.fake.next_token.wait(30)
        self.stream(line("warm"), last())

    def chat_close(self, _body):
        self.begin()
        self.piece(line("Hel"))
        self.cut()

    def chat_close_at_once(self, _body):
        self.cut()

    def chat_reset(self, _body):
        self.begin()
        self.piece(line("Hel"))
        self.server.fake.next_token.wait(30)
        self.reset()

    def chat_no_done(self, _body):
        self.stream(line("Hel"))

    def chat_empty(self, _body):
        self.stream()

    def chat_garbage(self, _body):
        self.stream(line("Hel"), b"<html>oops</html>\n", last())

    def chat_scalar(self, _body):
        self.stream(b"42\n", last())

    def chat_huge_line(self, _body):
        self.stream(line("Hel"), line("z" * (2 << 20)), last())

    def chat_too_long(self, _body):
        self.begin()
        try:
            for _ in range(20):
                self.piece(line("z" * (500 << 10)))
            self.piece(last())
            self.end()
        except OSError:
            self.cut()

    def chat_error_line(self, _body):
        self.stream(line("Hel"), b'{"error":"the runner was killed"}\n')

    def chat_error_first(self, _body):
        self.stream(b'{"error":{"message":"out of memory\\u001b[2J"}}\n')

    def chat_bad_utf8(self, _body):
        data = line("a@b").replace(b"@", b"\xff\xc3\x28")
        self.stream(data, last())

    def chat_cut_utf8(self, _body):
        """A character whose bytes are in different lines."""
        euro = "€".encode()
        self.stream(line("5 @").replace(b"@", euro[:1]),
                    line("@").replace(b"@", euro[1:2]),
                    line("@!").replace(b"@", euro[2:]), last())

    def chat_half_utf8(self, _body):
        self.stream(line("x@").replace(b"@", b"\xe2\x82"), last())

    def chat_400(self, _body):
        self.error(400, "invalid options: zzz")

    def chat_401(self, _body):
        self.error(401, "unauthorized")

    def chat_429(self, _body):
        self.error(429, "slow down", Retry_After="7")

    def chat_500(self, _body):
        self.error(500, "llama runner process has terminated")

    def chat_500_text(self, _body):
        self.reply(500, b"<html>nginx</html>")

    def chat_503(self, _body):
        self.error(503, "server busy, please try again.  maximum pending "
                        "requests exceeded")

    def chat_503_once(self, body):
        if self.server.fake.count("/api/chat") == 1:
            self.chat_503(body)
        else:
            self.chat_ok(body)

    def chat_redirect(self, _body):
        self.reply(307, b"", Location=self.server.fake.url + "/elsewhere")

    def chat_html(self, _body):
        self.reply(200, b"<html>\nA router's page\n</html>\n")

    def chat_plain_404(self, _body):
        self.reply(404, b"404 page not found")

    def chat_window(self, body):
        """A window of five messages."""
        if len(body["messages"]) > 5:
            self.error(400, "the input length exceeds the context length")
        else:
            self.chat_ok(body)

    # ---- the other routes --------------------------------------------------

    def do_GET(self):
        fake = self.server.fake
        fake.note(self.path, None, self)
        if self.path == "/api/tags":
            names = fake.models
            self.reply(200, {"models": [{"name": n, "model": n}
                                        for n in names]})
        elif self.path == "/api/ps":
            self.reply(200, {"models": [{"name": n} for n in fake.loaded]})
        else:
            self.reply(404, b"404 page not found")

    def do_POST(self):
        fake = self.server.fake
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size).decode("utf-8"))
        fake.note(self.path, body, self)
        model = body["model"].partition(":")[0]
        method = getattr(self, "chat_" + model.replace("-", "_"), None)
        if self.path == "/api/show" and method:
            self.reply(200, fake.shown)
        elif self.path != "/api/chat" or not method:
            self.error(404, f'model "{body["model"]}" not found, try pulling '
                            "it first")
        else:
            method(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class FakeOllama:
    """The server in a thread of this process."""

    def __init__(self, port=0):
        self.http = Server(("127.0.0.1", port), Handler)
        self.http.fake = self
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests = []
        self.models = sorted(
            name[5:].replace("_", "-") + ":latest"
            for name in dir(Handler) if name.startswith("chat_"))
        self.loaded = list(self.models)
        self.shown = {"model_info": {"general.architecture": "llama",
                                     "llama.context_length": 131072}}
        self.bytes_sent = 0
        self.gone = threading.Event()  # a client left in the middle
        self.next_token = threading.Event()
        self.stopping = threading.Event()
        self.lock = threading.Condition()
        self.thread = threading.Thread(target=self.http.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    def note(self, path, body, handler):
        with self.lock:
            self.requests.append((path, body, dict(handler.headers)))
            self.lock.notify_all()

    def count(self, path):
        with self.lock:
            return sum(r[0] == path for r in self.requests)

    def bodies(self, path="/api/chat"):
        with self.lock:
            return [r[1] for r in self.requests if r[0] == path]

    def wait_for(self, path, n=1, seconds=30):
        with self.lock:
            done = self.lock.wait_for(
                lambda: sum(r[0] == path for r in self.requests) >= n,
                seconds)
        assert done, (path, [r[0] for r in self.requests])

    def close(self):
        self.stopping.set()
        self.next_token.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()


def main():
    with FakeOllama(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server:
        print(server.port, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
