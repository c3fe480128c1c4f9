# SPDX-License-Identifier: MIT
"""What an operator cannot make of an administrator's template or bot."""

import http.client
import json
import os
import unittest

from hive import API, WAIT_SECONDS, Hive

CONFIG = """\
templates:
  agent:
    adapter: exec
    argv: [sh, -c, "cat; echo"]
  keyed:
    adapter: openai
    model: any
    api_key_env: SECRET_KEY
"""


class Operators(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(config=CONFIG).start()
        cls.addClassCleanup(lambda: cls.hive.__exit__())
        cls.token = cls.hive.must(
            "POST", "/tokens", {"name": "op", "role": "operator"})["token"]

    def ask(self, method, path, body=None, token=None):
        return self.hive.call(
            method, path, body,
            {"Authorization": f"Bearer {token or self.token}"})

    def refused(self, method, path, body, field):
        got, problem = self.ask(method, path, body)
        self.assertEqual(got, 403, problem)
        self.assertIn(field, problem["detail"])

    def test_operator_names_no_program_by_way_of_the_options(self):
        options = {"resume_argv": ["sh", "-c", "id"]}
        for method, path in (("POST", "/bots?start=false"),
                             ("PUT", "/bots/evil?start=false"),
                             ("PUT", "/bots/evil?dry_run=true")):
            with self.subTest(method=method, path=path):
                self.refused(method, path, {
                    "id": "evil", "template": "agent", "options": options},
                    "resume_argv")
        self.assertEqual(self.ask("GET", "/bots/evil")[0], 404)
        self.assertEqual(self.ask("POST", "/bots?start=false", {
            "id": "good", "template": "agent",
            "options": {"format": "text"}})[0], 201)
        for method in ("PATCH", "PUT"):
            self.refused(method, "/bots/good",
                         {"options": options, "template": "agent"}
                         if method == "PUT" else {"options": options},
                         "resume_argv")
        self.hive.must("PATCH", "/bots/good", {
            "options": {"resume_argv": ["cat"], "format": "text"}})
        # Neither another one, nor none, nor in another way.
        for wrong in ({"format": "text"}, {"resume_argv": ["sh"]}, {}):
            self.refused("PATCH", "/bots/good", {"options": wrong},
                         "resume_argv")
        self.assertEqual(self.ask("PATCH", "/bots/good", {
            "max_concurrent": 2})[0], 200)

    def test_operator_gives_key_and_program_to_no_other_adapter(self):
        for template, others in (("keyed", ("ollama", "anthropic")),
                                 ("agent", ("process",))):
            for adapter in others:
                with self.subTest(template=template, adapter=adapter):
                    self.refused("POST", "/bots?start=false", {
                        "id": "evil", "template": template,
                        "adapter": adapter}, "adapter")
                    self.refused("PUT", "/bots/evil?dry_run=true", {
                        "template": template, "adapter": adapter}, "adapter")
            bot = f"from-{template}"
            self.assertEqual(self.ask("POST", "/bots?start=false", {
                "id": bot, "template": template})[0], 201)
            for adapter in others:
                self.refused("PATCH", f"/bots/{bot}", {"adapter": adapter},
                             "adapter")
                self.refused("PUT", f"/bots/{bot}", {
                    "template": template, "adapter": adapter},
                    "administrator")
        self.assertEqual(self.ask("GET", "/bots/evil")[0], 404)

    def test_operator_changes_the_adapter_of_a_bot_without_secrets(self):
        self.assertEqual(self.ask("POST", "/bots?start=false", {
            "id": "plain", "adapter": "echo"})[0], 201)
        got, bot = self.ask("PATCH", "/bots/plain",
                            {"adapter": "ollama", "model": "any"})
        self.assertEqual(got, 200, bot)

    def begin_claim(self, token):
        """A claim that waits, on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.hive.port,
                                          timeout=WAIT_SECONDS)
        conn.request("POST", API + "/tasks/claim",
                     json.dumps({"wait_seconds": 60}),
                     {"Authorization": f"Bearer {token}",
                      "Content-Type": "application/json"})
        # This is answered after the claim has begun to wait.
        self.assertEqual(self.ask("POST", "/bots/far/heartbeat",
                                  token=token)[0], 200)
        return conn

    def test_revoked_token_waits_for_no_task(self):
        self.hive.launch("far", "external")
        self.hive.wait_state("far", "ready")
        made = self.hive.must("POST", "/tokens",
                              {"name": "far", "role": "bot"})
        waiting = self.begin_claim(made["token"])
        self.assertIn(self.hive.call("DELETE", f"/tokens/{made['id']}")[0],
                      (200, 204))
        self.assertEqual(waiting.getresponse().status, 401)
        waiting.close()


if __name__ == "__main__":
    unittest.main()
