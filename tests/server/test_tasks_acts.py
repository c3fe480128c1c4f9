# SPDX-License-Identifier: MIT
"""Moving tasks over HTTP: cancel, retry, approve, verdict, many at once,
types."""

import unittest

from tasking import NOBODY, Tasks

LATER = {"not_before": "2099-01-01T00:00:00Z"}


class Acting(Tasks):
    def test_cancel_once(self):
        t = self.submit("x", **LATER)
        ended = self.must("operator", "DELETE", f"/tasks/{t['id']}")
        self.assertEqual(ended["status"], "cancelled")
        self.assertIn("operator", ended["reason"])
        problem = self.refused(409, "admin", "DELETE", f"/tasks/{t['id']}")
        self.assertIn("cancelled", problem["detail"])

    def test_cancel_reaches_the_running_bot(self):
        bot = self.told("held")
        t = self.submit("hold it", bot=bot)
        self.moved(t, "running")
        self.must("admin", "DELETE", f"/tasks/{t['id']}")
        self.assertEqual(self.get(t)["status"], "cancelled")
        # It is free again, and what it said late counts for nothing.
        self.assertEqual(self.ended(self.submit("say hi", bot=bot))
                         ["result"]["text"], "hi")
        self.assertEqual(self.get(t)["status"], "cancelled")

    def test_failed_for_good_is_retried_by_hand(self):
        bot = self.told("moody")
        t = self.ended(self.submit("fail no paper", bot=bot))
        self.assertEqual((t["status"], t["attempt"]), ("failed", 1))
        self.assertIn("no paper", t["error"]["message"])
        again = self.must("admin", "POST", f"/tasks/{t['id']}/retry")
        self.assertIn(again["status"], ("queued", "assigned"))
        t = self.ended(t)
        self.assertEqual((t["status"], len(t["attempts"])), ("failed", 2))
        good = self.ended(self.submit("say hi", bot=bot))
        self.refused(409, "admin", "POST", f"/tasks/{good['id']}/retry")

    def test_approval_comes_first(self):
        bot = self.told("careful")
        t = self.submit("say hi", bot=bot, approval=True)
        self.assertEqual(t["status"], "awaiting_approval")
        self.must("operator", "POST", f"/tasks/{t['id']}/approve")
        self.assertEqual(self.ended(t)["status"], "succeeded")
        self.refused(409, "admin", "POST", f"/tasks/{t['id']}/approve")
        self.refused(422, "admin", "POST", f"/tasks/{t['id']}/approve",
                     {"why": "x"}, "/why")

    def test_last_verdict_counts(self):
        bot = self.told("judged")
        t = self.submit("say hi", bot=bot, approval=True)
        path = f"/tasks/{t['id']}/verdict"
        self.refused(409, "admin", "POST", path, {"success": True})
        self.must("admin", "POST", f"/tasks/{t['id']}/approve")
        self.ended(t)
        for success, note in ((True, None), (False, "too short")):
            body = {"success": success, **({"note": note} if note else {})}
            v = self.must("operator", "POST", path, body)["verdict"]
            self.assertEqual((v["success"], v["by"], v["note"]),
                             (success, "operator", note))
        self.assertEqual(self.get(t)["verdict"], v)
        self.refused(422, "admin", "POST", path, {}, "/success")
        self.refused(422, "admin", "POST", path,
                     {"success": True, "note": "x" * 513}, "/note")


class Many(Tasks):
    def bulk(self, action, **which):
        return self.must("operator", "POST", "/tasks/bulk",
                         {"action": action, **which})

    def test_by_id_one_refusal_hinders_no_other(self):
        made = [self.submit(str(n), **LATER)["id"] for n in range(3)]
        self.must("admin", "DELETE", f"/tasks/{made[1]}")
        got = self.bulk("cancel", ids=[*made, NOBODY])
        self.assertEqual([(i["id"], i["ok"]) for i in got["items"]],
                         [(made[0], True), (made[1], False),
                          (made[2], True), (NOBODY, False)])
        self.assertEqual([i["error"]["code"] for i in got["items"]
                          if not i["ok"]], ["illegal_state", "not_found"])
        self.assertFalse(got["more"])

    def test_by_what_fits(self):
        keep = self.submit("x", type="validation", **LATER)
        gone = [self.submit("x", type="planning", **LATER)["id"]
                for _ in range(3)]
        gone.append(self.submit("x", type="planning", approval=True)["id"])
        got = self.bulk("cancel", type="planning", submitted_by="admin")
        self.assertEqual({i["id"] for i in got["items"]}, set(gone))
        self.assertEqual(self.get(keep)["status"], "blocked")
        # Those that the action does not apply to do not fit.
        self.assertEqual(self.bulk("cancel", type="planning")["items"], [])
        self.assertEqual(self.bulk("approve", all=True)["items"], [])
        again = self.bulk("retry", status="cancelled", type="planning")
        self.assertEqual({i["id"] for i in again["items"]}, set(gone))
        self.bulk("cancel", all=True)
        counts = self.must("admin", "GET", "/tasks/status")
        self.assertEqual(counts["queued"] + counts["blocked"], 0)

    def test_a_thousand_at_once(self):
        for n in (600, 600):
            self.batch(*[{"content": "x", "type": "analysis", **LATER}] * n)
        first = self.bulk("cancel", type="analysis")
        self.assertEqual((len(first["items"]), first["more"]), (1000, True))
        last = self.bulk("cancel", type="analysis")
        self.assertEqual((len(last["items"]), last["more"]), (200, False))
        self.assertTrue(all(i["ok"] for i in first["items"] + last["items"]))

    def test_which_must_be_said_once(self):
        for body, pointer in (
                ({"action": "cancel"}, None),
                ({"action": "cancel", "ids": [], "all": True}, None),
                ({"action": "cancel", "type": "x", "all": True}, None),
                ({"action": "cancel", "all": False}, "/all"),
                ({"action": "burn", "all": True}, "/action"),
                ({"action": "cancel", "ids": [7]}, "/ids"),
                ({"action": "cancel", "ids": ["x"] * 1001}, "/ids"),
                ({"action": "cancel", "status": "done"}, "/status"),
                ({"action": "cancel", "status": "failed"}, "/status"),
                ({"action": "retry", "status": "queued"}, "/status"),
                ({"action": "cancel", "all": True, "wings": 2}, "/wings")):
            self.refused(422, "admin", "POST", "/tasks/bulk", body, pointer)


class Types(Tasks):
    def queue(self, name):
        return {q["type"]: q for q in self.must(
            "viewer", "GET", "/queues")["items"]}[name]

    def test_paused_type_holds_what_waits(self):
        bot = self.told("worker")
        q = self.must("operator", "POST", "/queues/writing/pause")
        self.assertEqual((q["type"], q["paused"]), ("writing", True))
        t = self.submit("say hi", type="writing", bot=bot)
        other = self.submit("say ho", type="planning", bot=bot)
        self.assertEqual(self.ended(other)["status"], "succeeded")
        self.assertEqual((self.get(t)["status"], self.get(t)["reason"]),
                         ("queued", "type writing is paused"))
        q = self.queue("writing")
        self.assertEqual((q["paused"], q["queued"], q["active"]),
                         (True, 1, 0))
        self.assertIsNotNone(q["oldest_at"])
        self.must("operator", "POST", "/queues/writing/resume")
        self.assertEqual(self.ended(t)["status"], "succeeded")
        self.assertEqual((self.queue("writing")["paused"],
                          self.queue("writing")["queued"]), (False, 0))

    def test_limit_of_a_type(self):
        bot = self.told("many")
        q = self.must("operator", "PUT", "/queues/validation",
                      {"wip_limit": 1})
        self.assertEqual((q["wip_limit"], q["paused"]), (1, False))
        first, second = self.batch(
            *[{"content": f"hold {n}", "type": "validation", "bot": bot}
              for n in range(2)])
        self.moved(first, "running")
        waits = self.get(second)
        self.assertEqual((waits["status"], waits["reason"]), (
            "queued", "1 of type validation is under way, and no more may "
            "be at a time"))
        self.assertEqual(self.queue("validation")["active"], 1)
        q = self.must("operator", "PUT", "/queues/validation",
                      {"paused": True})
        self.assertEqual((q["wip_limit"], q["paused"]), (1, True))
        self.must("operator", "PUT", "/queues/validation",
                  {"paused": False, "wip_limit": 0})
        self.moved(second, "running")
        self.must("operator", "POST", "/tasks/bulk",
                  {"action": "cancel", "all": True})

    def test_wrong_types_and_limits(self):
        for method, path, body in (("POST", "/queues/no-such/pause", None),
                                   ("PUT", "/queues/no-such", {})):
            self.refused(404, "admin", method, path, body)
        for body, pointer in (({"wip_limit": 10001}, "/wip_limit"),
                              ({"wip_limit": -1}, "/wip_limit"),
                              ({"paused": 1}, "/paused"),
                              ({"limit": 1}, "/limit")):
            self.refused(422, "admin", "PUT", "/queues/writing", body,
                         pointer)


if __name__ == "__main__":
    unittest.main()
