#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A model server that misbehaves on demand, in three dialects.

The name of the model asked for says how: "ok" answers, "reset" resets the
connection in mid-stream, and so on (the functions called chat_NAME below; '_'
in them is '-' in the model's name). "missing" is a model that is not there.
The path says the dialect: /api/chat, /v1/chat/completions or /v1/messages.

    with FakeModel() as server:
        server.url, server.requests, server.gone

By hand: python3 fake_model.py [PORT] prints the port it listens on.
"""

import http.server
import json
import socket
import struct
import sys
import threading
import time

PIECES = ("Hello", ", ", "world")
PROMPT_TOKENS, ANSWER_TOKENS = 11, 3


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode()


class Ollama:
    """How the dialect writes things; all answers are bytes."""
    adapter = "ollama"
    chat, models = "/api/chat", "/api/tags"
    content_type = "application/x-ndjson"

    @staticmethod
    def line(content="", **more):
        message = {"role": "assistant", "content": content}
        message.update(more.pop("message", {}))
        return dump({"model": "x", "created_at": "2026-01-01T00:00:00Z",
                     "message": message, "done": False, **more}) + b"\n"

    def head(self):
        return b""

    def text(self, content):
        return self.line(content)

    def thinking(self, content):
        return self.line(message={"thinking": content})

    def last(self, usage=True):
        counts = {"prompt_eval_count": PROMPT_TOKENS,
                  "eval_count": ANSWER_TOKENS, "total_duration": 5}
        return self.line(done=True, done_reason="stop",
                         **(counts if usage else {}))

    def raw(self, data):
        return data + b"\n"

    def failure(self, text, _kind="server_error"):
        """In the middle of a stream."""
        return self.raw(dump({"error": text}))

    def refusal(self, text, _kind, _code=None):
        """The body of an answer that is not 200."""
        return {"error": text}

    def list(self, names):
        return {"models": [{"name": n, "model": n} for n in names]}


class OpenAI(Ollama):
    adapter = "openai"
    chat, models = "/v1/chat/completions", "/v1/models"
    content_type = "text/event-stream"

    def chunk(self, delta, reason=None, **more):
        return self.raw(dump({
            "id": "chatcmpl-1", "object": "chat.completion.chunk",
            "created": 1, "model": "x", "choices": [
                {"index": 0, "delta": delta, "finish_reason": reason}],
            **more}))

    def head(self):
        return b": hello\n\n" + self.chunk({"role": "assistant",
                                            "content": ""})

    def text(self, content):
        return self.chunk({"content": content})

    def thinking(self, content):
        return self.chunk({"reasoning_content": content})

    def last(self, usage=True):
        counts = {"prompt_tokens": PROMPT_TOKENS,
                  "completion_tokens": ANSWER_TOKENS,
                  "total_tokens": PROMPT_TOKENS + ANSWER_TOKENS}
        return (self.chunk({}, "stop")
                + (self.raw(dump({"choices": [], "usage": counts}))
                   if usage else b"") + self.raw(b"[DONE]"))

    def raw(self, data):
        return b"data: " + data + b"\n\n"

    def failure(self, text, kind="server_error"):
        return self.raw(dump(self.refusal(text, kind)))

    def refusal(self, text, kind, code=None):
        return {"error": {"message": text, "type": kind, "param": None,
                          "code": code}}

    def list(self, names):
        return {"object": "list", "data": [
            {"id": n, "object": "model", "created": 1, "owned_by": "me"}
            for n in names]}


class Anthropic(Ollama):
    adapter = "anthropic"
    chat, models = "/v1/messages", "/v1/models"
    content_type = "text/event-stream"

    def event(self, kind, **more):
        return (b"event: " + kind.encode() + b"\n"
                + self.raw(dump({"type": kind, **more})))

    def head(self):
        return (self.event("message_start", message={
                    "id": "msg_1", "type": "message", "role": "assistant",
                    "content": [], "model": "x", "usage": {
                        "input_tokens": PROMPT_TOKENS, "output_tokens": 1}})
                + self.event("content_block_start", index=0,
                             content_block={"type": "text", "text": ""})
                + self.event("ping"))

    def text(self, content):
        return self.event("content_block_delta", index=0, delta={
            "type": "text_delta", "text": content})

    def thinking(self, content):
        return self.event("content_block_delta", index=0, delta={
            "type": "thinking_delta", "thinking": content})

    def last(self, usage=True):
        counts = {"usage": {"output_tokens": ANSWER_TOKENS}}
        return (self.event("content_block_stop", index=0)
                + self.event("message_delta", delta={
                    "stop_reason": "end_turn", "stop_sequence": None},
                    **(counts if usage else {}))
                + self.event("message_stop"))

    def raw(self, data):
        return b"data: " + data + b"\n\n"

    def failure(self, text, kind="api_error"):
        if kind == "server_error":
            kind = "api_error"
        return b"event: error\n" + self.raw(dump(self.refusal(text, kind)))

    def refusal(self, text, kind, _code=None):
        return {"type": "error", "error": {"type": kind, "message": text}}

    def list(self, names):
        return {"data": [{"type": "model", "id": n, "display_name": n,
                          "created_at": "2026-01-01T00:00:00Z"}
                         for n in names], "has_more": False}


DIALECTS = (Ollama(), OpenAI(), Anthropic())


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

    def error(self, status, text, kind="server_error", code=None, **headers):
        self.reply(status, self.d.refusal(text, kind, code), **headers)

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Type", self.d.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.piece(self.d.head())

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
        self.stream(*[self.d.text(p) for p in PIECES], self.d.last())

    def chat_echo(self, body):
        self.stream(self.d.text(body["messages"][-1]["content"]), self.d.last())

    def chat_think(self, _body):
        self.stream(self.d.thinking("Hm"),
                    self.d.thinking("m"), self.d.text("Yes"), self.d.last())

    def chat_no_usage(self, _body):
        self.stream(self.d.text("x"), self.d.last(usage=False))

    def chat_no_newline(self, _body):
        self.stream(self.d.text("x"), self.d.last().rstrip(b"\n"))

    def chat_done_hangs(self, _body):
        self.begin()
        self.piece(self.d.text("x") + self.d.last())
        self.wait_until_gone()

    def chat_fragments(self, _body):
        self.begin()
        for byte in b"".join([self.d.text(p) for p in PIECES]) + self.d.last():
            self.piece(bytes([byte]))
        self.end()

    def chat_hang(self, _body):
        self.wait_until_gone()

    def chat_stall(self, _body):
        self.begin()
        self.piece(self.d.text("Hel"))
        self.wait_until_gone()

    def drip(self, data, write):
        """A byte at a time, slowly, until the client has enough."""
        try:
            for byte in data:
                write(bytes([byte]))
                if self.server.fake.stopping.wait(0.2):
                    break
        except OSError:
            self.server.fake.gone.set()
        self.cut()

    def chat_drip(self, _body):
        """After a first token; never a whole line."""
        self.begin()
        self.piece(self.d.text("Hel"))
        self.drip(self.d.text("x" * 1000), self.piece)

    def chat_drip_first(self, _body):
        self.begin()
        self.drip(self.d.text("x" * 1000), self.piece)

    def chat_drip_head(self, _body):
        """Not even the head of the answer comes whole."""
        self.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000,
                  self.wfile.write)

    def chat_hundred_megabytes(self, _body):
        """One line."""
        self.begin()
        self.piece(self.d.text("Hel"))
        try:
            self.piece(self.d.text("@").partition(b"@")[0])
            for _ in range(1600):
                self.piece(b"z" * (64 << 10))
                self.server.fake.bytes_sent += 64 << 10
            self.end()
        except OSError:
            self.server.fake.gone.set()
            self.cut()

    def chat_endless(self, _body):
        self.begin()
        try:
            while not self.server.fake.stopping.is_set():
                self.piece(self.d.text("z" * 4000))
                self.server.fake.bytes_sent += 4000
        except OSError:
            self.server.fake.gone.set()
        self.cut()

    def chat_paced(self, _body):
        """Tokens one by one, as the test lets them through."""
        self.begin()
        self.piece(self.d.text("one "))
        self.server.fake.next_token.wait(30)
        self.piece(self.d.text("two") + self.d.last())
        self.end()

    def chat_cold(self, _body):
        self.server.fake.next_token.wait(30)
        self.stream(self.d.text("warm"), self.d.last())

    def chat_close(self, _body):
        self.begin()
        self.piece(self.d.text("Hel"))
        self.cut()

    def chat_close_at_once(self, _body):
        self.cut()

    def chat_reset(self, _body):
        self.begin()
        self.piece(self.d.text("Hel"))
        self.server.fake.next_token.wait(30)
        self.reset()

    def chat_no_done(self, _body):
        self.stream(self.d.text("Hel"))

    def chat_empty(self, _body):
        self.stream()

    def chat_garbage(self, _body):
        self.stream(self.d.text("Hel"), b"<html>oops</html>\n", self.d.last())

    def chat_scalar(self, _body):
        self.stream(self.d.raw(b"42"), self.d.last())

    def chat_huge_line(self, _body):
        self.stream(self.d.text("Hel"), self.d.text("z" * (2 << 20)), self.d.last())

    def chat_too_long(self, _body):
        self.begin()
        try:
            for _ in range(20):
                self.piece(self.d.text("z" * (500 << 10)))
            self.piece(self.d.last())
            self.end()
        except OSError:
            self.cut()

    def chat_error_line(self, _body):
        self.stream(self.d.text("Hel"), self.d.failure("the runner was killed"))

    def chat_error_first(self, _body):
        self.stream(self.d.failure("out of memory\x1b[2J"))

    def chat_bad_utf8(self, _body):
        data = self.d.text("a@b").replace(b"@", b"\xff\xc3\x28")
        self.stream(data, self.d.last())

    def chat_cut_utf8(self, _body):
        """A character whose bytes are in different lines."""
        euro = "€".encode()
        self.stream(self.d.text("5 @").replace(b"@", euro[:1]),
                    self.d.text("@").replace(b"@", euro[1:2]),
                    self.d.text("@!").replace(b"@", euro[2:]), self.d.last())

    def chat_half_utf8(self, _body):
        self.stream(self.d.text("x@").replace(b"@", b"\xe2\x82"), self.d.last())

    def chat_400(self, _body):
        self.error(400, "invalid options: zzz", "invalid_request_error")

    def chat_401(self, _body):
        self.error(401, "unauthorized", "authentication_error")

    def chat_429(self, _body):
        self.error(429, "slow down", "rate_limit_error", Retry_After="7")

    def chat_429_soon(self, _body):
        self.error(429, "slow down", "rate_limit_error", Retry_After="1")

    def chat_429_soon_once(self, body):
        if self.server.fake.count(self.d.chat) == 1:
            self.chat_429_soon(body)
        else:
            self.chat_ok(body)

    def chat_no_credit(self, _body):
        self.error(429, "You exceeded your current quota",
                   "insufficient_quota", "insufficient_quota")

    def chat_529(self, _body):
        self.error(529, "Overloaded", "overloaded_error")

    def chat_overloaded(self, _body):
        """As an event, before any token."""
        self.stream(self.d.failure("Overloaded", "overloaded_error"))

    def chat_overloaded_late(self, _body):
        self.stream(self.d.text("Hel"),
                    self.d.failure("Overloaded", "overloaded_error"))

    def chat_echo_key(self, _body):
        """What a server says that shows people their own key."""
        key = (self.headers.get("x-api-key")
               or self.headers.get("Authorization", "").partition(" ")[2])
        self.error(401, "Incorrect API key provided: " + key
                   + ". " + "x" * 280 + key, "invalid_request_error",
                   "invalid_api_key")

    def chat_echo_key_late(self, _body):
        key = (self.headers.get("x-api-key")
               or self.headers.get("Authorization", "").partition(" ")[2])
        self.stream(self.d.text("Hel"), self.d.failure(
            "x" * 290 + key + " is not " + key))

    def chat_500(self, _body):
        self.error(500, "llama runner process has terminated")

    def chat_500_text(self, _body):
        self.reply(500, b"<html>nginx</html>")

    def chat_503(self, _body):
        self.error(503, "server busy, please try again.  maximum pending "
                        "requests exceeded")

    def chat_503_once(self, body):
        if self.server.fake.count(self.d.chat) == 1:
            self.chat_503(body)
        else:
            self.chat_ok(body)

    def chat_redirect(self, _body):
        self.reply(307, b"", Location=self.server.fake.url + "/elsewhere")

    def chat_html(self, _body):
        self.reply(200, b"<html>\nA router's page\n</html>\n")

    def chat_plain_404(self, _body):
        self.reply(404, b"404 page not found")

    def chat_script(self, _body):
        """Just what the test says."""
        self.send_response(200)
        self.send_header("Content-Type", self.d.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for data in self.server.fake.script:
            self.piece(data)
        self.end()

    def chat_comments(self, _body):
        """The server lives, the model does not."""
        self.begin()
        self.piece(self.d.text("Hel"))
        try:
            while not self.server.fake.stopping.wait(0.1):
                self.piece(b": wait\n\n" if self.d.adapter == "openai"
                           else self.d.event("ping"))
        except OSError:
            self.server.fake.gone.set()
        self.cut()

    def chat_too_long_prompt(self, _body):
        self.error(400, "prompt is too long: 9 tokens > 8 maximum",
                   "invalid_request_error")

    def chat_window(self, body):
        """A window of five messages."""
        if len(body["messages"]) > 5:
            self.error(400, "the input length exceeds the context length",
                       "invalid_request_error")
        else:
            self.chat_ok(body)

    # ---- the other routes --------------------------------------------------

    def do_GET(self):
        fake = self.server.fake
        path = self.path.partition("?")[0]
        fake.note(path, None, self)
        self.d = next((d for d in DIALECTS if d.models == path
                       and ("x-api-key" in self.headers
                            or "anthropic-version" in self.headers)
                       == (d.adapter == "anthropic")), None)
        if self.d and fake.list_status != 200:
            self.error(fake.list_status, "no list here", "not_found_error")
        elif self.d:
            listed = self.d.list(fake.models)
            for entry in listed.get("data", []):
                entry.update(fake.list_more)
            self.reply(200, listed)
        elif path == "/api/ps":
            self.reply(200, {"models": [{"name": n} for n in fake.loaded]})
        else:
            self.reply(404, b"404 page not found")

    def do_POST(self):
        fake = self.server.fake
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size).decode("utf-8"))
        fake.note(self.path, body, self)
        self.d = next((d for d in DIALECTS if self.path == d.chat), None)
        model = body["model"].partition(":")[0]
        method = getattr(self, "chat_" + model.replace("-", "_"), None)
        if self.path == "/api/show" and method:
            self.reply(200, fake.shown)
        elif not self.d:
            self.reply(404, b"404 page not found")
        elif not method:
            self.error(404, f'model "{body["model"]}" not found, try pulling '
                            "it first", "not_found_error", "model_not_found")
        else:
            method(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class FakeModel:
    """The server in a thread of this process."""

    def __init__(self, port=0, tls=None):
        self.http = Server(("127.0.0.1", port), Handler)
        if tls:
            self.http.socket = tls.wrap_socket(
                self.http.socket, server_side=True,
                do_handshake_on_connect=False)
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
        self.list_status = 200
        self.list_more = {}  # in each entry of the list
        self.script = ()  # what the model called "script" answers
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
    with FakeModel(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server:
        print(server.port, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
