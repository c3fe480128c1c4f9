# SPDX-License-Identifier: MIT
"""deia apply and deia bot export, with the real deiad."""

import json
import os
import unittest

from clilib import CliCase
from hive import Hive

CONFIG = """
bots:
  defaults:
    max_restarts: 4
templates:
  helper:
    adapter: echo
    system_prompt: be nice
    capabilities: [talk]
    env:
      SECRET: of-the-template
"""
AWKWARD = ["yes", "null", "0012", "3.5", "~", " leading", "trailing ",
           "two\nlines\n", "three\n  lines\n\nend", "ends\n\n", "\nbegins",
           "quote \" and ' and \\", "# no comment", "a: b", "- item", "[x",
           "{y", "&a", "*b", "!c", "%d", "|", ">", "caf\u00e9 \u65e5\u672c",
           "\U0001f41d", "\u202eevil", "\x1b[31m", "tab\tinside", "***"]


class Apply(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.h = Hive(config=CONFIG)
        cls.h.start()
        cls.addClassCleanup(cls.h.__exit__)

    def setUp(self):
        super().setUp()
        self.env["PATH"] = self.h.env["PATH"]
        self.addCleanup(self.remove_all)

    def remove_all(self):
        for bot in self.bots():
            self.h.call("DELETE", f"/bots/{bot}?force=true&purge=true")

    def bots(self):
        return {b["id"]: b for b in self.h.must("GET", "/bots")["items"]}

    def at(self, *args, **kw):
        return self.deia("--dir", self.h.dir, *args, **kw)

    def file(self, text, name="bots.yaml"):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            f.write(text)
        return name

    def apply(self, text, *args, **kw):
        return self.at("apply", "-f", self.file(text), *args, **kw)

    def marks(self, p):
        """The plan as {"BOT": "+"}."""
        return {line.split()[1]: line[0] for line in p.out.splitlines()
                if line[:2] in ("+ ", "~ ", "= ", "- ")}

    # ---- what it does --------------------------------------------------

    def test_creates_then_changes_nothing(self):
        text = """
defaults:
  restart: {policy: never}
bots:
  - {id: B, adapter: echo, depends_on: [A]}
  - id: A
    template: helper
  - {id: C, adapter: echo, start: false, restart: {window_seconds: 9}}
"""
        p = self.apply(text, "--wait", check=0)
        self.assertEqual(p.out.splitlines()[:4],
                         ["+ A create (echo)", "+ B create (echo)",
                          "+ C create (echo), not started", "3 created"])
        bots = self.bots()
        self.assertEqual([bots[b]["state"] for b in "ABC"],
                         ["ready", "ready", "stopped"])
        self.assertEqual(bots["A"]["capabilities"], ["talk"])
        self.assertEqual(bots["C"]["restart"]["policy"], "never")
        self.assertEqual(bots["C"]["restart"]["window_seconds"], 9)
        self.assertEqual(bots["C"]["restart"]["max_restarts"], 4)
        p = self.apply(text, check=0)
        self.assertEqual(self.marks(p), dict.fromkeys("ABC", "="))
        self.assertIn("3 unchanged", p.out)
        self.assertEqual(self.apply(text, "-q", check=0).out, "")

    def test_dry_run_changes_nothing(self):
        self.h.must("POST", "/bots", {"id": "old", "adapter": "echo"})
        before = self.bots()["old"]
        p = self.apply("bots:\n  - {id: old, adapter: echo, type: x}\n"
                       "  - {id: new, adapter: echo}\n", "--dry-run",
                       "--prune", check=0)
        self.assertEqual(self.marks(p), {"old": "~", "new": "+"})
        self.assertIn("type: null -> \"x\"", p.out)
        self.assertEqual(list(self.bots()), ["old"])
        self.assertEqual(self.bots()["old"]["type"], before["type"])

    def test_a_change_says_when_it_takes_effect(self):
        self.apply("bots: [{id: A, adapter: echo, system_prompt: x}]",
                   "--wait", check=0)
        pid = self.bots()["A"]["pid"]
        changed = "bots: [{id: A, adapter: echo, system_prompt: y}]"
        p = self.apply(changed, check=0)
        self.assertIn("~ A change; takes effect at the next start\n"
                      "    system_prompt: \"x\" -> \"y\"\n", p.out)
        self.assertEqual(self.bots()["A"]["pid"], pid)
        p = self.apply(changed, check=0)
        self.assertIn("= A unchanged; an earlier change waits", p.out)
        p = self.apply(changed, "--restart", "--wait", check=0)
        self.assertIn("1 restarted", p.out)
        self.assertNotEqual(self.bots()["A"]["pid"], pid)
        self.assertFalse(self.bots()["A"]["needs_restart"])
        # What applies at once does not say so, nor does it restart.
        p = self.apply(changed.replace("system", "type: t, system"),
                       "--restart", check=0)
        self.assertIn("~ A change\n", p.out)
        self.assertNotIn("restarted", p.out)

    def test_what_a_file_no_longer_says_goes_back(self):
        self.apply("bots: [{id: A, adapter: echo, type: x, limits: "
                   "{open_files: 99}}]", check=0)
        p = self.apply("bots: [{id: A, adapter: echo}]", check=0)
        self.assertIn("type: \"x\" -> null", p.out)
        self.assertIn("limits.open_files: 99 -> 1024", p.out)
        self.assertEqual(self.bots()["A"]["type"], None)

    def test_a_bot_stopped_by_hand_stays_stopped(self):
        text = "bots: [{id: A, adapter: echo}]"
        self.apply(text, "--wait", check=0)
        self.at("bot", "stop", "A", "--wait", check=0)
        self.apply(text, "--restart", check=0)
        self.assertEqual(self.bots()["A"]["state"], "stopped")

    def test_prune_wants_yes(self):
        self.h.must("POST", "/bots", {"id": "extra", "adapter": "echo"})
        text = "bots: [{id: A, adapter: echo}]"
        p = self.apply(text, "--prune")
        self.says(p, 1, "1 bot that the file does not name", "--yes")
        self.assertEqual(list(self.bots()), ["extra"])
        p = self.apply(text, check=0)
        self.assertIn("- extra not in the file; it stays", p.out)
        p = self.apply(text, "--prune", "--yes", check=0)
        self.assertIn("- extra remove; its conversations are kept", p.out)
        self.assertIn("1 removed", p.out)
        self.assertEqual(list(self.bots()), ["A"])

    def test_secrets_are_never_shown(self):
        one = "bots: [{id: A, adapter: echo, env: {K: %s}}]"
        outs = [self.apply(one % "first-secret", check=0),
                self.apply(one % "second-secret", check=0),
                self.apply(one % "third-secret", "--json", check=0),
                self.at("bot", "export", check=0)]
        self.assertIn("env: other values (they are not shown)", outs[1].out)
        for p in outs:
            self.assertNotIn("secret", p.out + p.err)

    def test_json(self):
        p = self.apply("bots: [{id: A, adapter: echo}]", "--json",
                       "--dry-run", check=0)
        got = json.loads(p.out)
        self.assertTrue(got["dry_run"])
        self.assertEqual(got["items"], [
            {"id": "A", "action": "create", "changes": [],
             "needs_restart": False}])
        self.apply("bots: [{id: A, adapter: echo}]", check=0)
        p = self.apply("bots: [{id: A, adapter: echo, type: x}]", "--json",
                       check=0)
        item = json.loads(p.out)["items"][0]
        self.assertEqual((item["action"], item["ok"]), ("change", True))
        self.assertEqual(item["changes"],
                         [{"field": "type", "old": None, "new": "x"}])
        p = self.apply("bots: [{id: A}]", "--json", check=1)
        error = json.loads(p.out)["errors"][0]
        self.assertEqual((error["line"], error["column"]), (1, 8))

    def test_several_files_a_folder_and_standard_input(self):
        os.mkdir(os.path.join(self.dir, "d"))
        self.file("bots: [{id: A, adapter: echo}]", "d/a.yaml")
        self.file("bots: [{id: B, adapter: echo, depends_on: [C]}]",
                  "d/b.yml")
        self.file("no yaml: [", "d/notes.txt")
        p = self.at("apply", "-f", "d", "-f", "-", check=0,
                    stdin=b"bots: [{id: C, adapter: echo}]")
        self.assertEqual(list(self.marks(p)), ["A", "C", "B"])
        p = self.at("apply", "-f", "nothing.yaml")
        self.says(p, 3, "nothing.yaml: No such file")
        os.mkdir(os.path.join(self.dir, "empty"))
        self.says(self.at("apply", "-f", "empty"), 3, "no file *.yaml")
        self.says(self.at("apply"), 2, "-f bots.yaml")

    # ---- what is refused -----------------------------------------------

    def test_all_mistakes_are_told_and_nothing_is_changed(self):
        p = self.apply("""bots:
  - {id: good, adapter: echo}
  - id: A
    adapter: ecko
    sytem_prompt: x
  - {id: A, adapter: echo}
""")
        self.says(p, 1, "bots.yaml:4:14: bot A: adapter: there is no adapter",
                  "bots.yaml:5:5: bot A: sytem_prompt: is no field of a bot; "
                  "did you mean system_prompt?",
                  "bots.yaml:6:10: bot A is there twice",
                  "nothing was changed")
        self.assertEqual(self.bots(), {})

    def test_what_the_hive_refuses_has_line_and_column(self):
        p = self.apply("""bots:
  - {id: good, adapter: echo}
  - id: A
    template: nope
  - id: B
    template: helper
    argv: [x]
    depends_on: [good, C]
  - id: D
    adapter: echo
    env: {K: "***"}
""")
        self.says(p, 1, "bots.yaml:4:15: bot A: template: there is no "
                  "template", "bots.yaml:7:11: bot B: argv: is only for",
                  "bots.yaml:8:24: bot B: depends_on.1: there is no bot C",
                  "bots.yaml:11:14: bot D: env.K: is \"***\"")
        self.assertEqual(self.bots(), {})

    def test_a_circle_is_refused(self):
        p = self.apply("bots:\n  - {id: A, adapter: echo, depends_on: [B]}\n"
                       "  - {id: B, adapter: echo, depends_on: [A]}\n")
        self.says(p, 1, "bots.yaml:3:40: bot B: depends_on: a circle",
                  "A -> B -> A")

    def test_prune_does_not_take_what_is_depended_on(self):
        self.h.must("POST", "/bots", {"id": "base", "adapter": "echo"})
        text = "bots: [{id: A, adapter: echo, depends_on: [base]}]"
        self.says(self.apply(text, "--prune", "--yes"), 1,
                  "--prune would remove it")
        self.assertEqual(list(self.bots()), ["base"])
        self.apply(text, check=0)

    def test_fields_of_administrators_are_theirs(self):
        token = self.at("token", "create", "op", "--role", "operator", "-q",
                        check=0).out.strip()
        e = {"DEIA_URL": self.h.url, "DEIA_TOKEN": token}
        p = self.deia("apply", "-f", self.file(
            "bots:\n  - {id: A, template: helper}\n"
            "  - {id: B, adapter: process, argv: [x]}\n"), env=e)
        self.says(p, 1, "bots.yaml:3:5: bot B: The field \"argv\" is for "
                  "administrators")
        self.assertEqual(self.bots(), {})
        self.deia("apply", "-f", self.file(
            "bots: [{id: A, template: helper}]"), env=e, check=0)
        # An administrator's bot is not taken over by leaving its fields out.
        self.h.must("POST", "/bots?start=false", {
            "id": "P", "adapter": "process", "argv": ["sleep", "9"]})
        p = self.deia("apply", "-f", self.file(
            "bots: [{id: P, adapter: echo}]"), env=e)
        self.says(p, 1, "Only an administrator may change the field")

    def test_no_hive(self):
        p = self.deia("--url", "http://127.0.0.1:1", "apply", "-f",
                      self.file("bots: []"))
        self.says(p, 6, "no hive answers")

    # ---- export --------------------------------------------------------

    def test_what_is_exported_applies_without_a_difference(self):
        self.h.must("POST", "/bots", {
            "id": "all", "adapter": "process", "argv": ["sleep", "100"],
            "cwd": "/", "env": {"A": "x", "B": "y: z"}, "pass_env": ["PATH"],
            "type": "yes", "capabilities": ["no", "1"],
            "options": {"a": {"b": [1, 2.5, "3", None, {"c": True}]},
                        "e": {}, "f": []},
            "restart": {"policy": "on-failure", "retry_failed_seconds": 5},
            "limits": {"memory_mib": 700, "processes": 0},
            "ping": {"interval_seconds": 0}, "history_messages": 0,
            "max_concurrent": 3, "stop_timeout_seconds": 0})
        self.h.must("POST", "/bots?start=false",
                    {"id": "7", "template": "helper"})
        for i, text in enumerate(AWKWARD):
            self.h.must("POST", "/bots?start=false", {
                "id": f"awkward-{i}", "adapter": "echo",
                "system_prompt": text, "options": {text: text},
                "model": text})
        before = self.bots()
        out = self.at("bot", "export", check=0).out
        p = self.apply(out, check=0)
        self.assertEqual(set(self.marks(p).values()), {"="}, p.out)
        # And on a hive that has none of them, but for secrets.
        self.remove_all()
        self.apply(out.replace('"***"  # secret', "x")
                   .replace('A: "***"', "A: x")
                   .replace('B: "***"', 'B: "y: z"')
                   .replace('SECRET: "***"', "SECRET: x"), check=0)
        after = self.bots()
        for bot, was in before.items():
            for field, value in was.items():
                if field in ("template", "state", "state_reason", "pid",
                             "created_at", "started_at", "ready_at",
                             "status_text", "restarts", "exit_code",
                             "exit_signal", "next_start_at"):
                    continue
                if field in after[bot] and not field.startswith("last_"):
                    self.assertEqual(after[bot][field], value,
                                     f"{bot} {field}")

    def test_export_of_some(self):
        for bot in ("alpha", "beta", "gamma"):
            self.h.must("POST", "/bots", {"id": bot, "adapter": "echo"})
        out = self.at("bot", "export", "gamma", "alpha", check=0).out
        self.assertIn("- id: alpha\n", out)
        self.assertIn("- id: gamma\n", out)
        self.assertNotIn("- id: beta\n", out)
        self.assertIn("after a restart that is what counts", out)
        self.assertEqual(self.at("bot", "export", "--all", check=0).out,
                         self.at("bot", "export", check=0).out)
        self.says(self.at("bot", "export", "alhpa"), 3, "did you mean alpha")
        self.says(self.at("bot", "export", "beta", "--all"), 2, "not both")

    def test_export_of_none_is_a_file_too(self):
        out = self.at("bot", "export", check=0).out
        self.assertIn("bots: []", out)
        self.apply(out, check=0)


if __name__ == "__main__":
    unittest.main()
