# SPDX-License-Identifier: MIT
"""One task's stream of events, from how it stands until it has ended."""

import threading
import unittest

from hive import Refused, Stream
from tasking import NOBODY, Tasks

LATER = {"not_before": "2099-01-01T00:00:00Z"}


class Streams(Tasks):
    def stream(self, task):
        s = self.hive.stream("GET", f"/tasks/{task['id']}/events")
        self.addCleanup(s.close)
        return s

    def test_from_how_it_stands_to_its_end(self):
        self.bot("walker")
        t = self.submit("walk", bot="walker", approval=True)
        events = iter(self.stream(t))
        name, data, _ = next(events)
        self.assertEqual((name, data["status"]), ("task", "awaiting_approval"))
        self.must("admin", "POST", f"/tasks/{t['id']}/approve")
        self.complete("walker", self.claim("walker"), "home")
        rest = list(events)
        names = [name for name, _, _ in rest]
        wanted = ["task.approved", "task.assigned", "task.running",
                  "task.finished", "done"]
        self.assertEqual([n for n in names if n in wanted], wanted)
        for name, data, ident in rest[:-1]:
            self.assertEqual((data["type"], data["subject"],
                              data["data"]["id"]), (name, t["id"], t["id"]))
            self.assertEqual(ident, str(data["seq"]))
        done = rest[-1][1]
        self.assertEqual((done["status"], done["result"]["text"]),
                         ("succeeded", "home"))

    def test_one_that_has_ended_is_told_at_once(self):
        t = self.submit("x", **LATER)
        self.must("admin", "DELETE", f"/tasks/{t['id']}")
        got = [(name, data["status"]) for name, data, _ in self.stream(t)]
        self.assertEqual(got, [("task", "cancelled"), ("done", "cancelled")])

    def test_events_of_others_are_not_told(self):
        mine, *others = self.batch(*[{"content": str(n), **LATER}
                                     for n in range(10)])
        events = iter(self.stream(mine))
        self.assertEqual(next(events)[0], "task")
        self.must("admin", "POST", "/tasks/bulk", {
            "action": "cancel", "ids": [t["id"] for t in others] +
            [mine["id"]]})
        got = list(events)
        self.assertEqual(got[-1][0], "done")
        self.assertEqual({d["data"]["id"] for n, d, _ in got if n != "done"},
                         {mine["id"]})

    def test_each_of_many_watchers_sees_the_end(self):
        t = self.submit("x", **LATER)
        streams = [self.stream(t) for _ in range(20)]
        readers = [iter(s) for s in streams]
        for r in readers:
            self.assertEqual(next(r)[0], "task")
        self.must("admin", "DELETE", f"/tasks/{t['id']}")
        for r in readers:
            self.assertEqual(list(r)[-1][1]["status"], "cancelled")

    def test_a_watcher_that_leaves_is_forgotten(self):
        t = self.submit("x", **LATER)
        for _ in range(40):  # more than one identity may have open
            with Stream(self.hive, "GET",
                        f"/api/v1/tasks/{t['id']}/events") as s:
                self.assertEqual(next(iter(s))[0], "task")
            self.until(lambda: self.opens(t))

    def opens(self, t):
        try:
            self.stream(t).close()
        except Refused as error:
            self.assertEqual(error.status, 429)
            return False
        return True

    def test_a_bot_watches_what_it_submitted_and_nothing_else(self):
        for bot in ("asker", "nosy"):
            self.bot(bot)
        t = self.submit("x", who="asker", **LATER)
        self.refused(404, "nosy", "GET", f"/tasks/{t['id']}/events")
        self.refused(404, "admin", "GET", f"/tasks/{NOBODY}/events")
        seen = []

        def watch():
            seen.extend(self.read(t, "asker"))

        thread = threading.Thread(target=watch)
        thread.start()
        self.must("asker", "DELETE", f"/tasks/{t['id']}")
        thread.join(60)
        self.assertIn("done", seen)

    def read(self, t, who):
        """Names of all events that this identity is told."""
        kept = self.hive.token
        self.hive.token = self.tokens[who]
        try:
            s = self.hive.stream("GET", f"/tasks/{t['id']}/events")
        finally:
            self.hive.token = kept
        with s:
            return [name for name, _, _ in s]


if __name__ == "__main__":
    unittest.main()
