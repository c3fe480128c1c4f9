# SPDX-License-Identifier: MIT
"""What two programs could read differently is refused, and the connection
closed: a request that a proxy sees as one must never be two here."""

import unittest

from hive import Hive
from wire import Wire, once

BODY = b'{"role":"viewer"}'


class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive().start()
        port = cls.hive.port
        cls.host = f"Host: 127.0.0.1:{port}\r\n".encode()
        cls.auth = f"Authorization: Bearer {cls.hive.token}\r\n".encode()
        cls.post = (b"POST /api/v1/auth/codes HTTP/1.1\r\n" + cls.host
                    + cls.auth + b"Content-Type: application/json\r\n")

    @classmethod
    def tearDownClass(cls):
        cls.hive.__exit__()

    def refuses(self, data, status=400):
        """It is refused, closed, and what follows in the same breath is not
        taken for a request."""
        with Wire(self.hive) as wire:
            wire.send(data + b"GET /health HTTP/1.1\r\n" + self.host
                      + b"\r\n")
            got, headers, _ = wire.answer()
            self.assertEqual(got, status, data[:200])
            self.assertEqual(headers.get("connection"), "close")
            self.assertEqual(wire.answer()[0], 0)

    def chunked(self, framing):
        return (self.post + b"Transfer-Encoding: chunked\r\n\r\n" + framing)

    def test_chunked_body_is_taken_however_it_is_cut(self):
        whole = self.chunked(b"11\r\n" + BODY + b"\r\n0\r\n\r\n")
        self.assertEqual(once(self.hive, whole), 201)
        for cut in range(len(whole) - 40, len(whole)):
            with Wire(self.hive) as wire:
                wire.send(whole[:cut])
                wire.send(whole[cut:])
                self.assertEqual(wire.answer()[0], 201, cut)
        pieces = b"".join(b"1\r\n%c\r\n" % b for b in BODY)
        self.assertEqual(once(self.hive, self.chunked(
            pieces + b"000\r\n\r\n")), 201)

    def test_request_behind_a_chunked_body_is_answered(self):
        with Wire(self.hive) as wire:
            wire.send(self.chunked(b"11\r\n" + BODY + b"\r\n0\r\n\r\n")
                      + b"GET /health HTTP/1.1\r\n" + self.host + b"\r\n")
            self.assertEqual(wire.answer()[0], 201)
            self.assertEqual(wire.answer()[0], 200)

    def test_loose_chunk_framing_is_refused(self):
        for size in (b"0x11", b"+11", b" 11", b"11 ", b"11 x", b"11;a=b",
                     b"-11", b"", b"1g", b"111111111"):
            with self.subTest(size=size):
                self.refuses(self.chunked(size + b"\r\n" + BODY
                                          + b"\r\n0\r\n\r\n"))
        for name, framing in {
                "bare LF": b"11\n" + BODY + b"\n0\n\n",
                "bare CR": b"11\rX" + BODY + b"\r\n0\r\n\r\n",
                "no CR LF behind data": b"11\r\n" + BODY + b"0\r\n\r\n",
                "empty lines": b"\r\n\r\n11\r\n" + BODY + b"\r\n0\r\n\r\n",
                "longer than said": b"10\r\n" + BODY + b"\r\n0\r\n\r\n",
        }.items():
            with self.subTest(name):
                self.refuses(self.chunked(framing))

    def test_trailers_are_refused(self):
        head = self.post.replace(self.auth, b"")
        for trailer in (self.auth, self.host, b"X-A: b\r\n",
                        b"Content-Length: 5\r\n"):
            self.refuses(head + b"Transfer-Encoding: chunked\r\n\r\n11\r\n"
                         + BODY + b"\r\n0\r\n" + trailer + b"\r\n")

    def test_lengths_that_can_be_read_twice_are_refused(self):
        for fields in (b"Content-Length: 17\r\nContent-Length: 17\r\n",
                       b"Content-Length: 17\r\nContent-Length: 3\r\n",
                       b"Content-Length: 17, 17\r\n",
                       b"Content-Length: +17\r\n",
                       b"Content-Length: 0x11\r\n",
                       b"Content-Length: -1\r\n", b"Content-Length:\r\n",
                       b"Content-Length: 9999999999999999\r\n",
                       b"Content-Length : 17\r\n",
                       b"Content-Length: 17\r\nTransfer-Encoding: chunked\r\n",
                       b"Transfer-Encoding: chunked, chunked\r\n",
                       b"Transfer-Encoding: identity\r\n",
                       b"Transfer-Encoding: gzip, chunked\r\n",
                       b"Transfer-Encoding: \x0bchunked\r\n",
                       b"Transfer-Encoding: chunked\r\n"
                       b"Transfer-Encoding: chunked\r\n"):
            with self.subTest(fields=fields):
                self.refuses(self.post + fields + b"\r\n" + BODY)

    def test_loose_heads_are_refused(self):
        host = self.host
        for head in (b"GET /health HTTP/1.1\n" + host + b"\r\n",
                     b"GET /health HTTP/1.1\r\n" + host.replace(b"\r", b"")
                     + b"\r\n",
                     b"GET /health HTTP/1.1\r\n" + host
                     + b"X: a\r\n b\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n" + host + b"X : a\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n" + host + b": a\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n" + host + b"X\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n" + host
                     + b"X: a\x00b\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n" + host + b"X: a\rb\r\n\r\n",
                     b"GET  /health HTTP/1.1\r\n" + host + b"\r\n",
                     b"GET /hea\x00lth HTTP/1.1\r\n" + host + b"\r\n",
                     b"GET /health#x HTTP/1.1\r\n" + host + b"\r\n",
                     b"GET health HTTP/1.1\r\n" + host + b"\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\r\n" + host + b"\r\n",
                     b"HEAD /health HTTP/1.1\r\n" + host
                     + b"Content-Length: 2\r\n\r\nab"):
            with self.subTest(head=head):
                self.refuses(head)

    def test_oversized_heads_are_refused(self):
        line = b"GET /health HTTP/1.1\r\n" + self.host
        self.refuses(line + b"X: y\r\n" * 101 + b"\r\n", 431)
        self.refuses(line + b"X: " + b"y" * 17000 + b"\r\n\r\n", 431)
        self.refuses(b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\n" + self.host
                     + b"\r\n", 414)

    def test_other_hosts_are_refused(self):
        port = self.hive.port
        for host in ("127.0.0.1.evil.example", f"localhost.evil:{port}",
                     f"127.0.0.1:{port}@evil.example", "evil.example", "",
                     f"127.0.0.1:{port + 1}", f"127.0.0.1:{port}.evil",
                     f"[::1].evil:{port}", "127.1", "0.0.0.0", "2130706433"):
            for path in ("/", "/health", "/openapi.json", "/api/v1/bots"):
                with self.subTest(host=host, path=path):
                    got = once(self.hive, f"GET {path} HTTP/1.1\r\nHost: "
                               f"{host}\r\n\r\n".encode())
                    self.assertIn(got, (400, 421))
        self.refuses(b"GET /health HTTP/1.1\r\n\r\n")
        self.refuses(b"GET /health HTTP/1.1\r\n" + self.host * 2 + b"\r\n")

    def test_absolute_form_with_another_authority_is_refused(self):
        own = f"http://127.0.0.1:{self.hive.port}"
        self.assertEqual(once(self.hive, f"GET {own}/health HTTP/1.1\r\n"
                              .encode() + self.host + b"\r\n"), 200)
        for target in ("http://evil.example/health", f"{own}.evil/health",
                       f"http://a@127.0.0.1:{self.hive.port}/health",
                       "http:///health"):
            with self.subTest(target=target):
                got = once(self.hive, f"GET {target} HTTP/1.1\r\n".encode()
                           + self.host + b"\r\n")
                self.assertIn(got, (400, 421))

    def test_paths_are_not_normalised(self):
        self.hive.launch("BOT-001")
        for path in ("//api/v1/bots", "/api/v1/../v1/bots",
                     "/api/v1/bots/", "/api/v1/./bots",
                     "/api/v1/bots/%2e%2e", "/api/v1/bots/%2e%2e%2ftoken",
                     "/api/v1/bots/..%2f..%2ftoken/logs",
                     "/api/v1/bots/BOT-001%2flogs", "/api/v1/bots/BOT-001%00",
                     "/api/v1/bots/BOT-001%0d%0aX:y", "/api/v1/bots/%zz",
                     "/api/v1/bots/BOT-001%", "/assets/..%2f..%2ftoken",
                     "/assets/%2e%2e/token", "/%61pi/v1/bots",
                     "/api/v1/bots/bot-001", "/api/v1/bots;a/BOT-001"):
            with self.subTest(path=path):
                got = once(self.hive, f"GET {path} HTTP/1.1\r\n".encode()
                           + self.host + self.auth + b"\r\n")
                self.assertIn(got, (400, 404))


if __name__ == "__main__":
    unittest.main()
