# SPDX-License-Identifier: MIT
"""What a low role, a bot's token or the id of something foreign cannot get."""

import json
import os
import socket
import subprocess
import unittest

from hive import Hive, program

SECRET = "canary-5f2c9b"
CONFIG = f"""\
templates:
  special:
    adapter: process
    argv: [cat]
    env: {{KEY: {SECRET}}}
  model:
    adapter: ollama
    model: any
    base_url: http://127.0.0.1:9
    env: {{KEY: {SECRET}}}
"""


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(config=CONFIG).start()
        cls.tokens = {role: cls.hive.must(
            "POST", "/tokens", {"name": role, "role": role})["token"]
            for role in ("viewer", "operator")}

    @classmethod
    def tearDownClass(cls):
        cls.hive.__exit__()

    def ask(self, token, method, path, body=None):
        return self.hive.call(method, path, body,
                              {"Authorization": f"Bearer {token}"})

    def as_operator(self, method, path, body=None):
        return self.ask(self.tokens["operator"], method, path, body)

    def test_operator_names_no_program_and_no_server(self):
        fields = {"argv": ["sh", "-c", "id"], "env": {"LD_PRELOAD": "/x.so"},
                  "cwd": "/", "base_url": "http://192.0.2.1"}
        for template in (None, "special", "model", ""):
            for name, value in fields.items():
                for wrong in (value, None):
                    body = {"id": "evil", name: wrong, "adapter": "ollama"}
                    if template is not None:
                        body["template"] = template
                    with self.subTest(body=body):
                        got, problem = self.as_operator("POST", "/bots", body)
                        self.assertEqual(got, 403, problem)
                        self.assertIn(name, problem["detail"])
        self.assertEqual(self.hive.call("GET", "/bots/evil")[0], 404)

    def test_operator_changes_no_program_and_no_server(self):
        self.assertEqual(self.as_operator("POST", "/bots?start=false", {
            "id": "T", "template": "special"})[0], 201)
        self.hive.must("POST", "/bots?start=false", {
            "id": "A", "adapter": "process", "argv": ["cat"]})
        for bot in ("T", "A"):
            for name, value in {
                    "argv": ["sh"], "env": {"KEY": "***", "X": "y"},
                    "cwd": "/", "base_url": "http://192.0.2.1"}.items():
                got, problem = self.as_operator("PATCH", f"/bots/{bot}",
                                                {name: value})
                self.assertEqual(got, 403, problem)
            got, bot = self.as_operator("PATCH", f"/bots/{bot}",
                                        {"max_concurrent": 2})
            self.assertEqual(got, 200, bot)

    def test_secrets_of_the_environment_are_shown_to_nobody(self):
        self.assertEqual(self.as_operator("POST", "/bots?start=false", {
            "id": "S", "template": "model"})[0], 201)
        for path in ("/bots", "/bots/S", "/templates", "/config", "/audit",
                     "/health", "/tokens"):
            got, answer = self.hive.call("GET", path)
            self.assertEqual(got, 200, path)
            self.assertNotIn(SECRET, json.dumps(answer), path)
        self.assertEqual(self.hive.must("GET", "/bots/S")["env"],
                         {"KEY": "***"})
        with self.hive.stream("GET", "/events?after=0") as events:
            seen = 0
            for _, data, _ in events:
                self.assertNotIn(SECRET, json.dumps(data))
                seen = data.get("seq", seen)
                if data.get("subject") == "S":
                    break
        for folder, _, names in os.walk(self.hive.dir):
            for name in names:
                if name.startswith("deia.db") or name == "config.yaml":
                    continue
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(SECRET.encode(), f.read(), name)

    def test_bot_sees_itself_and_nothing_else(self):
        out = os.path.join(self.hive.dir, "bot-token")
        self.hive.must("POST", "/bots", {
            "id": "spy", "adapter": "process",
            "env": {"OUT": out},
            "argv": ["sh", "-c", 'umask 077; echo "$DEIA_TOKEN" > "$OUT.new";'
                     ' mv "$OUT.new" "$OUT"; echo \'{"type":"ready"}\'; '
                     "exec cat >/dev/null"]})
        self.hive.launch("other")
        self.hive.wait_state("spy", "ready")
        with open(out, encoding="ascii") as f:
            token = f.read().strip()
        self.assertEqual(self.ask(token, "GET", "/bots/spy")[0], 200)
        mail = self.hive.must("POST", "/messages", {
            "to": "other", "content": "private", "max_attempts": 1})["id"]
        self.hive.must("POST", "/bots/other/inbox/receive", {})
        for method, path, body in (
                ("GET", "/bots", None), ("GET", "/bots/other", None),
                ("GET", "/bots/SPY", None), ("GET", "/bots/sp%79x", None),
                ("GET", "/bots/spy/logs", None),
                ("GET", "/bots/spy/chat", None),
                ("POST", "/bots/other/chat", {"content": "x"}),
                ("POST", "/bots/other/stop", None),
                ("PATCH", "/bots/spy", {"model": "x"}),
                ("DELETE", "/bots/spy", None), ("GET", "/events", None),
                ("GET", "/templates", None), ("GET", "/config", None),
                ("GET", "/audit", None), ("GET", "/tokens", None),
                ("GET", "/models", None),
                ("POST", "/tokens", {"name": "x", "role": "admin"}),
                ("POST", "/auth/codes", {"role": "admin"}),
                ("POST", "/auth/logout", None),
                ("GET", "/bots/other/inbox", None),
                ("GET", "/bots/system/inbox", None),
                ("GET", "/bots/other/inbox/status", None),
                ("POST", "/bots/other/inbox/receive", {}),
                ("POST", "/bots/system/inbox/receive", {}),
                ("GET", "/messages?status=pending", None),
                ("GET", "/messages/status", None),
                ("GET", f"/messages/{mail}", None),
                ("POST", f"/messages/{mail}/read", {}),
                ("POST", f"/messages/{mail}/read", {"bot": "other"}),
                ("POST", f"/messages/{mail}/release", {"bot": "other"}),
                ("POST", f"/messages/{mail}/extend",
                 {"bot": "other", "lease_seconds": 60}),
                ("POST", f"/messages/{mail}/requeue", {}),
                ("GET", "/conversations/other/system", None),
                ("POST", "/messages",
                 {"to": "spy", "content": "x", "from": "other"}),
                ("POST", "/messages",
                 {"to": "spy", "content": "x", "from": "system"}),
                ("GET", "/dialogues", None),
                ("POST", "/dialogues",
                 {"a": "spy", "b": "other", "content": "x"}),
                ("POST", "/bots", {"id": "x", "adapter": "echo"})):
            with self.subTest(method=method, path=path):
                self.assertIn(self.ask(token, method, path, body)[0],
                              (403, 404))
        shown = self.hive.must("GET", f"/messages/{mail}")
        self.assertEqual((shown["status"], shown["attempt"]),
                         ("delivered", 1))
        for process in (self.hive.process.pid,
                        self.hive.must("GET", "/bots/spy")["pid"]):
            with open(f"/proc/{process}/cmdline", "rb") as f:
                self.assertNotIn(b"deia_", f.read())
        self.hive.must("POST", "/bots/spy/stop")
        self.hive.wait_state("spy", "stopped")
        self.assertEqual(self.ask(token, "GET", "/bots/spy")[0], 401)

    def test_conversation_of_another_bot_is_not_found(self):
        for bot in ("own", "foreign"):
            self.hive.launch(bot)
            self.hive.wait_state(bot, "ready")
        conv = self.hive.must("POST", "/bots/foreign/conversations", {})["id"]
        self.hive.must("POST", "/bots/foreign/chat",
                       {"content": "private", "conversation": conv})
        line = self.hive.must(
            "GET", f"/bots/foreign/chat?conversation={conv}")["items"][0]["id"]
        for method, path, body in (
                ("GET", f"/bots/own/chat?conversation={conv}", None),
                ("GET", f"/bots/own/chat/export?conversation={conv}", None),
                ("DELETE", f"/bots/own/chat?conversation={conv}", None),
                ("POST", "/bots/own/chat",
                 {"content": "x", "conversation": conv})):
            with self.subTest(method=method, path=path):
                self.assertEqual(self.hive.call(method, path, body)[0], 404)
        got, page = self.hive.call("GET", f"/bots/own/chat?before={line}")
        self.assertTrue(got in (404, 422) or not page["items"], page)

    def test_tampered_cursors_and_limits_are_refused_or_harmless(self):
        self.hive.launch("pages")
        for query in ("limit=0", "limit=-1", "limit=1001", "limit=1e3",
                      "limit=99999999999999999999", "limit=+1", "limit=",
                      "limit=%31%00", "limit=1&limit=2", "unknown=1",
                      "limit+cursor=1", "=1", "limit=0x10"):
            for path in ("/bots", "/bots/pages/chat", "/audit", "/tokens",
                         "/bots/pages/inbox", "/conversations/pages/system",
                         "/dialogues"):
                with self.subTest(path=path, query=query):
                    self.assertIn(self.hive.call("GET", f"{path}?{query}")[0],
                                  (400, 422))
        for path in ("/audit?cursor=-5", "/audit?cursor=9223372036854775808",
                     "/events?after=-2", "/events?after=99999999999999999999",
                     "/bots/pages/chat?before=x", "/bots/pages/chat?cursor=1",
                     "/bots/pages/chat?before=' OR 1=1 --".replace(" ", "+"),
                     "/bots/pages/conversations?cursor=x",
                     "/bots/pages/chat?conversation=..%2f..%2ftoken",
                     "/bots/pages/logs?tail=0", "/bots/pages/logs?tail=-1",
                     "/bots/pages/logs?tail=9999999",
                     "/bots/pages/logs?follow=maybe"):
            with self.subTest(path=path):
                self.assertIn(self.hive.call("GET", path)[0], (400, 404, 422))
        for cursor in ("~~~~", "A" * 3000, "%27%22%3b--", "\x7f".encode()
                       .hex()):
            for path in ("/bots", "/tokens"):
                self.assertIn(self.hive.call(
                    "GET", f"{path}?cursor={cursor}")[0], (200, 400, 422))

    def test_right_code_passes_when_others_guessed(self):
        code = self.hive.must("POST", "/auth/codes", {})["code"]
        got = [self.hive.call("POST", "/auth/login", {"code": "x" * 32})[0]
               for _ in range(8)]
        self.assertEqual(got[0], 401)
        self.assertEqual(got[-1], 429)
        self.assertEqual(self.hive.call("POST", "/auth/login",
                                        {"code": code})[0], 200)
        self.assertIn(self.hive.call("POST", "/auth/login",
                                     {"code": code})[0], (401, 429))

    def test_models_cannot_be_used_to_look_around(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            here = f"http://127.0.0.1:{sock.getsockname()[1]}"
            got, problem = self.ask(self.tokens["viewer"], "GET",
                                    f"/models?base_url={here}")
            self.assertEqual(got, 422, problem)
        for url in ("http://192.0.2.1", "http://127.0.0.1.evil.example",
                    "http://127.0.0.1@evil.example", "file:///etc/passwd",
                    "gopher://127.0.0.1", "http://127.0.0.1:1/x%3fy=",
                    "http://127.0.0.1:1/x%23", "http://0x7f000001.example"):
            got, problem = self.as_operator("GET", f"/models?base_url={url}")
            self.assertEqual(got, 422, url)

    def test_links_in_the_folder_of_the_logs_are_not_followed(self):
        target = os.path.join(self.hive.dir, "target")
        with open(target, "w", encoding="ascii") as f:
            f.write("not a log\n")
        folder = os.path.join(self.hive.dir, "bot-logs")
        os.symlink(target, os.path.join(folder, "link.log"))
        os.symlink(os.path.join(self.hive.dir, "token"),
                   os.path.join(folder, "peek.log"))
        for bot in ("link", "peek"):
            self.hive.launch(bot)
            self.hive.wait_state(bot, "ready")
            got, answer = self.hive.call("GET", f"/bots/{bot}/logs")
            self.assertNotIn(self.hive.token, json.dumps(answer))
            self.assertNotIn("not a log", json.dumps(answer))
            self.assertNotEqual(got, 200)
            self.hive.must("POST", f"/bots/{bot}/stop")
            self.hive.wait_state(bot, "stopped")
        with open(target, encoding="ascii") as f:
            self.assertEqual(f.read(), "not a log\n")

    def test_command_line_strips_what_steers_a_terminal(self):
        self.hive.launch("talker")
        self.hive.wait_state("talker", "ready")
        env = dict(self.hive.env, DEIA_URL=self.hive.url,
                   DEIA_TOKEN=self.hive.token)
        evil = "\x1b]0;owned\x07\x1b[2Jx\u202ey\u009bz"
        done = subprocess.run(
            [program(self.hive.build, "deia"), "chat", "talker", evil],
            env=env, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for code in ("\x1b", "\x07", "\u202e", "\u009b"):
            self.assertNotIn(code.encode(), done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
