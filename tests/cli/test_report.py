# SPDX-License-Identifier: MIT
"""deia report, against answers that a test writes and a real hive."""

import os
import unittest

from clilib import CliCase, problem
from hive import Hive

REPORT = "/api/v1/report"
NOON = "2026-11-22T12:00:00.000Z"
ESC = "\x1b[31m\x9b\u202e"


def tokens(prompt=0, completion=0):
    return {"prompt": prompt, "completion": completion}


def listing(*items, total=None):
    return {"total": len(items) if total is None else total,
            "items": list(items)}


def bot(name, **more):
    return {"bot": name, "done": 0, "failed": 0, "cancelled": 0,
            "failed_attempts": 0, "answers": 0, "restarts": 0, "deaths": 0,
            "tokens": tokens(), **more}


def person(name, **more):
    return {"name": name, "done": 0, "failed": 0, "cancelled": 0,
            "answers": 0, "tokens": tokens(), **more}


def kind(name, *seconds, **more):
    return {"type": name, "done": 0, "failed": 0, "cancelled": 0,
            "seconds": dict(zip(("mean", "p50", "p95", "max"), seconds)),
            **more}


def need(level="warning", text="Bot x does not run: no program", **more):
    return {"level": level, "text": text, "advice": "Read its log.",
            "command": "deia bot logs x", **more}


def report(**more):
    return {"since": "2026-11-22T00:00:00.000Z", "until": NOON,
            "started_at": "2026-11-01T00:00:00.000Z",
            "verdict": "All is well: 1,204 tasks done, none failed, 12 "
                       "answers in chat.",
            "tasks": {"done": 1204, "failed": 0, "timed_out": 0,
                      "cancelled": 3, "failed_attempts": 2, "waiting": 4,
                      "working": 2, "awaiting_approval": 1},
            "chat": {"answers": 12, "failed": 0}, "restarts": 0, "deaths": 0,
            "alerts": {"fired": 1, "resolved": 1, "firing": 0},
            "tokens": tokens(1234567, 89012),
            "bots": listing(
                *(bot(f"BOT-00{n}", done=400 - n, tokens=tokens(400000, n))
                  for n in range(1, 4)), total=8),
            "people": listing(
                person("anna", done=1000, tokens=tokens(5, 5)),
                person("bert", done=200), person(None, answers=1), total=4),
            "types": listing(
                kind("writing", 2.13, 2, 12000.4, 200000, done=5),
                kind("analysis", 0.012, 0.01, 75, 100, done=3),
                kind("math", 0, 0, 0, 0), total=3),
            "attention": listing(), "notes": [], **more}


class Told(CliCase):
    def setUp(self):
        super().setUp()
        self.h = self.hive()
        self.env["DEIA_URL"] = self.h.url
        self.env["DEIA_TOKEN"] = "deia_x"

    def told(self, **more):
        self.h.on("GET", REPORT, (200, report(**more)))

    def test_a_quiet_night_fits_a_screen_and_begins_with_the_verdict(self):
        self.told()
        screen = self.terminal("report", "--since", "12h")
        lines = screen.finish().splitlines()
        self.assertEqual(screen.code, 0)
        self.assertEqual(lines[0].split("\x1b[")[1].split("m")[1]
                         if "\x1b" in lines[0] else lines[0],
                         report()["verdict"])
        self.assertLess(len(lines), 24, "\n".join(lines))  # and a prompt
        self.assertLessEqual(max(map(len, lines[1:])), 80)

    def test_numbers_are_for_people(self):
        self.told()
        p = self.deia("report", check=0)
        for text in ("1,204 done", "5 wait, 2 run", "1,234,567 read",
                     "89,012 written", "2.1 s", "3 h 20 min", "2 d 7 h",
                     "12 ms", "1 min 15 s", "400,001", "(not known)",
                     "from 2026-11-22 00:00:00 to 2026-11-22 12:00:00\n"):
            self.assertIn(text, p.out)
        self.assertIn("--top 20", p.err)

    def test_what_wants_somebody_comes_first_with_a_command(self):
        self.told(
            verdict="Something is wrong, 2 things want you.",
            attention=listing(need(), need("info", "3 tasks wait",
                                           command="deia task list")))
        out = self.deia("report", check=0).out
        self.assertTrue(out.startswith("Something is wrong, 2 things"))
        self.assertIn("1. warning: Bot x does not run: no program\n"
                      "   Read its log.\n   $ deia bot logs x\n", out)
        self.assertIn("2. info: 3 tasks wait\n", out)
        self.assertLess(out.index("2. info"), out.index("tasks   1,204"))

    def test_nothing_of_others_reaches_the_terminal_raw(self):
        self.told(
            verdict=ESC, notes=[ESC],
            attention=listing(need(ESC, ESC, advice=ESC, command=ESC)),
            bots=listing(bot(ESC)), people=listing(person(ESC)),
            types=listing(kind(ESC, 1, 1, 1, 1)))
        p = self.deia("report", check=0)
        for text in (p.out, p.err):
            for c in "\x1b\x9b\u202e":
                self.assertNotIn(c, text)

    def test_notes_and_a_young_hive_are_told(self):
        self.told(
            started_at="2026-11-22T03:00:00.000Z",
            notes=["Chat is kept for 3 days."])
        p = self.deia("report", check=0)
        self.assertIn("; started 2026-11-22 03:00:00\n", p.out)
        self.assertIn("Chat is kept for 3 days.", p.err)

    def test_quiet_is_the_sentence_and_json_is_what_the_hive_said(self):
        self.told()
        self.assertEqual(self.deia("report", "-q", check=0).out,
                         report()["verdict"] + "\n")
        self.assertIn('"verdict"', self.deia("report", "--json",
                                             check=0).out)

    def test_mistakes(self):
        for args, says in ((["--since", "tea"], "is no time"),
                           (["--top", "0"], "between 1 and 1000"),
                           (["--top", "1001"], "between 1 and 1000"),
                           (["x"], "one word too many")):
            self.says(self.deia("report", *args), 2, says)
        self.h.on("GET", REPORT, problem(429, "busy",
                                         "4 reports are being made"))
        self.says(self.deia("report"), 1, "4 reports are being made")


class Followed(CliCase):
    def test_the_page_is_true(self):
        out = self.follow("report.md", 3)
        self.assertIn("All is well: ", out)
        self.assertIn("Something is wrong, 1 thing wants you.", out)

    def test_an_empty_hive_is_well(self):
        with Hive(os.environ["DEIA_BUILD"]) as h:
            env = {"DEIA_URL": h.url, "DEIA_TOKEN": h.token}
            p = self.deia("report", env=env, check=0)
        self.assertTrue(p.out.startswith(
            "All is well: nothing was asked of the hive.\n"), p.out)


if __name__ == "__main__":
    unittest.main()
