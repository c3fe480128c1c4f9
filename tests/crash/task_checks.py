# SPDX-License-Identifier: MIT
"""What must hold of tasks after kills, whatever happened (test_task_kill.py)."""

from taskers import BOTS, ECHO, FINAL, OPEN, parts

ACTIVE = ("assigned", "running")
COUNTED = ("succeeded", "failed", "timed_out")  # what is learned of


class Checks:
    """Of a test case with `hive`, `ledger`, `learned`, and the id of the first
    one of a recurring task in `series`."""

    overlaps = ()

    def submit_again(self, key, body):
        status, answer = self.hive.call("POST", "/tasks", body,
                                        {"Idempotency-Key": key})
        if status == 201:
            self.ledger.add_sent(answer, body, key)
        else:
            self.assertEqual(status, 422, answer)
            self.ledger.add_refused(body, answer)
        return status

    def repeat_submissions(self):
        """What became of a submission without an answer is asked by repeating
        it: whatever it was, now it is there, and once (see the end), or it was
        not and what it depends on has failed meanwhile."""
        for key, body in self.ledger.unknown:
            self.assertEqual(self.submit_again(key, body),
                             self.submit_again(key, body))
            self.ledger.replays += 1
        self.ledger.unknown = []

    def repeat_known(self):
        """A key gives its tasks, whatever became of what they depend on."""
        for key, (_, body) in list(self.ledger.keys.items())[-300:]:
            self.assertEqual(self.submit_again(key, body), 201, body)

    # ---- two bots at a time ----------------------------------------------

    def add_overlaps(self, spans):
        """Attempts of one task that were with bots at the same time. Only one
        whose task was cancelled by hand may be the earlier of them."""
        by_task = {}
        for turn, (begin, end) in spans.items():
            task, attempt = parts(turn)
            by_task.setdefault(task, []).append((begin, end, attempt))
        found = list(self.overlaps)
        for task, list_ in by_task.items():
            list_.sort()
            for (_, end, earlier), (begin, _, _) in zip(list_, list_[1:]):
                if end is None or end > begin:
                    found.append((task, earlier))
        self.overlaps = found

    def check_overlaps(self):
        for task, earlier in self.overlaps:
            t = self.hive.must("GET", f"/tasks/{task}")
            self.assertEqual(t["attempts"][earlier - 1]["outcome"],
                             "cancelled", f"attempt {earlier} went on: {t}")
        self.overlaps = []

    # ---- one task --------------------------------------------------------

    def check_attempts(self, t):
        numbers = [a["number"] for a in t["attempts"]]
        self.assertEqual(numbers, list(range(1, t["attempt"] + 1)), t)
        outcomes = [a["outcome"] for a in t["attempts"]]
        going_on = [n for n, o in zip(numbers, outcomes) if not o]
        self.assertEqual(going_on, numbers[-1:] if t["status"] in ACTIVE
                         else [], t)
        self.assertEqual(outcomes.count("succeeded"),
                         int(t["status"] == "succeeded"), t)

    def check_result(self, t):
        if t["status"] != "succeeded":
            return
        last = t["attempts"][-1]
        wanted = (t["content"] if last["bot"] in ECHO
                  else f"did {t['id']}.{last['number']}")
        self.assertEqual((last["outcome"], t["result"]["text"]),
                         ("succeeded", wanted), t)

    def check_task(self, t):
        """What deiad knows of it is what was acknowledged, or later."""
        ident, ledger = t["id"], self.ledger
        if ident in ledger.sent:
            self.assertEqual(t["content"], ledger.sent[ident])
        if ident in ledger.ended:
            self.assertEqual(t["status"], ledger.ended[ident], t)
        if ident in ledger.approved:
            self.assertNotEqual(t["status"], "awaiting_approval", t)
        self.assertGreaterEqual(t["attempt"], ledger.attempt.get(ident, 0), t)
        ledger.attempt[ident] = t["attempt"]
        verdict = t["verdict"]["success"] if t["verdict"] else None
        self.assertIn(verdict, ledger.verdicts.get(ident, {None}), t)
        self.check_attempts(t)
        self.check_result(t)

    def check_turns(self, tasks):
        """What bots were given is on record, as what they were told."""
        for turn, bot in self.ledger.turns.items():
            task, number = parts(turn)
            if task not in tasks:
                continue
            t = tasks[task]
            self.assertLessEqual(number, len(t["attempts"]), (turn, t))
            attempt = t["attempts"][number - 1]
            self.assertEqual(attempt["bot"], bot, (turn, t))
            if turn in self.ledger.answered:
                outcome, result = self.ledger.answered[turn]
                self.assertEqual(attempt["outcome"], outcome, (turn, t))
                if outcome == "succeeded":
                    self.assertEqual(t["result"]["text"], result, t)

    def check(self, ids):
        tasks = {i: self.hive.must("GET", f"/tasks/{i}") for i in ids}
        for t in tasks.values():
            self.check_task(t)
        self.check_turns(tasks)
        self.check_overlaps()
        self.assertEqual(self.ledger.wrong, [])

    # ---- what was learned ------------------------------------------------

    def samples(self):
        """By bot and type."""
        return {(bot, pair["task_type"]): pair["samples"] for bot in BOTS
                for pair in self.hive.must(
                    "GET", f"/scheduler/bots/{bot}")["task_types"]}

    def check_learned(self):
        """Not less than when deiad was last stopped."""
        now = self.samples()
        for pair, before in self.learned.items():
            self.assertGreaterEqual(now.get(pair, 0), before, pair)

    def check_learned_once(self, tasks):
        done = {}
        for t in tasks:
            for a in t["attempts"]:
                if a["outcome"] in COUNTED:
                    pair = (a["bot"], t["type"])
                    done[pair] = done.get(pair, 0) + 1
        for pair, n in self.samples().items():
            self.assertLessEqual(n, done.get(pair, 0), pair)

    # ---- a recurring task ------------------------------------------------

    def open_of_series(self):
        """The one that waits or runs: always one, the newest."""
        items = self.hive.must("GET", "/tasks?limit=1000&series="
                               + self.series)["items"]
        self.assertEqual([t["status"] in OPEN for t in items],
                         [True] + [False] * (len(items) - 1))
        return items[0]

    def end_series(self):
        status = 409  # that one has just ended
        while status == 409:
            t = self.open_of_series()
            status, answer = self.hive.call("DELETE", f"/tasks/{t['id']}")
        self.assertEqual(status, 200, answer)

    # ---- all of them -----------------------------------------------------

    def open_tasks(self):
        return [t for t in self.hive.every("/tasks") if t["status"] in OPEN][:3]

    def check_depends(self, tasks):
        """None began before what it depends on succeeded, but by hand."""
        for t in tasks.values():
            for dep in (tasks[i] for i in t["depends_on"]):
                if dep["status"] != "succeeded":
                    # A retry goes on without what had failed.
                    retried = t["id"] in self.ledger.retried
                    self.assertTrue(retried or dep["id"] in
                                    self.ledger.retried or t["status"] ==
                                    "cancelled", (t, dep))
                elif t["started_at"] and t["id"] not in self.ledger.retried:
                    self.assertLessEqual(dep["finished_at"], t["started_at"])

    def check_sent(self, t, contents):
        self.assertNotIn(t["content"], contents, "sent once, there twice")
        contents.add(t["content"])
        self.assertNotIn(t["content"], self.ledger.refused)
        if t["id"] not in self.ledger.sent:
            self.assertIn(t["content"], self.ledger.maybe)

    def check_all(self):
        """Each once, nothing but what was sent, counters as the rows are."""
        status = self.hive.must("GET", "/tasks/status")
        tasks, contents, counted = {}, set(), {}
        for t in self.hive.every("/tasks"):
            self.assertNotIn(t["id"], tasks)
            tasks[t["id"]] = t
            if self.series not in (t["id"], t["series"]):
                self.check_sent(t, contents)
            counted[t["status"]] = counted.get(t["status"], 0) + 1
            self.assertIn(t["status"], FINAL, t)
        self.assertLessEqual(set(self.ledger.sent), set(tasks))
        for name in OPEN + FINAL:
            self.assertEqual(status[name], counted.get(name, 0), name)
        self.check(tasks)
        self.repeat_known()
        self.check_depends(tasks)
        self.check_learned_once(tasks.values())
