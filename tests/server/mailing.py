# SPDX-License-Identifier: MIT
"""What tests of mail over HTTP share: a hive, identities, requests."""

import http.client
import json
import time
import unittest

from hive import API, WAIT_SECONDS, Hive

SHAPE = {"id", "from", "to", "by", "content", "priority", "status", "attempt",
         "max_attempts", "redelivered", "notify", "hops", "ttl_seconds",
         "expires_at", "created_at", "delivered_at", "read_at", "failed_at",
         "expired_at", "lease_expires_at", "lease_token", "retry_at",
         "reply_to", "dialogue", "metadata", "reason", "traceparent"}
NOBODY = "01932f1c-7a3b-7000-8000-000000000001"


class Mail(unittest.TestCase):
    """External bots: nothing takes their mail but these tests."""

    config = ""

    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(config=cls.config).start()
        cls.addClassCleanup(cls.hive.__exit__)
        cls.tokens = {role: cls.hive.must(
            "POST", "/tokens", {"name": role, "role": role})["token"]
            for role in ("viewer", "operator")}

    def bot(self, name, **more):
        """A new external bot; its token is kept under its name."""
        made = self.hive.launch(name, "external", **more)
        self.tokens[name] = made["token"]
        return name

    def ask(self, who, method, path, body=None, **headers):
        """(status, body, headers) of a request of that identity."""
        conn = http.client.HTTPConnection("127.0.0.1", self.hive.port,
                                          timeout=WAIT_SECONDS)
        head = {"Authorization":
                f"Bearer {self.tokens.get(who, self.hive.token)}"}
        head.update({k.replace("_", "-"): v for k, v in headers.items()})
        if body is not None:
            head["Content-Type"] = "application/json"
        conn.request(method, API + path,
                     None if body is None else json.dumps(body), head)
        reply = conn.getresponse()
        text = reply.read().decode()
        conn.close()
        return reply.status, json.loads(text) if text else None, reply.headers

    def must(self, who, method, path, body=None, wanted=(200, 201)):
        status, answer, _ = self.ask(who, method, path, body)
        self.assertIn(status, wanted, answer)
        return answer

    def refused(self, wanted, who, method, path, body=None, pointer=None):
        """A problem of this status, about this place."""
        status, problem, headers = self.ask(who, method, path, body)
        self.assertEqual(status, wanted, problem)
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        if pointer is not None:
            places = [e.get("pointer", "?" + e.get("parameter", ""))
                      for e in problem["errors"]]
            self.assertIn(pointer, places)
        return problem

    def send(self, to, content="hello", who="admin", **more):
        return self.must(who, "POST", "/messages",
                         {"to": to, "content": content, **more}, (201,))

    def receive(self, bot, who=None, **body):
        return self.must(who or bot, "POST", f"/bots/{bot}/inbox/receive",
                         body)

    def until(self, holds):
        """Asks until it is so."""
        limit = time.monotonic() + WAIT_SECONDS
        while not holds():
            self.assertLess(time.monotonic(), limit, "still not so")

    def unread(self, bot):
        return self.hive.must("GET", f"/bots/{bot}")["unread"]
