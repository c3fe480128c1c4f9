# SPDX-License-Identifier: MIT
"""Those who are told of alerts: a receiver of webhooks, a mail server.

    with Webhook() as hook:
        hook.url                      # to be posted to
        hook.answers = [503, 200]     # what it says; the last one goes on
        hook.next()                   # the request that comes next

    with Mail() as mail: mail.url, mail.next()

As a program, with a Python that has aiosmtpd: `receivers.py [CERT KEY]` is a
mail server. It prints its port, then a line of JSON for each mail.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import queue
import subprocess
import sys
import threading

WAIT_SECONDS = 60
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's packages


class Request:
    def __init__(self, handler, body):
        self.path = handler.path
        self.headers = dict(handler.headers.items())
        self.body = body
        self.json = json.loads(body)

    def signature(self, secret):
        """What the specification of Standard Webhooks makes of it."""
        key = (base64.b64decode(secret.removeprefix("whsec_"))
               if secret.startswith("whsec_") else secret.encode())
        signed = (f"{self.headers['webhook-id']}."
                  f"{self.headers['webhook-timestamp']}.").encode() + self.body
        mac = hmac.new(key, signed, hashlib.sha256).digest()
        return "v1," + base64.b64encode(mac).decode()


class Webhook:
    def __init__(self, *answers, headers=()):
        self.answers = list(answers) or [200]
        self.headers = list(headers)
        self.requests = queue.Queue()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.answers[0]
                if len(hook.answers) > 1:
                    hook.answers.pop(0)
                self.send_response(status)
                for name, value in hook.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                hook.requests.put(Request(self, body))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self):
        """The request that comes next; fails when none comes."""
        return self.requests.get(timeout=WAIT_SECONDS)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def has_mail():
    """Whether there is what a mail server needs."""
    return os.path.exists(PYTHON) and subprocess.run(
        [PYTHON, "-c", "import aiosmtpd"], capture_output=True,
        check=False).returncode == 0


class Mail:
    """A real SMTP server; with a certificate it demands STARTTLS."""

    def __init__(self, *certificate):
        self.process = subprocess.Popen(
            [PYTHON, os.path.abspath(__file__), *certificate],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"smtp://localhost:{self.port}"
        self.mails = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.mails.put(json.loads(line))

    def next(self):
        """{from, to, data, tls} of the mail that comes next."""
        return self.mails.get(timeout=WAIT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def serve_mail(*certificate):
    import asyncio
    import socket
    import ssl
    from aiosmtpd.smtp import SMTP

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            print(json.dumps({
                "from": envelope.mail_from, "to": envelope.rcpt_tos,
                "data": envelope.content.decode(),
                "tls": session.ssl is not None}), flush=True)
            return "250 taken"

    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Handler(), hostname="localhost",
                         tls_context=context,
                         require_starttls=context is not None),
            sock=listener)
        print(listener.getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


if __name__ == "__main__":
    serve_mail(*sys.argv[1:])
