# SPDX-License-Identifier: MIT
"""deia doctor: a hive that runs, answers that a test writes, none at all."""

import json
import os
import shutil
import socket
import unittest

import clilib
from clilib import CliCase
from hive import Hive

CHECKS = "/api/v1/health/checks"
AT = "2026-11-22T12:00:00.000Z"


def check(name, status="pass", *figures, **more):
    return {"check": name, "status": status, "checked_at": AT,
            "duration_seconds": 0.012, "text": f"{name} was looked at.",
            "advice": "" if status == "pass" else "Look at it.",
            "figures": list(figures), **more}


def figure(name, value, unit, warn, fail=None, status="pass"):
    return {"name": name, "value": value, "unit": unit, "warn_above": warn,
            "fail_above": fail, "status": status}


class Answers(CliCase):
    def run_with(self, *items, args=()):
        hive = self.hive()
        hive.answers["GET", CHECKS] = (200, {"items": list(items),
                                             "status": "pass"})
        return hive, self.deia("doctor", "--url", hive.url, "--token", "t",
                               *args)

    def test_all_well_is_exit_0_and_says_the_worst_figure(self):
        _, p = self.run_with(
            check("api", "pass", figure("loop_delay", 0.001, "seconds", .25),
                  figure("p95", 0.012, "seconds", 0.2, 1)),
            check("disk", "pass", figure("used_state", 0.24, "ratio", 0.9)))
        self.assertEqual(p.code, 0, p.out + p.err)
        self.assertIn("loop_delay 1 ms", p.out)
        self.assertIn("used_state 24 %", p.out)
        self.assertIn("90 %", p.out)
        self.assertIn("all is well", p.out)

    def test_a_warning_is_exit_0_and_is_told_with_what_to_do(self):
        _, p = self.run_with(check("api"), check(
            "cache", "warn", figure("latency", 0.5, "seconds", 0.1, None,
                                    "warn")))
        self.assertEqual(p.code, 0, p.out + p.err)
        self.assertIn("cache: warn\n  cache was looked at.\n  > Look at it.",
                      p.out)
        self.assertIn("nothing failed; 1 with a warning", p.out)

    def test_a_failure_is_exit_9(self):
        _, p = self.run_with(check("db", "fail"), check("llm", "warn"))
        self.assertEqual(p.code, 9, p.out + p.err)
        self.assertIn("1 failed, 1 with a warning", p.out)

    def test_quiet_says_it_by_the_exit_code_alone(self):
        _, p = self.run_with(check("db", "fail"), args=["-q"])
        self.assertEqual((p.code, p.out), (9, ""))

    def test_json_is_the_answer_as_it_came(self):
        _, p = self.run_with(check("db", "fail"), args=["--json"])
        self.assertEqual(p.code, 9)
        self.assertEqual(json.loads(p.out)["items"][0]["check"], "db")

    def test_text_of_the_hive_cannot_reach_the_terminal_raw(self):
        _, p = self.run_with(check("db", "fail", text="\x1b[31mred\x9b"))
        self.assertNotIn("\x1b", p.out)

    def test_long_text_is_wrapped_at_80_columns(self):
        _, p = self.run_with(check("db", "fail", text="word " * 100,
                                   advice="more " * 60))
        self.assertLessEqual(max(map(len, p.out.splitlines())), 80)

    def test_a_name_that_is_no_check_is_a_usage_error(self):
        p = self.deia("doctor", "nonsense")
        self.says(p, 2, "is no check", "api db cache bots llm logs disk")


class Real(CliCase):
    def test_a_hive_that_runs(self):
        with Hive() as hive:
            hive.launch("B")
            hive.wait_state("B", "ready")
            on = {"DEIA_URL": hive.url, "DEIA_TOKEN": hive.token}
            p = self.deia("doctor", env=on)
            self.assertIn(p.code, (0, 9), p.out + p.err)
            for name in ("api", "db", "cache", "bots", "llm", "logs", "disk"):
                self.assertIn("\n" + name + " ", p.out)
            self.assertLessEqual(max(map(len, p.out.splitlines())), 80, p.out)
            p = self.deia("doctor", "db", "--json", env=on)
            self.assertEqual([c["check"] for c in json.loads(p.out)["items"]],
                             ["db"])
            token = hive.must("POST", "/tokens", {
                "name": "v", "role": "viewer"})["token"]
            self.says(self.deia("doctor", env=dict(on, DEIA_TOKEN=token)), 4,
                      "role")


class Down(CliCase):
    def local(self, *args, code=6, env=None):
        p = self.deia("doctor", "--dir", self.hive_dir, "--json", *args,
                      check=code, env=env)
        return {c["check"]: c for c in json.loads(p.out)["items"]}

    def setUp(self):
        super().setUp()
        self.hive_dir = os.path.join(self.dir, "hive")
        self.deia("init", "--dir", self.hive_dir, check=0)
        self.listener = socket.socket()
        self.addCleanup(self.listener.close)
        self.listener.bind(("127.0.0.1", 0))
        self.config = os.path.join(self.hive_dir, "config.yaml")
        self.port = self.listener.getsockname()[1]
        self.set_config(f"server: {{port: {self.port}}}\n")

    def set_config(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def test_says_how_to_start(self):
        self.listener.close()
        p = self.deia("doctor", "--dir", self.hive_dir, check=6)
        self.assertIn(f"deia --dir {self.hive_dir} serve", p.out)
        for name in ("config", "dir", "port", "programs"):
            self.assertIn("\n" + name if name != "config" else name, p.out)

    def test_a_taken_port_is_told_with_who_has_it(self):
        self.listener.listen()
        port = self.local()["port"]
        self.assertEqual(port["status"], "fail")
        self.assertIn(f"process {os.getpid()}", port["text"])
        self.listener.close()
        self.assertEqual(self.local()["port"]["status"], "pass")

    def test_a_wrong_configuration_is_told_with_its_place(self):
        self.set_config("server: {port: nonsense}\n")
        config = self.local()["config"]
        self.assertEqual(config["status"], "fail")
        self.assertRegex(config["text"], r"config\.yaml:1:\d+: ")

    def test_a_token_that_others_may_read_is_told(self):
        self.assertNotIn("token", self.local())
        os.chmod(os.path.join(self.hive_dir, "token"), 0o644)
        self.assertEqual(self.local()["token"]["status"], "fail")

    def test_a_missing_program_is_told(self):
        folder = os.path.join(self.dir, "bin")
        os.mkdir(folder)
        shutil.copy(os.environ["DEIA"], folder)
        p = self.run_at(os.path.join(folder, "deia"))
        self.assertEqual(p["programs"]["status"], "fail")
        self.assertIn("deia-guard", p["programs"]["text"])

    def run_at(self, program):
        kept, clilib.DEIA = clilib.DEIA, program
        try:
            return self.local(env={"PATH": "/usr/bin:/bin"})
        finally:
            clilib.DEIA = kept

    def test_a_hive_elsewhere_is_not_looked_for_here(self):
        p = self.deia("doctor", "--url",
                      f"http://127.0.0.1:{self.port}", "--token", "t")
        self.assertEqual(p.code, 6)
        self.assertEqual(p.out, "")


class Guide(CliCase):
    def test_the_page_can_be_followed(self):
        out = self.follow("HEALTH-CHECK-GUIDE.md", 2)
        self.assertIn("CHECK", out)
        self.assertIn('"status":"pass"', out.replace(" ", ""))


if __name__ == "__main__":
    unittest.main()
