# SPDX-License-Identifier: MIT
"""What tasks may use, and what follows when they did."""

import unittest

from tasking import Tasks


class OfTasks(Tasks):
    def test_seconds_end_an_attempt_and_the_task(self):
        bot = self.told("slow")
        t = self.submit("hold it", bot=bot,
                        budget={"seconds": 1, "on_exceed": "stop"})
        self.assertEqual(t["budget"], {
            "tokens": None, "seconds": 1, "messages": None,
            "on_exceed": "stop",
            "used": {"tokens": 0, "seconds": 0, "messages": 0}})
        t = self.ended(t)
        self.assertEqual((t["status"], t["error"]["code"], t["attempt"]),
                         ("failed", "budget", 1))
        self.assertIn("budget of 1.0 seconds is used up", t["reason"])
        self.assertGreaterEqual(t["budget"]["used"]["seconds"], 1)

    def test_pause_waits_for_a_person_and_begins_anew(self):
        bot = self.told("thrifty")
        t = self.submit("hold it", bot=bot, timeout_seconds=1,
                        budget={"seconds": 1})
        t = self.moved(t, "awaiting_approval")
        self.assertEqual(t["budget"]["on_exceed"], "pause")
        self.assertIn("is used up", t["reason"])
        self.assertEqual(t["attempts"][0]["outcome"], "timed_out")
        told = self.must("operator", "POST", f"/tasks/{t['id']}/approve")
        self.assertEqual(told["budget"]["used"]["seconds"], 0)
        self.assertEqual(
            self.moved(t, "awaiting_approval")["id"], t["id"])
        self.must("admin", "DELETE", f"/tasks/{t['id']}")

    def test_messages_of_its_bot_count_while_it_works(self):
        bot, other = self.bot("talker"), self.bot("listener")
        say = bot, "POST", "/messages", {"to": other, "content": "well"}
        self.must(*say)
        t = self.submit("ask around", bot=bot, max_attempts=3, budget={
            "messages": 3, "on_exceed": "stop"})
        got = self.claim(bot)
        for _ in range(2):
            self.must(*say)
        self.give_up(bot, got)
        got = self.claim(bot)
        self.assertEqual(self.get(t)["budget"], {
            "tokens": None, "seconds": None, "messages": 3,
            "on_exceed": "stop", "used": {
                "tokens": 0, "messages": 2,
                "seconds": self.get(t)["budget"]["used"]["seconds"]}})
        self.must(*say)
        problem = self.refused(409, *say)
        self.assertIn(f"works on task {t['id']}", problem["detail"])
        self.give_up(bot, got)
        t = self.ended(t)
        self.assertEqual((t["status"], t["error"]["code"]),
                         ("failed", "budget"))
        self.assertIn("budget of 3 messages is used up: 3 were used",
                      t["reason"])
        self.must(*say)

    def test_success_and_no_budget(self):
        bot = self.told("quick")
        t = self.ended(self.submit("say hi", bot=bot, budget={
            "tokens": 1, "seconds": 1, "on_exceed": "stop"}))
        self.assertEqual(t["status"], "succeeded")
        self.assertIsNone(self.submit("say hi", bot=bot)["budget"])


class OfBots(Tasks):
    config = """
budgets:
  day: {tokens: 150, on_exceed: notify}
  bots:
    "*": {seconds: 86400}
    spender: {tokens: 100}
    stopped: {tokens: 100, on_exceed: stop}
    writer: {messages: 2}
"""

    def budget(self, name):
        for b in self.must("viewer", "GET", "/budgets")["items"]:
            if b["name"] == name:
                return b
        return None

    def spend(self, bot, tokens, task=None):
        """A task of this bot that used so many tokens."""
        t = task or self.submit("work", bot=bot)
        self.complete(bot, self.claim(bot), usage={
            "prompt_tokens": tokens - 1, "completion_tokens": 1})
        return self.ended(t)

    def told_of(self, bot):
        """How often the log says it, once the event was there."""
        with self.hive.stream("GET", "/events?after=0") as told:
            for name, data, _ in told:
                if name == "budget.exceeded" and data["subject"] == bot:
                    self.assertEqual(data["data"]["bot"], bot)
                    break
        return self.hive.log().count(f"bot {bot}: the day's budget")

    def test_paused_until_somebody_resets_it_also_over_a_restart(self):
        bot = self.bot("spender", max_concurrent=1)
        self.spend(bot, 60)
        used = self.budget(bot)
        self.assertEqual((used["tokens"], used["used"]["tokens"],
                          used["on_exceed"], used["reason"]),
                         (100, 60, "pause", None))
        self.assertNotIn("held", self.must("admin", "GET", f"/bots/{bot}"))
        self.spend(bot, 60)
        self.held(bot)
        # What was used is stored a second later, and when deiad ends.
        self.hive.stop()
        self.hive.start()
        self.held(bot)
        self.assertEqual(self.budget(bot)["used"]["tokens"], 120)
        self.assertEqual(self.told_of(bot), 1)
        self.refused(403, "viewer", "POST", f"/budgets/{bot}/reset")
        self.refused(404, "operator", "POST", "/budgets/nobody/reset")
        items = self.must("operator", "POST", f"/budgets/{bot}/reset")["items"]
        self.assertIn(0, [b["used"]["tokens"] for b in items
                          if b["name"] == bot])
        self.assertNotIn("held", self.must("admin", "GET", f"/bots/{bot}"))
        self.spend(bot, 10)
        audit = self.must("admin", "GET", "/audit?limit=100")["items"]
        self.assertIn(("budget.reset", bot),
                      [(a["action"], a["target"]) for a in audit])

    def held(self, bot):
        """It gets nothing, and everybody can see why."""
        why = "the day's budget of 100 tokens is used up: 120 were used"
        self.assertIn(why, self.must("admin", "GET", f"/bots/{bot}")["held"])
        self.assertIn(why, self.must(
            "admin", "GET", f"/scheduler/bots/{bot}")["reason"])
        self.assertIn(why, self.budget(bot)["reason"])
        problem = self.refused(409, "admin", "POST", f"/bots/{bot}/chat",
                               {"content": "hello"})
        self.assertIn(why, problem["detail"])
        t = self.submit("more", bot=bot)
        self.assertEqual(self.get(t)["status"], "queued")
        self.must("admin", "DELETE", f"/tasks/{t['id']}")

    def test_stop_cancels_what_runs(self):
        bot = self.bot("stopped", max_concurrent=2)
        first, second = (self.submit("work", bot=bot) for _ in range(2))
        got = [self.claim(bot), self.claim(bot)]
        self.complete(bot, got[0], usage={"prompt_tokens": 500})
        other = second if got[0]["task"]["id"].startswith(first["id"]) \
            else first
        t = self.moved(other, "queued")
        self.assertEqual(t["attempts"][0]["outcome"], "excused")
        self.assertEqual(self.budget(bot)["used"]["tokens"], 500)
        # The budget of the day only tells.
        self.assertIn("is used up", self.budget("day")["reason"])
        self.must("admin", "DELETE", f"/tasks/{other['id']}")
        self.must("operator", "POST", "/budgets/day/reset")
        self.assertEqual(self.budget("day")["used"]["tokens"], 0)

    def test_messages_are_counted(self):
        bot, other = self.bot("writer"), self.bot("reader")
        for n in range(2):
            self.must(bot, "POST", "/messages",
                      {"to": other, "content": str(n)})
        problem = self.refused(409, bot, "POST", "/messages",
                               {"to": other, "content": "3"})
        self.assertIn("budget of 2 messages is used up", problem["detail"])
        self.assertEqual(self.budget(other)["seconds"], 86400)


if __name__ == "__main__":
    unittest.main()
