# SPDX-License-Identifier: MIT
"""deia bot ... with the real deiad: many bots at once, what is known of one,
its log, every field at launch."""

import json
import shutil
import subprocess
import tempfile
import unittest

import clilib
from clilib import CliCase
from hive import Hive


class Bots(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.h = Hive()
        cls.h.start()
        cls.addClassCleanup(cls.h.__exit__)

    def setUp(self):
        super().setUp()
        self.env["PATH"] = self.h.env["PATH"]
        self.addCleanup(self.remove_all)

    def remove_all(self):
        for b in self.h.must("GET", "/bots")["items"]:
            self.h.call("DELETE", f"/bots/{b['id']}?force=true&purge=true")

    def at(self, *args, **kw):
        return self.deia("--dir", self.h.dir, *args, **kw)

    def launch(self, *bots, **more):
        for name in bots:
            self.h.must("POST", "/bots", {"id": name, "adapter": "echo",
                                          **more})
        for name in bots:
            self.h.wait_state(name, "ready")

    def states(self):
        return {b["id"]: b["state"]
                for b in self.h.must("GET", "/bots")["items"]}

    def test_many_are_stopped_and_started_by_type(self):
        self.launch("a1", "a2", type="a")
        self.launch("b1", type="b")
        p = self.at("bot", "stop", "--type", "a", "--wait", check=0)
        self.assertEqual(p.out, "a1 is stopped\na2 is stopped\n")
        self.assertEqual(self.states(), {"a1": "stopped", "a2": "stopped",
                                         "b1": "ready"})
        p = self.at("bot", "list", "--state", "stopped", "-q", check=0)
        self.assertEqual(p.out, "a1\na2\n")
        p = self.at("bot", "list", "--type", "b", "-q", check=0)
        self.assertEqual(p.out, "b1\n")
        self.at("bot", "start", "--state", "stopped", "--wait=60", check=0)
        self.assertEqual(set(self.states().values()), {"ready"})

    def test_several_at_once_and_one_that_is_not_there(self):
        self.launch("a", "b")
        self.at("bot", "stop", "b", "--wait", check=0)
        p = self.at("bot", "stop", "a", "b", "nobody", "--wait")
        self.says(p, 3, "nobody: ")
        self.assertIn("b is stopped already", p.out)
        self.assertIn("a is stopped", p.out)
        p = self.at("bot", "stop", "a", check=0)
        self.assertEqual(p.out, "a is stopped already\n")
        p = self.at("bot", "pause", "a")
        self.says(p, 5, "deia bot start a")

    def test_all_are_paused_resumed_and_removed(self):
        self.launch("a", "b")
        self.at("bot", "pause", "--all", check=0)
        self.assertEqual(set(self.states().values()), {"paused"})
        self.at("bot", "pause", "a", check=0)
        self.at("bot", "resume", "--all", check=0)
        self.assertEqual(set(self.states().values()), {"ready"})
        self.says(self.at("bot", "remove", "--all", "--force"), 1, "--yes")
        self.at("bot", "remove", "--all", "--force", "--yes", check=0)
        self.assertEqual(self.states(), {})

    def test_describe_tells_the_states_and_their_causes(self):
        self.h.must("POST", "/bots", {
            "id": "bad", "adapter": "process", "restart": {
                "policy": "never"},
            "argv": ["sh", "-c", "echo last words >&2; exit 7"]})
        self.h.wait(lambda: self.h.must("GET", "/bots/bad/history")
                    ["items"][:1] and self.h.must("GET", "/bots/bad/history")
                    ["items"][0]["state"] == "failed")
        p = self.at("bot", "describe", "bad", check=0)
        for part in ("Its last process ended", "code 7", "last words",
                     "The states it went through", "The end of its log",
                     "restart.policy               never", "open_files"):
            self.assertIn(part, p.out)
        got = json.loads(self.at("bot", "describe", "bad", "--json",
                                 check=0).out)
        self.assertEqual(got["history"][0]["exit_code"], 7)

    def test_log_since_a_while(self):
        self.launch("a")
        p = self.at("bot", "logs", "a", "--since", "1h", check=0)
        self.assertIn("started, pid", p.out)
        p = self.at("bot", "logs", "a", "--since", "2127-01-01", check=0)
        self.assertEqual(p.out, "")

    def test_every_kind_of_field_at_launch(self):
        self.launch("base")
        self.at("bot", "launch", "x", "--adapter", "echo", "--depends-on",
                "base", "--memory", "700", "--history", "9",
                "--turn-timeout", "33", "--ping", "0", "--pass-env",
                "HOME,PATH", "--restart", "never", "--max-restarts", "2",
                "--set", "restart.retry_failed_seconds=60",
                "--set", "limits.open_files=99", "--set", "model=3",
                "--set", "options.deep.er=[1]", "--set",
                "capabilities=a,b", "--env", "A=1", "--option", "t=0.5",
                "--wait", check=0)
        b = self.h.must("GET", "/bots/x")
        self.assertEqual(b["depends_on"], ["base"])
        self.assertEqual(b["limits"]["memory_mib"], 700)
        self.assertEqual(b["limits"]["open_files"], 99)
        self.assertEqual((b["history_messages"], b["model"]), (9, "3"))
        self.assertEqual(b["turn_timeout_seconds"], 33)
        self.assertEqual(b["ping"]["interval_seconds"], 0)
        self.assertEqual(b["pass_env"], ["HOME", "PATH"])
        self.assertEqual(b["restart"], {
            "policy": "never", "max_restarts": 2, "window_seconds": 600,
            "retry_failed_seconds": 60})
        self.assertEqual(b["options"], {"t": 0.5, "deep": {"er": [1]}})
        self.assertIn("a", b["capabilities"])
        self.assertEqual(b["env"], {"A": "***"})

    def test_wrong_fields_are_named(self):
        for args, part in (
                (["--set", "limits.open_files=1"],
                 "limits.open_files: must be a whole number"),
                (["--set", "wings=2"], "wings: is no field of a bot"),
                (["--ping", "99999999"], "ping.interval_seconds: must be"),
                (["--api-key-env", "a b"], "api_key_env: must be the name")):
            p = self.at("bot", "launch", "x", "--adapter", "echo", *args)
            self.says(p, 1, part)
            self.assertNotIn("/" + part.split(":")[0], p.err)
        self.says(self.at("bot", "launch", "x", "--adapter", "echo", "--set",
                          "model=2", "--set", "model.x=1"), 2,
                  "'model.x' is no field of a bot")
        self.says(self.at("bot", "launch", "x", "--adapter", "echo", "--set",
                          "novalue"), 2, "NAME=VALUE")

    def test_the_program_of_a_registered_bot_answers(self):
        if not shutil.which("jq") or not shutil.which("curl"):
            self.skipTest("jq or curl is not installed")
        script = self.at("bot", "register", "REMOTE-1", "--type", "far",
                         "--capability", "math", "--capability", "words",
                         "--heartbeat-timeout", "60", check=0).out
        b = self.h.must("GET", "/bots/REMOTE-1")
        self.assertEqual((b["adapter"], b["type"], b["capabilities"]),
                         ("external", "far", ["math", "words"]))
        self.assertEqual(b["heartbeat_timeout_seconds"], 60)
        with tempfile.TemporaryFile() as out:
            asked = subprocess.Popen(
                [clilib.DEIA, "--dir", self.h.dir, "chat", "REMOTE-1", "ho"],
                env=self.env, cwd=self.dir, stdout=out)
            p = subprocess.run(["sh", "-eu"], input=script, text=True,
                               cwd=self.dir, env=self.env, timeout=60,
                               capture_output=True, check=False)
            self.assertEqual(p.returncode, 0, p.stderr)
            self.assertEqual(asked.wait(60), 0)
            out.seek(0)
            self.assertEqual(out.read(), b"You said: ho\n")
        self.says(self.at("bot", "register", "REMOTE-1"), 5, "REMOTE-1")

    def test_registering_in_other_forms(self):
        token = self.at("bot", "register", "R1", "-q", check=0).out.strip()
        self.assertRegex(token, "^deia_[^ ]+$")
        got = json.loads(self.at("bot", "register", "R2", "--json",
                                 check=0).out)
        self.assertEqual(got["bot"]["id"], "R2")
        self.assertTrue(got["token"].startswith("deia_"))
        operator = self.at("token", "create", "op", "--role", "operator",
                           "-q", check=0).out.strip()
        p = self.at("bot", "register", "R3", "--token", operator)
        self.says(p, 4, "deia token create R3 --role bot")


if __name__ == "__main__":
    unittest.main()
