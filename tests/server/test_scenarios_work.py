# SPDX-License-Identifier: MIT
"""Scenarios of work: tasks, routing and bots that die, with their alerts."""

import unittest

from stories import Story, rule
from tasking import NOBODY

CONFIG = """
budgets:
  bots:
    spender: {tokens: 100}
tasks:
  types: [debugging, research, review]
"""


class Work(Story):
    config = CONFIG

    def test_a_bot_dies_in_the_middle_and_another_one_does_it(self):
        self.rules(rule("dead", "bot.failed", 1))
        mortal = self.teller("mortal")
        t = self.submit("hold it", type="writing", max_attempts=2)
        self.moved(t, "running")
        spare = self.bot("spare")
        self.murder(mortal)
        alert = self.fires("dead", mortal)
        self.assertEqual(self.probe()[1]["status"], "DEGRADED")
        got = self.claim(spare)
        self.assertEqual(got["task"]["id"], t["id"] + ".2")  # the attempt
        self.complete(spare, got, "it is done")
        t = self.ended(t)
        self.assertEqual((t["status"], t["result"]["text"], t["attempt"]),
                         ("succeeded", "it is done", 2))
        self.assertEqual([a["bot"] for a in t["attempts"]], [mortal, spare])
        self.assertNotEqual(t["attempts"][0]["outcome"], "succeeded")
        learned = self.must("admin", "GET", f"/scheduler/bots/{spare}")
        self.assertIn("writing", str(learned))
        self.start(mortal)
        ended = self.ends("dead", mortal)
        self.assertEqual(ended["id"], alert["id"])
        self.journal_has(alert, "alert_generated", "alert_resolved")
        self.assertEqual(self.metric("deia_bots", state="failed"), 0)
        self.assertEqual(self.probe()[1]["status"], "HEALTHY")

    def test_all_bots_die_and_come_back(self):
        self.rules(rule("none", "hive.bots_down_ratio", 1, level="critical"),
                   rule("half", "hive.bots_down_ratio", 0.5))
        for bot in ("left", "right"):
            self.teller(bot)
        self.murder("left")
        self.fires("half")
        self.assertEqual(self.probe()[0], 200)
        self.murder("right")
        self.fires("none")
        code, body = self.status("CRITICAL")
        self.assertEqual((code, body["checks"]["bots"]), (503, "degraded"))
        self.assertLess(body["score"], 50)
        self.start("left")
        self.ends("none")
        self.start("right")
        self.ends("half")
        self.assertEqual(self.status("HEALTHY")[0], 200)

    def test_a_bot_that_comes_and_goes_makes_one_alert(self):
        self.rules(rule("dead", "bot.failed", 1, keep_seconds=3600))
        bot = self.teller("flapper")
        for _ in range(3):
            self.murder(bot)
            self.health()  # looks at once
            self.start(bot)
            self.looked()  # while it runs
        self.murder(bot)
        self.health()
        self.assertEqual(len(self.alerts("dead", bot)), 1)
        alert = self.fires("dead", bot)
        self.assertEqual((alert["relapses"], alert["step"]), (3, 0))
        self.journal_has(alert, "alert_generated")

    def test_retries_that_are_used_up_make_the_success_ratio_an_alert(self):
        self.rules(rule("poor", "bot.success_ratio", 0.5, "<", clear=0.6,
                        also=[{"metric": "bot.finished", "compare": ">=",
                               "at": 4, "clear": 1}]))
        bot = self.teller("clumsy")
        for _ in range(4):
            t = self.ended(self.submit("fail badly", bot=bot, type="writing",
                                       max_attempts=1))
            self.assertEqual((t["status"], t["error"]["code"]),
                             ("failed", "told_to"))
        alert = self.fires("poor", bot)
        self.assertEqual(alert["value"], 0)
        self.assertGreaterEqual(
            self.metric("deia_tasks_finished_total", type="writing",
                        status="failed"), 4)
        for _ in range(12):
            self.ended(self.submit("say well", bot=bot, type="writing"))
        self.assertEqual(self.ends("poor", bot)["peak"], "warning")

    def test_a_paused_queue_is_no_backlog(self):
        self.rules(rule("backlog", "queue.depth", 3))
        self.must("operator", "POST", "/queues/planning/pause")
        bot = self.bot("planner")
        made = [self.submit("plan", type="planning", bot=bot)
                for _ in range(3)]
        self.quiet("backlog", "planning")
        self.must("operator", "POST", "/queues/planning/resume")
        # Its program takes nothing: they wait.
        got = [self.claim(bot)]
        more = [self.submit("plan", type="planning", bot=bot)
                for _ in range(4)]
        self.fires("backlog", "planning")
        while len(got) < len(made + more):
            self.complete(bot, got[-1])
            got.append(self.claim(bot))
        self.complete(bot, got[-1])
        self.ends("backlog", "planning")
        self.assertEqual({self.ended(t)["status"] for t in made + more},
                         {"succeeded"})

    def test_a_pinned_task_whose_bot_is_removed(self):
        self.rules(rule("waiting", "queue.depth", 1))
        bot = self.teller("short-lived")
        self.act(bot, "stop")
        self.hive.wait_state(bot, "stopped")
        t = self.submit("say hi", type="debugging", bot=bot)
        self.fires("waiting", "debugging")
        self.must("admin", "DELETE", f"/bots/{bot}", wanted=(204,))
        t = self.get(t)
        self.assertEqual(t["status"], "queued", t)
        self.assertIn("no bot", t["reason"])
        self.teller(bot)  # one of the same name does it
        self.assertEqual(self.ended(t)["result"]["text"], "hi")
        self.ends("waiting", "debugging")

    def test_a_budget_that_is_spent_holds_its_bot(self):
        self.rules(rule("waiting", "queue.depth", 1))
        bot = self.bot("spender", max_concurrent=1)
        t = self.submit("think", type="research", bot=bot)
        self.complete(bot, self.claim(bot), usage={
            "prompt_tokens": 119, "completion_tokens": 1})
        self.ended(t)
        self.assertIn("used up", self.must(
            "admin", "GET", f"/bots/{bot}")["held"])
        t = self.submit("think more", type="research", bot=bot)
        self.fires("waiting", "research")
        self.must("operator", "POST", f"/budgets/{bot}/reset")
        self.complete(bot, self.claim(bot))
        self.assertEqual(self.ended(t)["status"], "succeeded")
        self.ends("waiting", "research")

    def test_a_chain_whose_first_task_fails(self):
        self.rules(rule("dead", "bot.failed", 1),
                   rule("waiting", "hive.tasks_waiting", 1))
        bot = self.teller("worker")
        first, second, third = self.batch(
            {"content": "fail the draft", "ref": "a", "bot": bot,
             "max_attempts": 1},
            {"content": "say review", "ref": "b", "depends_on": ["a"],
             "bot": bot},
            {"content": "say print", "depends_on": ["b"], "bot": bot})
        self.assertEqual(self.ended(first)["status"], "failed")
        for t in (second, third):
            t = self.ended(t)
            self.assertIn(t["status"], ("failed", "cancelled"))
            self.assertTrue(t["reason"])
        # One cause that people hear of from the task is no alert.
        self.quiet("dead", bot)
        self.assertEqual(self.probe()[1]["status"], "HEALTHY")

    def test_an_external_bot_is_silent_and_comes_back(self):
        self.rules(rule("away", "bot.offline", 1))
        bot = self.bot("shy", heartbeat_timeout_seconds=1)
        self.hive.wait_state(bot, "offline")
        self.fires("away", bot)
        self.refused(409, "admin", "POST", f"/bots/{bot}/chat",
                     {"content": "hello?"})
        # A claim is a sign of life as good as a heartbeat.
        t = self.submit("sing", bot=bot)
        self.complete(bot, self.claim(bot), "la")
        self.assertEqual(self.ended(t)["result"]["text"], "la")
        self.ends("away", bot)

    def test_a_bot_is_removed_while_its_alert_fires(self):
        self.rules(rule("dead", "bot.failed", 1))
        bot = self.teller("doomed")
        self.murder(bot)
        alert = self.fires("dead", bot)
        self.must("operator", "POST", f"/alerts/{alert['id']}/acknowledge",
                  {"reason": "It may go."})
        self.must("admin", "DELETE", f"/bots/{bot}", wanted=(204,))
        ended = self.ends("dead", bot, end="gone")
        self.assertEqual(ended["acknowledged"]["by"], "operator")
        self.journal_has(alert, "alert_generated", "alert_acknowledged",
                         "alert_resolved")

    def test_a_check_says_no_and_a_verdict_corrects_it(self):
        self.rules(rule("waiting", "hive.tasks_waiting", 1))
        bot = self.teller("parrot")
        t = self.ended(self.submit("say blue", bot=bot, type="review",
                                   expect={"regex": "^red$"},
                                   max_attempts=1))
        self.assertEqual(t["status"], "failed")
        t = self.must("operator", "POST", f"/tasks/{t['id']}/verdict",
                      {"success": True})
        self.assertTrue(t["verdict"])
        self.assertEqual(self.ask("admin", "POST",
                                  f"/tasks/{NOBODY}/verdict",
                                  {"success": True})[0], 404)
        self.quiet("waiting")


if __name__ == "__main__":
    unittest.main()
