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
            "tokens": None, "seconds": 1, "on_exceed": "stop",
            "used": {"tokens": 0, "seconds": 0}})
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

    def test_success_and_no_budget(self):
        bot = self.told("quick")
        t = self.ended(self.submit("say hi", bot=bot, budget={
            "tokens": 1, "seconds": 1, "on_exceed": "stop"}))
        self.assertEqual(t["status"], "succeeded")
        self.assertIsNone(self.submit("say hi", bot=bot)["budget"])


if __name__ == "__main__":
    unittest.main()
