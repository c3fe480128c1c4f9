# SPDX-License-Identifier: MIT
"""Malformed, oversized and slow requests; repeated ones."""

import socket
import time
import unittest

import raw
from hive import Hive

CONFIG = """server:
  head_timeout_seconds: 1
  body_timeout_seconds: 1
  idle_timeout_seconds: 2
"""


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive().__enter__()
        cls.addClassCleanup(cls.hive.__exit__)

    def host(self):
        return f"Host: 127.0.0.1:{self.hive.port}\r\n".encode()

    def post(self, path, body, extra=b"", kind=b"application/json"):
        return raw.send(self.hive.port, b"POST " + path + b" HTTP/1.1\r\n"
                        + self.host() + b"Authorization: Bearer "
                        + self.hive.token.encode() + b"\r\nContent-Type: "
                        + kind + b"\r\nContent-Length: "
                        + str(len(body)).encode() + b"\r\n" + extra
                        + b"Connection: close\r\n\r\n" + body)

    def assert_problem(self, answer, status, name):
        self.assertEqual(answer.status, status, name)
        self.assertEqual(answer.headers["content-type"],
                         "application/problem+json", name)
        problem = answer.json()
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["detail"] and problem["code"])

    def test_malformed_heads_are_400(self):
        h = self.host()
        get = b"GET /health HTTP/1.1\r\n"
        for name, data in {
            "no host": get + b"\r\n",
            "two hosts": get + h + h + b"\r\n",
            "two lengths": get + h + b"Content-Length: 3\r\n"
                           b"Content-Length: 3\r\n\r\nabc",
            "odd length": get + h + b"Content-Length: +3\r\n\r\nabc",
            "negative length": get + h + b"Content-Length: -3\r\n\r\n",
            "length and chunked": get + h + b"Content-Length: 3\r\n"
                                  b"Transfer-Encoding: chunked\r\n\r\n",
            "odd coding": get + h + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            "folded": get + h + b"X: a\r\n b\r\n\r\n",
            "space before colon": get + h + b"X : a\r\n\r\n",
            "no colon": get + h + b"XYZ\r\n\r\n",
            "nul": get + h + b"X: a\0b\r\n\r\n",
            "bare lf": b"GET /health HTTP/1.1\n" + h + b"\r\n",
            "bare cr": get + h + b"X: a\rb\r\n\r\n",
            "no version": b"GET /health\r\n" + h + b"\r\n",
            "empty line first": b"\r\n" + get + h + b"\r\n",
            "bad target": b"GET health HTTP/1.1\r\n" + h + b"\r\n",
            "high bytes": b"GET /h\xc3\xa9 HTTP/1.1\r\n" + h + b"\r\n",
            "body of head": b"HEAD / HTTP/1.1\r\n" + h
                            + b"Content-Length: 3\r\n\r\nabc",
            "two credentials": get + h + b"Authorization: Bearer a\r\n"
                               b"Authorization: Bearer b\r\n\r\n",
            "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        }.items():
            answer = raw.send(self.hive.port, data)
            self.assert_problem(answer, 400, name)
            self.assertEqual(answer.headers["connection"], "close", name)

    def test_other_versions_methods_and_expectations_are_refused(self):
        h = self.host()
        for status, data in ((505, b"GET / HTTP/2.0\r\n" + h + b"\r\n"),
                             (501, b"BREW / HTTP/1.1\r\n" + h + b"\r\n"),
                             (417, b"GET / HTTP/1.1\r\n" + h
                              + b"Expect: tea\r\n\r\n")):
            self.assert_problem(raw.send(self.hive.port, data), status, data)

    def test_limits_of_the_head(self):
        h = self.host()
        for status, data in (
                (414, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + h + b"\r\n"),
                (431, b"GET / HTTP/1.1\r\n" + h + b"X: y\r\n" * 101 + b"\r\n"),
                (431, b"GET / HTTP/1.1\r\n" + h + b"X: " + b"y" * 17000
                 + b"\r\n\r\n")):
            self.assert_problem(raw.send(self.hive.port, data), status,
                                data[:40])

    def test_limits_of_the_body(self):
        self.assert_problem(raw.send(
            self.hive.port, b"POST /api/v1/bots HTTP/1.1\r\n" + self.host()
            + b"Content-Length: 9000000\r\n\r\n"), 413, "length")
        chunked = (b"POST /api/v1/bots HTTP/1.1\r\n" + self.host()
                   + b"Transfer-Encoding: chunked\r\n\r\n"
                   + b"100000\r\n" + b"a" * 0x100000 + b"\r\n")
        chunked += (b"100000\r\n" + b"a" * 0x100000 + b"\r\n") * 8
        self.assert_problem(raw.send(self.hive.port, chunked), 413, "chunks")
        self.assert_problem(raw.send(
            self.hive.port, b"POST /api/v1/bots HTTP/1.1\r\n" + self.host()
            + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400, "bad chunk")
        self.assert_problem(self.post(b"/api/v1/tokens", b"a" * 70000), 413,
                            "of a route")

    def test_a_head_byte_by_byte_and_two_requests_in_one_piece(self):
        get = b"GET /health/live HTTP/1.1\r\n" + self.host() + b"\r\n"
        with raw.connect(self.hive.port) as sock:
            for n in range(len(get)):
                sock.sendall(get[n:n + 1])
            self.assertEqual(raw.read_one(sock).status, 200)
            sock.sendall(get + get.replace(b"live", b"ready"))
            data = b""
            while data.count(b"{\"status\"") < 2:
                data += sock.recv(65536)
            self.assertLess(data.index(b"live"), data.index(b'"ready"'))
            sock.sendall(get + b"BAD\r\n\r\n")
            rest = raw.read_all(sock)
            self.assertIn(b"HTTP/1.1 200", rest)
            self.assertIn(b"HTTP/1.1 400", rest)

    def test_chunked_and_expected_bodies_are_taken(self):
        body = b'{"id":"BOT-X","adapter":"none-such"}'
        head = (b"POST /api/v1/bots HTTP/1.1\r\n" + self.host()
                + b"Authorization: Bearer " + self.hive.token.encode()
                + b"\r\nContent-Type: application/json\r\n"
                b"Connection: close\r\n")
        answer = raw.send(self.hive.port, head
                          + b"Transfer-Encoding: chunked\r\n\r\n"
                          + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        self.assert_problem(answer, 422, "chunked")
        with raw.connect(self.hive.port) as sock:
            sock.sendall(head + b"Expect: 100-continue\r\nContent-Length: "
                         + str(len(body)).encode() + b"\r\n\r\n")
            self.assertIn(b"100 Continue", sock.recv(65536))
            sock.sendall(body)
            self.assertEqual(raw.Answer(raw.read_all(sock)).status, 422)

    def test_bodies_are_checked_in_order(self):
        bots = b"/api/v1/bots"
        self.assert_problem(self.post(bots, b"{}", kind=b"text/plain"), 415,
                            "type")
        for body in (b"{", b'{"a":01}', b'{"a":1,"a":2}', b"\xff", b"",
                     b'{"a":"\\ud800"}', b"[" * 100):
            self.assert_problem(self.post(bots, body),
                                400, body)
        wrong = self.post(bots, b'{"a": 1,\n x}')
        self.assertIn("line 2", wrong.json()["detail"])
        self.assert_problem(self.post(bots, b"[]"), 422, "array")
        many = self.post(b"/api/v1/tokens", b'{"nam/e":1,"role":2}')
        self.assertEqual({e["pointer"] for e in many.json()["errors"]},
                         {"/nam~1e", "/role", "/name"})

    def test_query_parameters_are_checked(self):
        for path in ("/bots?limit=0", "/bots?limit=1001", "/bots?limit=x",
                     "/bots?limt=3", "/bots?limit=1&limit=2",
                     "/bots/B/logs?tail=10001", "/audit?cursor=-1"):
            status, problem = self.hive.call("GET", path)
            self.assertEqual(status, 422, path)
            self.assertIn("parameter", problem["errors"][0])
        self.assertEqual(self.hive.call("GET", "/bots?limit=%00")[0], 400)

    def test_a_repeated_request_gets_the_first_answer(self):
        key = {"Idempotency-Key": "k-1"}
        body = {"id": "BOT-I", "adapter": "echo"}
        first = self.hive.call("POST", "/bots?start=false", body, key)
        again = self.hive.call("POST", "/bots?start=false", body, key)
        self.assertEqual(first[0], 201)
        self.assertEqual(first, again)
        other = self.hive.call("POST", "/bots?start=false",
                               {"id": "BOT-J", "adapter": "echo"}, key)
        self.assertEqual(other[0], 422)
        self.assertEqual(self.hive.call("POST", "/bots", body)[0], 409)

    def test_static_files_have_etags_and_gzip(self):
        def get(extra):
            return raw.send(self.hive.port, b"GET / HTTP/1.1\r\n" + self.host()
                            + extra + b"Connection: close\r\n\r\n")
        plain, packed = get(b""), get(b"Accept-Encoding: gzip\r\n")
        self.assertEqual(plain.status, 200)
        self.assertIn("script-src 'self'",
                      plain.headers["content-security-policy"])
        if "etag" in plain.headers:
            same = get(b"If-None-Match: " + plain.headers["etag"].encode()
                       + b"\r\n")
            self.assertEqual((same.status, same.body), (304, b""))
            self.assertEqual(packed.headers.get("content-encoding"), "gzip")
            self.assertLess(len(packed.body), len(plain.body))


class Deadlines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(config=CONFIG).__enter__()
        cls.addClassCleanup(cls.hive.__exit__)

    def drip(self, first, piece):
        """Sends slowly; returns the answer and how long it took."""
        begin = time.monotonic()
        with raw.connect(self.hive.port) as sock:
            sock.sendall(first)
            sock.settimeout(0.1)
            data = b""
            while time.monotonic() - begin < 15:
                try:
                    got = sock.recv(65536)
                    if not got:
                        break
                    data += got
                except socket.timeout:
                    try:
                        sock.sendall(piece)
                    except ConnectionError:
                        break
                except ConnectionError:
                    break
        return raw.Answer(data), time.monotonic() - begin

    def test_a_head_that_drips_is_cut_at_its_deadline(self):
        answer, took = self.drip(b"GET / HTTP/1.1\r\nX: ", b"a")
        self.assertEqual(answer.status, 408)
        self.assertLess(took, 8)

    def test_a_body_that_drips_is_cut_at_its_deadline(self):
        answer, took = self.drip(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            b"Content-Length: 5000\r\n\r\n" % self.hive.port, b"a")
        self.assertEqual(answer.status, 408)
        self.assertLess(took, 8)

    def test_a_silent_connection_is_closed(self):
        with raw.connect(self.hive.port) as sock:
            self.assertEqual(raw.read_all(sock), b"")

    def test_an_idle_connection_is_closed(self):
        with raw.connect(self.hive.port) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
                         % self.hive.port)
            self.assertEqual(raw.read_one(sock).status, 200)
            self.assertEqual(raw.read_all(sock), b"")


if __name__ == "__main__":
    unittest.main()
