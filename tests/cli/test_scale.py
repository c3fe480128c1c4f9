# SPDX-License-Identifier: MIT
"""`deia scale` with the real deiad: the table, settings, a person's hand, the
history; what is refused, and with which exit code."""

import json
import unittest

from clilib import CliCase
from hive import Hive

CONFIG = """
scaling:
  cpu_max_percent: 1000
  reserve_mib: 0
  templates:
    parrot: {min_bots: 1, max_bots: 3}
templates:
  parrot: {adapter: echo}
  spare: {adapter: echo}
"""


class Scale(CliCase):
    def setUp(self):
        super().setUp()
        self.h = Hive(config=CONFIG)
        self.h.start()
        self.addCleanup(self.h.__exit__)
        self.env["PATH"] = self.h.env["PATH"]

    def at(self, *args, **kw):
        return self.deia("--dir", self.h.dir, *args, **kw)

    def ready(self, *names):
        def holds():
            states = {b["id"]: b["state"]
                      for b in self.h.must("GET", "/bots")["items"]}
            return all(states.get(n) == "ready" for n in names)
        self.h.wait(holds)

    def row(self, name):
        lines = self.at("scale", check=0).out.splitlines()
        return next((line for line in lines if line.startswith(name)), None)

    def test_table_shows_what_is_scaled(self):
        self.ready("parrot-auto-1")
        p = self.at("scale", check=0)
        self.assertIn("TEMPLATE", p.out)
        self.assertIn("at most 64 bots of all", p.out)
        self.assertRegex(self.row("parrot"), r"\b1\s+3\b.* file ")
        self.assertIsNone(self.row("spare"))
        self.assertEqual(self.at("scale", "-q", check=0).out, "parrot\n")
        both = json.loads(self.at("scale", "--json", check=0).out)
        self.assertEqual([t["template"] for t in both["templates"]],
                         ["parrot", "spare"])

    def test_set_counts_over_the_file_until_reset(self):
        p = self.at("scale", "set", "parrot", "--max", "5", "--wait", "2m",
                    check=0)
        self.assertIn("parrot is scaled", p.out)
        self.assertRegex(self.row("parrot"), r"\b1\s+5\b.*\b120 s.* api ")
        self.at("scale", "set", "spare", "--max", "2", check=0)
        self.assertIsNotNone(self.row("spare"))
        self.at("scale", "off", "spare", check=0)
        self.assertRegex(self.row("spare"), r"api +off")
        self.at("scale", "reset", "spare", check=0)
        self.at("scale", "reset", "parrot", check=0)
        self.assertRegex(self.row("parrot"), r"\b1\s+3\b.* file ")
        self.assertIsNone(self.row("spare"))

    def test_up_and_down_by_hand_and_what_was_decided(self):
        self.ready("parrot-auto-1")
        p = self.at("scale", "up", "parrot", "2", check=0)
        self.assertEqual(p.out, "parrot-auto-2 starts\n"
                         "parrot-auto-3 starts\n")
        self.ready("parrot-auto-2", "parrot-auto-3")
        self.says(self.at("scale", "up", "parrot"), 5, "max_bots is 3",
                  "`deia scale` shows")
        gone = self.at("scale", "down", "parrot", "-q", check=0).out.strip()
        self.h.wait(lambda: gone not in
                    [b["id"] for b in self.h.must("GET", "/bots")["items"]])
        p = self.at("scale", "history", check=0)
        lines = p.out.splitlines()
        self.assertRegex(lines[1], rf"parrot +drain {gone} +person +admin")
        self.assertRegex(lines[2], r"parrot +launch 2 +person +admin")
        self.assertRegex(lines[3], r"parrot +launch 1 +min_bots +scaler")
        p = self.at("scale", "history", "--limit", "1", check=0)
        self.assertIn("more: deia scale history --cursor", p.err)

    def test_dry_run_is_switched_and_shown(self):
        self.at("scale", "dry-run", "on", check=0)
        self.assertIn("this is a dry run", self.at("scale", check=0).out)
        self.at("scale", "dry-run", "off", check=0)
        self.assertNotIn("dry run", self.at("scale", check=0).out)

    def test_refusals_say_why_and_what_to_do(self):
        for args, code, words in (
                (["scale", "set", "parrot"], 2, "--min, --max or --wait"),
                (["scale", "set", "parrot", "--min", "9"], 1,
                 "above max_bots"),
                (["scale", "set", "none", "--max", "1"], 1,
                 "no template of this name"),
                (["scale", "up", "none"], 3, "templates stand below"),
                (["scale", "up", "spare"], 5, "`deia scale set spare"),
                (["scale", "down", "parrot", "x"], 2, "no number"),
                (["scale", "down", "parrot", "9"], 5, "min_bots is 1"),
                (["scale", "dry-run", "maybe"], 2, "on or off"),
                (["scale", "sett"], 2, "deia scale set"),
                (["scale", "history", "--cursor", "x"], 1, "cursor")):
            self.says(self.at(*args), code, words)
        token = self.h.must("POST", "/tokens", {
            "name": "op", "role": "operator"})["token"]
        self.says(self.at("--token", token, "scale", "set", "parrot",
                          "--max", "2"), 4, "admin")

    def test_without_scaled_templates_it_says_how_to_begin(self):
        h = self.hive()
        h.on("GET", "/api/v1/scaling", (200, {
            "limits": {}, "bots": 0, "templates": []}))
        p = self.deia("--url", h.url, "--token", "x", "scale", check=0)
        self.assertEqual(p.out, "")
        self.assertIn("deia scale set TEMPLATE", p.err)


if __name__ == "__main__":
    unittest.main()
