# SPDX-License-Identifier: MIT
"""What an operator cannot make of an administrator's template or bot."""

import http.client
import json
import os
import threading
import unittest

from hive import API, WAIT_SECONDS, Hive

KEY = "canary-77aa01"
CONFIG = """\
templates:
  agent:
    adapter: exec
    argv: [sh, -c, "cat; echo"]
  keyed:
    adapter: openai
    model: any
    api_key_env: SECRET_KEY
  far:
    adapter: openai
    model: any
    base_url: http://127.0.0.1:9
    api_key_env: SECRET_KEY
"""


class Operators(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(config=CONFIG, env={"SECRET_KEY": KEY}).start()
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

    def test_program_of_an_external_bot_speaks_for_that_bot_alone(self):
        mine, other = (self.hive.launch(bot, "external")["token"]
                       for bot in ("mine", "other"))
        self.hive.wait_state("mine", "ready")
        self.hive.wait_state("other", "ready")
        for method, path, body in (
                ("GET", "/bots", None), ("GET", "/bots/other", None),
                ("POST", "/bots/other/heartbeat", None),
                ("POST", "/tasks/claim", {"bot": "other"}),
                ("POST", "/bots/actions", {"action": "stop", "all": True}),
                ("GET", "/bots/mine/history", None),
                ("GET", "/bots/mine/status", None),
                ("GET", "/bots/mine/logs", None),
                ("GET", "/bots/mine/chat", None),
                ("GET", "/bots/mine/conversations", None),
                ("POST", "/bots/mine/chat", {"content": "x"}),
                ("POST", "/bots/mine/start", None),
                ("PUT", "/bots/mine", {"adapter": "echo"}),
                ("PATCH", "/bots/mine", {"model": "x"}),
                ("DELETE", "/bots/mine", None),
                ("GET", "/models", None), ("GET", "/events", None),
                ("POST", "/tokens", {"name": "mine", "role": "bot"})):
            with self.subTest(method=method, path=path):
                self.assertEqual(
                    self.ask(method, path, body, mine)[0], 403)
        asked = threading.Thread(target=self.hive.call, args=(
            "POST", "/bots/mine/chat", {"content": "private"}))
        asked.start()
        got, task = self.ask("POST", "/tasks/claim", {"wait_seconds": 30},
                             mine)
        self.assertEqual(got, 200, task)
        path = f"/tasks/{task['task']['id']}/complete"
        lease = task["lease_token"]
        secret = lease.partition(".")[0]
        for token, wrong in ((other, lease), (other, f"{secret}.other"),
                             (mine, "0" * 32 + ".mine"),
                             (mine, lease.upper()), (mine, secret)):
            with self.subTest(wrong=wrong):
                self.assertIn(self.ask("POST", path, {
                    "lease_token": wrong, "text": "x"}, token)[0],
                    (403, 409, 422))
        self.assertEqual(self.ask("POST", path, {
            "lease_token": lease, "text": "x"}, mine)[0], 200)
        asked.join(WAIT_SECONDS)
        self.assertEqual(self.ask("POST", path, {
            "lease_token": lease, "text": "x"}, mine)[0], 409)
        self.hive.must("DELETE", "/bots/mine?force=true")
        self.assertEqual(self.ask("GET", "/auth/whoami", None, mine)[0], 401)

    def test_key_of_a_model_server_is_in_no_answer_and_no_file(self):
        self.assertEqual(self.ask("POST", "/bots", {
            "id": "holder", "template": "far",
            "restart": {"policy": "never"}})[0], 201)
        pid = self.hive.wait(
            lambda: self.hive.must("GET", "/bots/holder")["pid"],
            WAIT_SECONDS)
        for process in (pid, self.hive.process.pid):
            with open(f"/proc/{process}/cmdline", "rb") as f:
                self.assertNotIn(KEY.encode(), f.read())
        for path in ("/bots/holder", "/bots/holder/history", "/templates",
                     "/bots/holder/logs"):
            self.assertNotIn(KEY, json.dumps(self.ask("GET", path)[1]), path)
        for folder, _, names in os.walk(self.hive.dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(KEY.encode(), f.read(), name)


if __name__ == "__main__":
    unittest.main()
