# SPDX-License-Identifier: MIT
"""Who may call what: every route of the table, with every kind of credential."""

import json
import re
import subprocess
import unittest

import raw
from hive import Hive, program

RANK = {"bot": 1, "viewer": 2, "operator": 3, "admin": 4}
NEED = {"any": 1, "viewer": 2, "operator": 3, "admin": 4}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")


class Gate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive().__enter__()
        cls.addClassCleanup(cls.hive.__exit__)
        cls.routes = json.loads(subprocess.run(
            [program(cls.hive.build, "deiad"), "--routes"], check=True,
            stdout=subprocess.PIPE).stdout)
        cls.tokens = {"admin": cls.hive.token}
        for role in ("viewer", "operator"):
            made = cls.hive.must("POST", "/tokens",
                                 {"name": f"t-{role}", "role": role})
            cls.tokens[role] = made["token"]
        gone = cls.hive.must("POST", "/tokens",
                             {"name": "gone", "role": "admin"})
        cls.hive.must("DELETE", f"/tokens/{gone['id']}")
        cls.revoked = gone["token"]

    def ask(self, method, path, token=None, extra=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:" \
               f"{self.hive.port}\r\nConnection: close\r\n"
        if token is not None:
            head += f"Authorization: Bearer {token}\r\n"
        return raw.send(self.hive.port, head.encode() + extra + b"\r\n")

    def paths(self):
        return sorted({r["path"] for r in self.routes})

    @staticmethod
    def fill(path):
        return re.sub(r"\{\w+\}", "nothing-here", path)

    def test_without_credential_only_public_routes_answer(self):
        public = {(r["method"], r["path"]) for r in self.routes
                  if r["access"] == "public"}
        for path in self.paths():
            for method in METHODS:
                known = "GET" if method == "HEAD" else method
                status = self.ask(method, self.fill(path)).status
                if (known, path) in public:
                    self.assertNotIn(status, (401, 403, 405), (method, path))
                else:
                    self.assertEqual(status, 401, (method, path))

    def test_unknown_paths_are_401_without_and_404_with_a_credential(self):
        for path in ("/nothing", "/api/v1/", "/api/v1/alert", "/wss",
                     "/metrics/", "/api/v1/bots/", "/api/v1//bots",
                     "/api/v1/bots/%2e%2e", "/assets/../openapi.json"):
            self.assertEqual(self.ask("GET", path).status, 401, path)
            self.assertEqual(
                self.ask("GET", path, self.hive.token).status, 404, path)

    def test_wrong_method_is_405_with_allow(self):
        by_path = {}
        for r in self.routes:
            by_path.setdefault(r["path"], set()).add(r["method"])
        for path in by_path:
            # A literal path may be an {id} as well: /bots/actions.
            has = set().union(*(
                methods for other, methods in by_path.items()
                if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+",
                                       re.escape(other)), path)))
            for method in {"PUT", "OPTIONS", "TRACE"} - has:
                answer = self.ask(method, self.fill(path), self.hive.token)
                self.assertEqual(answer.status, 405, (method, path))
                allow = set(answer.headers["allow"].split(", ")) - {"HEAD"}
                self.assertEqual(allow, has, path)
                self.assertEqual(answer.json()["code"], "method_not_allowed")

    def test_each_role_may_do_what_the_table_says(self):
        for route in self.routes:
            if route["access"] == "public" or "logout" in route["path"]:
                continue
            for role, token in self.tokens.items():
                if "events" in route["path"]:
                    continue  # a stream: test_streams
                status = self.ask(route["method"], self.fill(route["path"]),
                                  token).status
                name = (role, route["method"], route["path"])
                if RANK[role] >= NEED[route["access"]]:
                    self.assertNotIn(status, (401, 403, 405), name)
                else:
                    self.assertEqual(status, 403, name)

    def test_revoked_and_malformed_tokens_are_401(self):
        for token in (self.revoked, "", "x", "deia_aaaaaaaa_" + "A" * 49,
                      self.hive.token[:-1], self.hive.token + "A"):
            answer = self.ask("GET", "/api/v1/bots", token)
            self.assertIn(answer.status, (401, 429))
            if answer.status == 401:
                self.assertIn("invalid_token",
                              answer.headers["www-authenticate"])

    def test_wrong_tokens_are_slowed_down_but_right_ones_pass(self):
        statuses = [self.ask("GET", "/api/v1/bots", f"wrong{n}").status
                    for n in range(25)]
        self.assertEqual(statuses[-1], 429)
        self.assertEqual(
            self.ask("GET", "/api/v1/bots", self.hive.token).status, 200)
        self.assertEqual(self.ask("GET", "/api/v1/bots").status, 401)

    def test_foreign_hosts_are_421(self):
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil",
                     f"127.0.0.1:{self.hive.port + 1}", "127.0.0.1@evil", ""):
            answer = raw.send(self.hive.port, (
                f"GET /health HTTP/1.1\r\nHost: {host}\r\n"
                "Connection: close\r\n\r\n").encode())
            self.assertEqual(answer.status, 421, host)
        answer = raw.send(self.hive.port, (
            "GET http://evil.example/health HTTP/1.1\r\nHost: 127.0.0.1:"
            f"{self.hive.port}\r\nConnection: close\r\n\r\n").encode())
        self.assertEqual(answer.status, 421)

    def test_pages_of_other_sites_are_refused(self):
        token = self.hive.token
        own = f"Origin: http://127.0.0.1:{self.hive.port}\r\n".encode()
        self.assertEqual(
            self.ask("GET", "/api/v1/bots", token, own).status, 200)
        for extra in (b"Origin: http://evil.example\r\n", b"Origin: null\r\n",
                      b"Origin: http://127.0.0.1:1\r\n"):
            self.assertEqual(
                self.ask("GET", "/api/v1/bots", token, extra).status, 403)
        for site in (b"cross-site", b"same-site"):
            self.assertEqual(self.ask(
                "DELETE", "/api/v1/bots/x", token,
                b"Sec-Fetch-Site: " + site + b"\r\n").status, 403)

    def test_every_answer_has_the_security_headers(self):
        for path in ("/", "/health", "/health/ready", "/api/v1/bots",
                     "/openapi.json", "/.well-known/x"):
            h = self.ask("GET", path).headers
            self.assertEqual(h["x-content-type-options"], "nosniff", path)
            self.assertEqual(h["referrer-policy"], "no-referrer", path)
            self.assertIn("frame-ancestors 'none'",
                          h["content-security-policy"], path)
            self.assertNotIn("access-control-allow-origin", h)

    def test_request_id_is_echoed_when_it_is_plain(self):
        sent = self.ask("GET", "/health", None, b"X-Request-Id: abc-1\r\n")
        self.assertEqual(sent.headers["x-request-id"], "abc-1")
        odd = self.ask("GET", "/api/v1/bots", None,
                       b"X-Request-Id: a b<c>\r\n")
        self.assertRegex(odd.headers["x-request-id"], "^[0-9a-f]{16}$")
        self.assertEqual(odd.json()["request_id"], odd.headers["x-request-id"])


if __name__ == "__main__":
    unittest.main()
