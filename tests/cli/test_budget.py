# SPDX-License-Identifier: MIT
"""Budgets on the command line, against answers that a test writes."""

import json
import unittest

from clilib import CliCase, problem

BUDGETS = "/api/v1/budgets"


def budget(name, **more):
    return {"name": name, "bot": None if name == "day" else name,
            "tokens": None, "seconds": None, "messages": None,
            "on_exceed": "pause", "reason": None,
            "used": {"tokens": 0, "seconds": 0, "messages": 0},
            "renewed_at": "2026-11-23T00:00:00.000Z", **more}


class Budgets(CliCase):
    def setUp(self):
        super().setUp()
        self.fake = self.hive()
        self.env.update(DEIA_URL=self.fake.url, DEIA_TOKEN="t")

    def test_they_are_listed(self):
        self.fake.on("GET", BUDGETS, (200, {"items": [
            budget("day", tokens=500), budget(
                "ada", seconds=60, on_exceed="stop", reason="all is used",
                used={"tokens": 7, "seconds": 61.2, "messages": 3})]}))
        lines = self.deia("budget").out.splitlines()
        self.assertEqual(lines[1].split(), ["day", "0/500", "0", "0", "pause", "-"])
        self.assertEqual(lines[2].split(), ["ada", "7", "61/60", "3", "stop",
                                            "all", "is", "used"])
        self.assertEqual(self.deia("budget", "-q").out, "day\nada\n")
        self.assertEqual(len(json.loads(
            self.deia("budget", "--json").out)["items"]), 2)

    def test_there_are_none(self):
        self.fake.on("GET", BUDGETS, (200, {"items": []}))
        self.assertIn("docs/budgets.md", self.deia("budget").err)

    def test_one_is_reset(self):
        self.fake.on("POST", f"{BUDGETS}/ada/reset", (200, {"items": []}))
        self.deia("budget", "reset", "ada")
        self.fake.on("POST", f"{BUDGETS}/bob/reset",
                     problem(404, "not_found", "\"bob\" has no budget here"))
        self.says(self.deia("budget", "reset", "bob"), 3,
                  "has no budget here", "deia budget")


if __name__ == "__main__":
    unittest.main()
