# SPDX-License-Identifier: MIT
"""GET /report: what happened, compared with a recount from the lists of the
API; the same after deiad was killed. GET /insight: bots, queues, what fails."""

import sys
import unittest

from tasking import FINAL, Tasks

MISSING = {"adapter": "process", "argv": ["/nonexistent/program"]}
# Answers each turn, and says that it read 7 tokens and wrote 3.
COUNTING = """
import json, sys
for text in sys.stdin:
    line = json.loads(text)
    if line["type"] == "init":
        print('{"type":"ready"}', flush=True)
    elif line["type"] == "ping":
        print(json.dumps({"type": "pong", "n": line["n"]}), flush=True)
    elif line["type"] == "task":
        print(json.dumps({"type": "done", "id": line["id"], "text": "ok",
            "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
            flush=True)
    elif line["type"] == "shutdown":
        break
"""


def add(sums, name, **more):
    """Adds numbers to those of a name."""
    kept = sums.setdefault(name, {})
    for key, value in more.items():
        kept[key] = kept.get(key, 0) + value


class Reports(Tasks):
    def report(self, query="since=12h&top=1000", who="viewer"):
        return self.must(who, "GET", f"/report?{query}")


class Night(Reports):
    def night(self):
        """Tasks that end well and badly, a bot that dies and one that does
        not start, chat, alerts."""
        self.told()
        self.bot("carl")
        self.hive.launch("counter", "process",
                         argv=[sys.executable, "-c", COUNTING])
        self.hive.wait_state("counter", "ready")
        tasks = [self.submit(f"say {n}", bot="teller", type="writing")
                 for n in range(3)]
        tasks += [self.submit("fail no ink", bot="teller", type="writing",
                              who="operator", max_attempts=1)]
        tasks += [self.submit("x", bot="counter", type="analysis",
                              who="operator") for _ in range(2)]
        tasks += [self.submit("die", bot="teller", type="planning",
                              max_attempts=2)]
        for task in tasks:
            self.ended(task)
        mine = self.submit("count", bot="carl", type="analysis")
        self.complete("carl", self.claim("carl"), "6", usage={
            "prompt_tokens": 100, "completion_tokens": 20})
        self.moved(mine, "succeeded")
        self.must("admin", "DELETE", "/tasks/" + self.submit(
            "later", not_before="2999-01-01T00:00:00Z")["id"])
        self.submit("asks", approval=True)
        self.hive.wait_state("teller", "ready")
        for who in ("admin", "operator", "operator"):
            self.must(who, "POST", "/bots/counter/chat", {"content": "hi"})
        self.hive.launch("broken", **MISSING)
        self.hive.wait(lambda: self.must(
            "viewer", "GET", "/alerts?state=firing")["items"])

    def recount_tasks(self, bots, people, types):
        for t in self.hive.every("/tasks"):
            for a in t["attempts"]:
                if t["status"] in FINAL and a["outcome"] in ("failed",
                                                             "timed_out"):
                    add(bots, a["bot"], failed_attempts=1)
            if t["status"] not in FINAL:
                continue
            what = {"succeeded": "done", "timed_out": "failed"}.get(
                t["status"], t["status"])
            usage = t["usage"] or {}
            tokens = {"prompt": usage.get("prompt_tokens") or 0,
                      "completion": usage.get("completion_tokens") or 0}
            add(types, t["type"], **{what: 1})
            add(people, t["submitted_by"], **{what: 1}, **tokens)
            if t["bot"]:
                add(bots, t["bot"], **{what: 1}, **tokens)

    def recount_bots(self, bots, people):
        for bot in self.hive.every("/bots"):
            name = bot["id"]
            for h in self.hive.every(f"/bots/{name}/history"):
                if (h["from"], h["state"]) == ("backoff", "starting"):
                    add(bots, name, restarts=1)
                elif h["state"] in ("backoff", "failed"):
                    add(bots, name, deaths=1)
            asker = None
            for line in self.hive.lines(name):
                if line["role"] == "user":
                    asker = line["author"]
                    continue
                tokens = {"prompt": line["usage"]["prompt_tokens"],
                          "completion": line["usage"]["completion_tokens"]}
                add(bots, name, answers=1, **tokens)
                add(people, asker, answers=1, **tokens)

    def flat(self, rows, key):
        """Items of a list of the report as a recount is: what is not 0."""
        out = {}
        for row in rows["items"]:
            numbers = {k: v for k, v in row.items()
                       if isinstance(v, int) and v}
            numbers.update((k, v) for k, v in row.get("tokens", {}).items()
                           if v)
            out[row[key]] = numbers
        self.assertEqual(rows["total"], len(rows["items"]))
        return {k: v for k, v in out.items() if v}

    def without_zeros(self, sums):
        out = {name: {k: v for k, v in row.items() if v}
               for name, row in sums.items()}
        return {k: v for k, v in out.items() if v}

    def compare(self, report):
        bots, people, types = {}, {}, {}
        self.recount_tasks(bots, people, types)
        self.recount_bots(bots, people)
        self.assertEqual(self.flat(report["bots"], "bot"),
                         self.without_zeros(bots))
        self.assertEqual(self.flat(report["people"], "name"),
                         self.without_zeros(people))
        self.assertEqual(self.flat(report["types"], "type"),
                         self.without_zeros(types))
        for key in ("done", "cancelled"):
            self.assertEqual(report["tasks"][key], sum(
                row.get(key, 0) for row in types.values()))
        self.assertEqual(
            report["tasks"]["failed"] + report["tasks"]["timed_out"],
            sum(row.get("failed", 0) for row in types.values()))
        for key in ("restarts", "deaths"):
            self.assertEqual(report[key], sum(
                row.get(key, 0) for row in bots.values()))
        alerts = list(self.hive.every("/alerts"))
        self.assertEqual(report["alerts"]["fired"], len(alerts))
        self.assertEqual(report["alerts"]["firing"], sum(
            a["state"] == "firing" for a in alerts))

    def test_a_night_is_told_as_the_lists_have_it_also_after_a_kill(self):
        self.night()
        report = self.report()
        self.compare(report)
        self.assertEqual(report["tasks"], {
            "done": 6, "failed": 2, "timed_out": 0, "cancelled": 1,
            "failed_attempts": 3, "waiting": 0, "working": 0,
            "awaiting_approval": 1})
        self.assertEqual(report["tokens"], {"prompt": 100 + 2 * 7 + 3 * 7,
                                            "completion": 20 + 5 * 3})
        self.assertEqual((report["restarts"], report["deaths"]), (2, 3))
        self.wants(report)
        self.hive.kill()
        self.hive.start()
        for bot in ("teller", "counter"):
            self.hive.wait_state(bot, "ready")
        again = self.report()
        self.compare(again)
        for key in ("tasks", "chat", "restarts", "tokens", "people",
                    "types"):
            self.assertEqual(again[key], report[key], key)

    def wants(self, report):
        """What wants a person, in order, with commands."""
        needs = report["attention"]["items"]
        self.assertEqual(report["attention"]["total"], len(needs))
        self.assertEqual(report["verdict"],
                         f"Something is wrong, {len(needs)} things want you.")
        by_level = [n["level"] for n in needs]
        self.assertEqual(by_level, sorted(
            by_level, key=["critical", "warning", "info"].index))
        self.assertIn("broken", needs[0]["text"])
        self.assertEqual(needs[0]["command"], "deia bot logs broken")
        commands = [n["command"] for n in needs]
        self.assertIn("deia task list --status failed --type writing",
                      commands)
        self.assertIn("deia task list --status awaiting_approval", commands)
        self.assertIn("no ink", " ".join(n["text"] for n in needs))


class Many(Reports):
    def test_of_many_bots_that_are_down_five_are_told(self):
        for n in range(7):
            self.hive.launch(f"broken-{n}", **MISSING)
        needs = self.hive.wait(lambda: next(
            (a["items"] for a in [self.report()["attention"]]
             if "2 more bots do not run" in str(a)), None))
        self.assertEqual(sum("does not run" in n["text"] for n in needs), 5)


class Report(Reports):
    def test_what_is_older_does_not_count(self):
        self.bot("early")
        self.submit("one", bot="early", type="analysis")
        self.complete("early", self.claim("early"), "1")
        self.hive.wait(lambda: self.report()["tasks"]["done"])
        ended = max(t["finished_at"] for t in self.hive.every("/tasks")
                    if t["finished_at"])
        self.until(lambda: self.report("since=0s")["since"] > ended)
        now = self.report("since=0s")
        self.assertEqual((now["tasks"]["done"], now["types"]["total"]),
                         (0, 0))
        self.assertEqual(
            self.report(f"since={ended}")["types"]["items"][0]["done"], 1)

    def test_lists_say_how_many_there_are(self):
        for name in ("adam", "bert"):
            self.bot(name)
            self.submit("one", bot=name, type="analysis")
            self.complete(name, self.claim(name), "1")
        self.hive.wait(lambda: self.report()["bots"]["total"] >= 2)
        bots = self.report("top=1")["bots"]
        self.assertEqual(len(bots["items"]), 1)
        self.assertGreaterEqual(bots["total"], 2)

    def test_mistakes_are_told(self):
        for query, place in (("since=12x", "?since"), ("since=", "?since"),
                             ("since=2999-01-01T00:00:00Z", "?since"),
                             ("since=99999999d", "?since"),
                             ("top=0", "?top"), ("top=1001", "?top")):
            self.refused(422, "viewer", "GET", "/report?" + query,
                         pointer=place)
        self.bot("dora")
        self.refused(403, "dora", "GET", "/report")


class Insight(Reports):
    def insight(self, query="limit=1000"):
        return self.must("viewer", "GET", f"/insight?{query}")

    def row(self, key, name, rows):
        return next((r for r in rows if r[key] == name), None)

    def test_bots_come_by_pages(self):
        for name in ("p1", "p2", "p3"):
            self.hive.launch(name)
        seen, cursor = [], ""
        while cursor is not None:
            page = self.insight(f"limit=1{cursor}")
            seen += [b["bot"] for b in page["items"]]
            self.assertEqual(len(page["items"]), 1)
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        self.assertEqual(len(seen), page["total"])
        self.assertEqual(seen, sorted(set(seen)))
        self.assertLessEqual({"p1", "p2", "p3"}, set(seen))

    def test_a_bot_that_fails_says_what_it_takes_with_it(self):
        self.hive.launch("base", **MISSING)
        self.hive.launch("upper", depends_on=["base"])
        self.hive.launch("top", depends_on=["upper"])
        for _ in range(3):
            self.submit("wait", bot="base", type="analysis")

        def fails():
            risk = self.row("bot", "base", self.insight()["failing"]["items"])
            return risk if risk and risk["pinned_tasks"] == 3 else None
        risk = self.hive.wait(fails)
        self.assertEqual((risk["why"], risk["dependents"], risk["risk"]),
                         ("failed", 2, 5))
        self.assertIn("2 bots depend on it, 3 tasks wait for it alone",
                      risk["text"])
        self.assertGreaterEqual(self.insight()["failing"]["total"], 1)

    def test_work_is_counted_at_its_bot_and_its_type(self):
        self.told("worker")
        for text in ("say 1", "say 2", "fail ink"):
            self.ended(self.submit(text, bot="worker", type="writing",
                                   max_attempts=1))
        now = self.insight()
        bot = self.row("bot", "worker", now["items"])
        self.assertEqual((bot["turns_done"], bot["turns_failed"]), (2, 1))
        self.assertLessEqual(bot["latency_seconds"]["p50"],
                             bot["latency_seconds"]["p95"])
        queue = self.row("type", "writing", now["queues"])
        self.assertEqual((queue["done"], queue["failed"], queue["queued"],
                          queue["done_trend"]), (2, 1, 0, None))
        self.assertLessEqual(queue["wait_seconds"]["p50"],
                             queue["wait_seconds"]["p95"])

    def test_mistakes_are_told(self):
        self.refused(422, "viewer", "GET", "/insight?limit=0",
                     pointer="?limit")
        self.bot("eve")
        self.refused(403, "eve", "GET", "/insight")


if __name__ == "__main__":
    unittest.main()
