# SPDX-License-Identifier: MIT
"""What tests of tasks over HTTP share."""

import os
import sys

from mailing import NOBODY, Mail

BOT = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                   "..", "web", "bot.py")
SHAPE = {"id", "status", "type", "priority", "bot", "pinned_bot", "node",
         "submitted_by", "series", "reason", "content", "content_bytes",
         "content_truncated", "result", "error", "retry", "attempt",
         "max_attempts", "attempts", "created_at", "started_at",
         "finished_at", "not_before", "deadline", "timeout_seconds",
         "every_seconds", "complexity", "estimated_seconds", "capabilities",
         "depends_on", "approval", "expect", "check", "budget",
         "verdict", "usage", "traceparent"}
OPEN = ("blocked", "awaiting_approval", "queued", "assigned", "running")
FINAL = ("succeeded", "failed", "cancelled", "timed_out")
__all__ = ["BOT", "FINAL", "NOBODY", "OPEN", "SHAPE", "Tasks"]


class Tasks(Mail):
    """The bots are external: they do what a test does for them."""

    def submit(self, content="work", who="admin", **more):
        return self.must(who, "POST", "/tasks",
                         {"content": content, **more}, (201,))

    def batch(self, *tasks):
        return self.must("admin", "POST", "/tasks", {"tasks": list(tasks)},
                         (201,))["items"]

    def get(self, task, who="admin"):
        ident = task if isinstance(task, str) else task["id"]
        return self.must(who, "GET", f"/tasks/{ident}")

    def told(self, bot="teller"):
        """A program that does what its tasks say (tests/web/bot.py)."""
        self.hive.launch(bot, "process", argv=[sys.executable, BOT],
                         max_concurrent=4)
        self.hive.wait_state(bot, "ready")
        return bot

    def ended(self, task):
        """The task, once it has ended."""
        ident = task if isinstance(task, str) else task["id"]
        with self.hive.stream("GET", f"/tasks/{ident}/events") as events:
            for name, data, _ in events:
                if name == "done":
                    return data
        raise AssertionError("the stream ended before the task")

    def moved(self, task, *statuses):
        """The task, once it is in one of these."""
        def holds():
            t = self.get(task)
            return t if t["status"] in statuses else None
        return self.hive.wait(holds)

    def claim(self, bot, wait=20):
        """What the bot is given."""
        return self.must(bot, "POST", "/tasks/claim",
                         {"wait_seconds": wait}, (200,))

    def complete(self, bot, got, text="done", **more):
        self.must(bot, "POST", f"/tasks/{got['task']['id']}/complete",
                  {"lease_token": got["lease_token"], "text": text, **more})

    def give_up(self, bot, got, message="it broke", retryable=True):
        self.must(bot, "POST", f"/tasks/{got['task']['id']}/fail",
                  {"lease_token": got["lease_token"], "message": message,
                   "retryable": retryable})
