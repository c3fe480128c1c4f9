# SPDX-License-Identifier: MIT
"""deia scheduler: against answers that a test writes, against the real deiad,
and journals that are gone through again."""

import json
import unittest

from clilib import CliCase, page

BASE = "/api/v1/scheduler"
NOON = "2026-11-22T12:00:{:06.3f}Z"


def learned(**more):
    pair = {"samples": 4, "successes": 3, "avg_seconds": 2.5,
            "success_ratio": 0.75, "expected_seconds": 2.6,
            "expected_success": 0.8, "seconds_to_success": 3.25,
            "efficiency": 0.5, "certainty": 0.6}
    pair.update(more)
    return pair


def candidate(bot, **more):
    return learned(bot=bot, score=3.1, wait_seconds=0.2, starts_now=True,
                   probe=False, circuit="closed", **more)


def scheduled(bot, circuit="closed", reason=None, types=()):
    return {"bot": bot, "available": True, "reason": reason,
            "circuit": circuit, "failures": 0, "pauses": 0,
            "pause_until": None, "max_concurrent": 1, "running": 0,
            "others": 0, "busy_ratio": 0.1, "samples": 4, "successes": 3,
            "task_types": list(types)}


class Written(CliCase):
    """Answers as the test writes them."""

    def setUp(self):
        super().setUp()
        self.h = self.hive()
        self.env["DEIA_URL"] = self.h.url
        self.env["DEIA_TOKEN"] = "deia_x"

    def recommend(self, bot="ada"):
        self.h.on("GET", BASE + "/recommendation", (200, {
            "task_type": "writing", "recommended_bot": bot,
            "confidence": 0.834, "reason": "ada: about 3.1 s",
            "policy": "learned", "candidates": 2 if bot else 0,
            "recommended": candidate("ada") if bot else None,
            "alternatives": [candidate("bob", samples=0)] if bot else []}))

    def test_recommendation_in_words_and_numbers(self):
        self.recommend()
        p = self.deia("scheduler", "recommend", "writing", "--bots",
                      "ada,bob", "--alternatives", "1", check=0)
        self.assertIn("ada, with a confidence of 83 % (learned)\n", p.out)
        self.assertIn("ada: about 3.1 s\n", p.out)
        self.assertRegex(p.out, r"ada +3.1 +0.2 +4 +75 % +2.5 +0.5 +closed")
        self.assertRegex(p.out, r"bob +3.1 +0.2 +0 +- +- +0.5 +closed")
        self.assertEqual(self.h.calls, [
            f"GET {BASE}/recommendation?alternatives=1&task_type=writing"
            "&bots=ada%2Cbob"])
        p = self.deia("scheduler", "recommend", "writing", "-q", check=0)
        self.assertEqual(p.out, "ada\n")
        p = self.deia("scheduler", "recommend", "writing", "--json", check=0)
        self.assertEqual(json.loads(p.out)["recommended_bot"], "ada")

    def test_no_bot_is_a_refusal_with_its_reason(self):
        self.recommend(None)
        p = self.deia("scheduler", "recommend", "writing")
        self.says(p, 1, "deia: ada: about 3.1 s")

    def test_bots_are_a_table_of_what_was_seen(self):
        self.h.on("GET", BASE + "/bots", page(
            scheduled("ada", types=[
                dict(learned(), task_type="writing"),
                dict(learned(samples=0), task_type="general")]),
            scheduled("bob", "open", "failed 9 times in a row"),
            next_cursor="bob"))
        p = self.deia("scheduler", "bots", check=0)
        self.assertRegex(p.out, r"ada +writing +4 +75 % +2.5 +0.5 +closed")
        self.assertNotIn("general", p.out)
        self.assertRegex(p.out, r"bob +- +0 +- +- +- +open")
        self.assertIn("bob: failed 9 times in a row", p.err)
        self.assertIn("deia scheduler bots --cursor bob", p.err)
        p = self.deia("scheduler", "bots", "--all", check=0)
        self.assertRegex(p.out, r"ada +general +0 +- +- +0.5 +closed")

    def test_history_and_insights(self):
        self.h.on("GET", BASE + "/history", page(
            {"number": 3, "kind": "reset", "at": "2026-11-22T10:00:02.000Z",
             "bot": None, "task_type": "writing", "seconds": None,
             "success": None},
            {"number": 2, "kind": "recorded",
             "at": "2026-11-22T10:00:01.000Z", "bot": "ada",
             "task_type": "writing", "seconds": 1234.5, "success": False},
            next_cursor="2"))
        p = self.deia("scheduler", "history", "--limit", "2", check=0)
        self.assertRegex(p.out, r"10:00:02 +reset +all +writing +- +-")
        self.assertRegex(p.out, r"recorded +ada +writing +1234 +no")
        self.assertIn("deia scheduler history --cursor 2", p.err)
        self.h.on("GET", BASE + "/insights", page(
            {"kind": "slow", "bot": "bob", "task_type": "writing",
             "value": 4, "text": "bob takes 4 times what ada takes"}))
        p = self.deia("scheduler", "insights", check=0)
        self.assertEqual(p.out.split(None, 1)[0], "slow")
        for what in ("history", "insights", "bots"):
            self.h.on("GET", f"{BASE}/{what}", page())
            p = self.deia("scheduler", what, check=0)
            self.assertEqual(p.out, "")
            self.assertNotEqual(p.err, "")

    def test_what_is_recorded(self):
        self.h.on("POST", BASE + "/executions", lambda rq: (201, rq.json))
        self.deia("scheduler", "record", "ada", "writing", "12.5", check=0)
        self.deia("scheduler", "record", "ada", "new", "0", "--failed",
                  "--new-type", check=0)
        self.assertEqual([json.loads(b) for b in self.h.bodies], [
            {"bot": "ada", "task_type": "writing", "seconds": 12.5,
             "success": True},
            {"bot": "ada", "task_type": "new", "seconds": 0,
             "success": False, "new_type": True}])
        for seconds in ("nan", "inf", "1e999", "x", "", "5s"):
            p = self.deia("scheduler", "record", "ada", "writing", seconds)
            self.says(p, 2, f"'{seconds}' is no number of seconds")

    def test_a_reset_of_all_is_to_be_meant(self):
        for path in ("/bots", "/bots/ada"):
            self.h.on("DELETE", BASE + path, (204, None))
        self.deia("scheduler", "reset", "ada", "--type", "a b", check=0)
        p = self.deia("scheduler", "reset", "--all")
        self.says(p, 1, "would forget", "--yes")
        self.deia("scheduler", "reset", "--all", "--yes", check=0)
        self.assertEqual(self.h.calls, [
            f"DELETE {BASE}/bots/ada?task_type=a%20b",
            f"DELETE {BASE}/bots"])
        self.says(self.deia("scheduler", "reset"), 2, "which?")
        self.says(self.deia("scheduler", "reset", "ada", "--all"), 2)


def recorded(at, bot, seconds, success=True, kind="writing", **more):
    return {"timestamp": NOON.format(at), "event": "task_recorded",
            "task": None, "bot": bot, "task_type": kind, "seconds": seconds,
            "success": success, **more}


def decided(at, bot, *others, **more):
    return {"timestamp": NOON.format(at), "event": "decision", "task": "t1",
            "attempt": 1, "task_type": "writing", "policy": "round-robin",
            "bot": bot, "candidates": [
                {"bot": b, "wait_seconds": 1, "max_concurrent": 2,
                 "running": 0, "others": 0} for b in (bot, *others)], **more}


class Replay(CliCase):
    def replay(self, *lines, policy="learned", options=(), check=0):
        text = "".join(line if isinstance(line, str)
                       else json.dumps(line) + "\n" for line in lines)
        return self.deia("scheduler", "replay", "-", "--policy", policy,
                         *options, stdin=text.encode(), check=check)

    def lessons(self):
        return [recorded(i, bot, seconds) for i in range(10)
                for bot, seconds in (("fast", 2), ("slow", 9))]

    def test_says_what_the_policy_would_have_chosen(self):
        p = self.replay(*self.lessons(), decided(20, "slow", "fast"),
                        decided(21, "fast", "slow"))
        one, two, sums, agrees, seconds = p.out.splitlines()
        self.assertRegex(one, r"^21 t1 writing: slow \((9|10).* s\), "
                              r"instead: fast \(3\.?.* s\)$")
        self.assertRegex(two, r"^22 t1 writing: fast .*, the same: fast")
        self.assertEqual(sums, "in 22 lines: outcomes 20, verdicts 0, "
                               "resets 0, decisions 2")
        self.assertEqual(agrees, "learned agrees with 1 of 2 (50 %)")
        self.assertIn("expected seconds to a successful result", seconds)
        p = self.replay(*self.lessons(), decided(20, "slow", "fast"),
                        options=["--json"])
        one, sums = map(json.loads, p.out.splitlines())
        self.assertEqual((one["line"], one["bot"], one["policy_bot"],
                          one["agrees"]), (21, "slow", "fast", False))
        self.assertGreater(one["seconds"], one["policy_seconds"])
        self.assertEqual((sums["decisions"], sums["agreed"]), (1, 0))
        self.assertEqual(sums["policy_mean_seconds"], one["policy_seconds"])
        p = self.replay(*self.lessons(), decided(20, "slow", "fast"),
                        options=["-q"])
        self.assertEqual(len(p.out.splitlines()), 3)

    def test_each_policy_chooses_by_itself(self):
        busy = decided(20, "fast", "slow")
        busy["candidates"][0]["others"] = 1
        p = self.replay(*self.lessons(), busy, policy="least-loaded")
        self.assertIn("instead: slow", p.out)
        p = self.replay(*[decided(i, "a", "b") for i in range(4)],
                        policy="round-robin", options=["--json"])
        chosen = [json.loads(line).get("policy_bot")
                  for line in p.out.splitlines()[:-1]]
        self.assertEqual(sorted(chosen[:2]), ["a", "b"])
        self.assertEqual(chosen[:2], chosen[2:])

    def test_only_candidates_are_chosen(self):
        p = self.replay(*self.lessons(), decided(20, "slow"))
        self.assertIn("the same: slow", p.out)

    def test_resets_and_verdicts_count(self):
        verdict = recorded(11, "fast", 2, verdict=False)
        verdict["event"] = "task_corrected"
        stale = dict(verdict, bot="never")
        reset = {"timestamp": NOON.format(12), "event": "learning_reset",
                 "task": None, "bot": None, "task_type": None}
        p = self.replay(*self.lessons(), verdict, stale, reset,
                        {**reset, "bot": "ghost"},
                        {"event": "log_lines_dropped", "count": 3},
                        options=["--json"])
        sums = json.loads(p.out)
        self.assertEqual((sums["outcomes"], sums["verdicts"], sums["resets"],
                          sums["passed_over"]), (20, 1, 1, 3))

    def test_malformed_lines_are_named(self):
        good = recorded(1, "ada", 2)
        for line, parts in (
                ("{\n", ["line 2: no JSON: column"]),
                ("[1]\n", ["line 2: no JSON object"]),
                ("{}\n", ["line 2: event is missing"]),
                (dict(good, timestamp="noon"), ["line 2: timestamp"]),
                (dict(good, bot=7), ["line 2: bot is missing or no text"]),
                (dict(good, bot="a b"), ["line 2: "]),
                (dict(good, seconds=-1), ["line 2: seconds must be"]),
                (dict(good, success=None), ["line 2: success"]),
                (dict(decided(2, "ada"), candidates=7),
                 ["line 2: candidates"]),
                (dict(decided(2, "ada"), candidates=[{}]),
                 ["line 2: bot is missing"]),
                ('{"event":"' + "x" * 70000 + '"}\n',
                 ["line 2: longer than 65536 bytes"]),
                ("{\0}\n", ["line 2: it holds a NUL"])):
            with self.subTest(parts):
                p = self.replay(good, line, check=None)
                self.says(p, 1, "standard input: ", *parts)

    def test_a_line_that_is_being_written_is_passed_over(self):
        p = self.replay(recorded(1, "ada", 2), '{"timestamp":"20')
        self.assertIn("outcomes 1", p.out)

    def test_a_policy_and_a_file_are_needed(self):
        self.says(self.deia("scheduler", "replay", "x"), 2, "--policy")
        self.says(self.deia("scheduler", "replay", "x", "--policy", "luck"),
                  2, "--policy")
        self.says(self.deia("scheduler", "replay", "none", "--policy",
                            "learned"), 3, "none: No such file")


class Real(CliCase):
    def test_the_guide_works_as_it_is_written(self):
        out = self.follow("scheduler.md", 8)
        self.assertIn("quick, with a confidence of", out)
        self.assertIn("instead: a (", out)
        self.assertNotIn('"code":', out)


if __name__ == "__main__":
    unittest.main()
