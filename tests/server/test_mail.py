# SPDX-License-Identifier: MIT
"""Mail over HTTP: receiving, settling, looking; who may do it; limits."""

import http.client
import json
import unittest

from hive import API, WAIT_SECONDS
from mailing import NOBODY, Mail

MAX_BOT_WAITS = 64


class Receiving(Mail):
    def test_cycle_of_receive_and_read(self):
        self.bot("r1")
        sent = [self.send("r1", p, priority=p)["id"]
                for p in ("P3", "P0", "P2", "P1")]
        got = self.receive("r1", max=3, lease_seconds=100)
        self.assertEqual([m["content"] for m in got["items"]],
                         ["P0", "P1", "P2"])
        self.assertEqual(got["errors"], [])
        first = got["items"][0]
        self.assertEqual((first["status"], first["attempt"],
                          first["redelivered"]), ("delivered", 1, False))
        self.assertRegex(first["lease_token"], "^[0-9a-f]{16}$")
        self.assertGreater(first["lease_expires_at"], first["delivered_at"])
        got = self.receive("r1", max=10, read=[
            first["id"], {"id": got["items"][1]["id"]},
            {"id": got["items"][2]["id"],
             "lease_token": got["items"][2]["lease_token"]}])
        self.assertEqual(([m["id"] for m in got["items"]], got["errors"]),
                         ([sent[0]], []))
        shown = self.must("r1", "GET", f"/messages/{first['id']}")
        self.assertEqual(shown["status"], "read")
        self.assertIsNotNone(shown["read_at"])
        self.assertIsNone(shown["lease_token"])
        self.assertEqual(self.unread("r1"), 1)

    def test_nothing_is_an_empty_list(self):
        self.bot("r2")
        for who in ("r2", "operator", "admin"):
            self.assertEqual(self.receive("r2", who), {"items": [],
                                                       "errors": []})
        self.assertEqual(self.receive("r2", wait_seconds=1)["items"], [])
        # A body may be left out.
        self.assertEqual(self.must("r2", "POST", "/bots/r2/inbox/receive"),
                         {"items": [], "errors": []})

    def test_errors_of_read_are_told_one_by_one(self):
        self.bot("r3")
        ids = [self.send("r3", str(i))["id"] for i in range(3)]
        one, two = self.receive("r3", max=2)["items"]
        got = self.receive("r3", read=[
            NOBODY, one["id"],
            {"id": two["id"], "lease_token": "0" * 16}, ids[2], "no id"])
        self.assertEqual([(e["index"], e["id"], e["code"])
                          for e in got["errors"]],
                         [(0, NOBODY, "not_found"),
                          (2, two["id"], "conflict"),
                          (3, ids[2], "illegal_state"),
                          (4, "no id", "not_found")])
        self.assertEqual([m["id"] for m in got["items"]], [ids[2]])
        self.assertEqual(self.must(
            "r3", "GET", f"/messages/{one['id']}")["status"], "read")

    def test_long_poll_ends_with_the_message(self):
        self.bot("r4")
        waiting = self.begin_wait("r4", wait_seconds=60)
        m = self.send("r4", "at last")
        got = json.loads(waiting.getresponse().read())
        waiting.close()
        self.assertEqual([i["id"] for i in got["items"]], [m["id"]])

    def begin_wait(self, bot, **body):
        """A receive that waits, on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.hive.port,
                                          timeout=WAIT_SECONDS)
        before = self.waiters(bot)
        conn.request("POST", f"{API}/bots/{bot}/inbox/receive",
                     json.dumps(body),
                     {"Authorization": f"Bearer {self.tokens[bot]}",
                      "Content-Type": "application/json"})
        self.until(lambda: self.waiters(bot) > before)
        return conn

    def waiters(self, bot):
        return self.hive.must("GET", f"/bots/{bot}/inbox/status")["receivers"]

    def test_one_bot_does_not_take_all_the_waits(self):
        self.bot("greedy")
        self.bot("modest")
        polls = [self.begin_wait("greedy", wait_seconds=60)
                 for _ in range(MAX_BOT_WAITS)]
        self.refused(429, "greedy", "POST", "/bots/greedy/inbox/receive",
                     {"wait_seconds": 1})
        self.assertEqual(self.receive("modest")["items"], [])
        for conn in polls:
            conn.close()
        self.until(lambda: self.waiters("greedy") == 0)
        self.assertEqual(self.receive("greedy")["items"], [])

    def test_who_leaves_while_waiting_takes_nothing(self):
        self.bot("r5")
        for _ in range(3):
            self.begin_wait("r5", wait_seconds=60).close()
            self.until(lambda: self.waiters("r5") == 0)
        m = self.send("r5")
        got = self.receive("r5", wait_seconds=20)["items"]
        self.assertEqual([(i["id"], i["attempt"]) for i in got],
                         [(m["id"], 1)])

    def test_what_was_on_its_way_to_who_left_comes_back_at_once(self):
        self.bot("r6")
        ids = [self.send("r6", str(i))["id"] for i in range(20)]
        for _ in range(20):
            conn = http.client.HTTPConnection("127.0.0.1", self.hive.port)
            conn.request("POST", f"{API}/bots/r6/inbox/receive",
                         json.dumps({"lease_seconds": 3600}),
                         {"Authorization": f"Bearer {self.tokens['r6']}",
                          "Content-Type": "application/json"})
            conn.close()
        # A closed socket that was answered before is noticed by nobody: at
        # most such a message is still out, under its lease.
        got = []
        while True:
            page = self.receive("r6", max=100, wait_seconds=1)["items"]
            got += page
            if not page:
                break
        out = {m["id"] for m in self.hive.must(
            "GET", "/bots/r6/inbox?status=delivered&limit=100")["items"]}
        self.assertEqual(out, set(ids))
        for m in got:
            self.assertEqual(m["attempt"] > 1, m["redelivered"])

    def test_limits_of_receive(self):
        self.bot("r7")
        path = "/bots/r7/inbox/receive"
        for pointer, body in (
                ("/max", {"max": 0}), ("/max", {"max": 1001}),
                ("/max", {"max": "1"}),
                ("/wait_seconds", {"wait_seconds": -1}),
                ("/wait_seconds", {"wait_seconds": 61}),
                ("/lease_seconds", {"lease_seconds": 0}),
                ("/lease_seconds", {"lease_seconds": 3601}),
                ("/read", {"read": "x"}), ("/read", {"read": {}}),
                ("/read", {"read": [NOBODY] * 1001}),
                ("/read/0", {"read": [1]}), ("/read/1", {"read": ["x", ""]}),
                ("/read/0", {"read": [{}]}),
                ("/read/0/wings", {"read": [{"id": NOBODY, "wings": 2}]}),
                ("/read/0/lease_token",
                 {"read": [{"id": NOBODY, "lease_token": 1}]}),
                ("/wings", {"wings": 2})):
            with self.subTest(f"{body!r:.60}"):
                self.refused(422, "r7", "POST", path, body, pointer)
        self.receive("r7", max=1000, lease_seconds=3600,
                     read=[NOBODY] * 1000)
        self.refused(404, "admin", "POST", "/bots/nobody/inbox/receive", {})

    def test_lease_that_ends_brings_it_back_flagged(self):
        self.bot("r8")
        m = self.send("r8")
        first = self.receive("r8", lease_seconds=1)["items"][0]
        again = self.receive("r8", wait_seconds=60)["items"][0]
        self.assertEqual((again["id"], again["attempt"],
                          again["redelivered"]), (m["id"], 2, True))
        self.assertNotEqual(again["lease_token"], first["lease_token"])
        path = f"/messages/{m['id']}/read"
        self.refused(409, "r8", "POST", path,
                     {"lease_token": first["lease_token"]})
        self.assertEqual(self.must("r8", "POST", path, {
            "lease_token": again["lease_token"]})["status"], "read")
        # The same again is fine, another token is not.
        self.must("r8", "POST", path, {"lease_token": again["lease_token"]})
        self.refused(409, "r8", "POST", path)


class Settling(Mail):
    def taken(self, bot, **more):
        self.send(bot, **more)
        return self.receive(bot)["items"][0]

    def test_read_without_token_and_by_an_operator(self):
        self.bot("t1")
        for who, body in (("t1", None), ("t1", {"bot": "t1"}),
                          ("operator", {"bot": "t1"}), ("admin", None)):
            m = self.taken("t1")
            done = self.must(who, "POST", f"/messages/{m['id']}/read", body)
            self.assertEqual((done["status"], done["id"]), ("read", m["id"]))
        self.assertEqual(self.unread("t1"), 0)

    def test_release_gives_it_back_now_or_later(self):
        self.bot("t2")
        m = self.taken("t2")
        path = f"/messages/{m['id']}/release"
        done = self.must("t2", "POST", path, {
            "lease_token": m["lease_token"], "reason": "not now"})
        self.assertEqual((done["status"], done["reason"], done["content"]),
                         ("pending", "not now", None))
        again = self.receive("t2", wait_seconds=20)["items"][0]
        self.assertEqual((again["id"], again["redelivered"]),
                         (m["id"], True))
        done = self.must("t2", "POST", path, {"delay_seconds": 3600})
        self.assertIsNotNone(done["retry_at"])
        self.assertEqual(self.receive("t2")["items"], [])
        status = self.hive.must("GET", "/bots/t2/inbox/status")
        self.assertEqual((status["pending"], status["waiting"]), (1, 1))
        self.refused(409, "t2", "POST", path)

    def test_extend_makes_the_lease_longer(self):
        self.bot("t3")
        m = self.taken("t3")
        path = f"/messages/{m['id']}/extend"
        done = self.must("t3", "POST", path, {
            "lease_seconds": 3600, "lease_token": m["lease_token"]})
        self.assertGreater(done["lease_expires_at"], m["lease_expires_at"])
        self.assertEqual(done["status"], "delivered")
        self.refused(409, "t3", "POST", path, {
            "lease_seconds": 60, "lease_token": "0" * 16})
        self.refused(422, "t3", "POST", path, {}, "/lease_seconds")
        self.refused(422, "t3", "POST", path, {"lease_seconds": 3601},
                     "/lease_seconds")

    def test_answers_about_large_messages_are_whole_but_for_the_content(self):
        self.bot("t6")
        sent = self.send("t6", "x" * 50000, metadata={"k": 1}, ttl_seconds=60)
        self.assertEqual(len(self.receive("t6")["items"][0]["content"]), 50000)
        path = f"/messages/{sent['id']}"
        for verb, body in (("extend", {"lease_seconds": 60}),
                           ("release", {}), ("read", {})):
            if verb == "read":
                self.receive("t6", wait_seconds=20)
            done = self.must("t6", "POST", f"{path}/{verb}", body)
            for name in ("metadata", "ttl_seconds", "by", "expires_at"):
                self.assertEqual(done[name], sent[name], (verb, name))
            self.assertIsNone(done["content"])

    def test_dead_letter_and_its_return(self):
        self.bot("t4")
        m = self.taken("t4", max_attempts=1)
        done = self.must("t4", "POST", f"/messages/{m['id']}/release",
                         {"reason": "I cannot read it"})
        self.assertEqual(done["status"], "failed")
        self.assertIsNotNone(done["failed_at"])
        listed = self.hive.must("GET", "/messages?status=failed")["items"]
        self.assertIn(m["id"], [i["id"] for i in listed])
        path = f"/messages/{m['id']}/requeue"
        self.refused(403, "t4", "POST", path, {})
        self.refused(403, "viewer", "POST", path, {})
        self.refused(422, "operator", "POST", path, {"wings": 2}, "/wings")
        done = self.must("operator", "POST", path, {})
        self.assertEqual((done["status"], done["attempt"]), ("pending", 0))
        self.refused(409, "operator", "POST", path, {})
        self.assertEqual(self.receive("t4")["items"][0]["id"], m["id"])
        audit = self.hive.must("GET", "/audit?limit=20")["items"]
        self.assertIn(m["id"], [a["target"] for a in audit])

    def test_limits_of_settling(self):
        self.bot("t5")
        m = self.taken("t5")
        for verb, pointer, body in (
                ("read", "/wings", {"wings": 2}),
                ("read", "/bot", {"bot": ""}),
                ("read", "/lease_token", {"lease_token": "x" * 65}),
                ("release", "/delay_seconds", {"delay_seconds": 3601}),
                ("release", "/delay_seconds", {"delay_seconds": -1}),
                ("release", "/reason", {"reason": "x" * 513}),
                ("extend", "/lease_seconds", {"lease_seconds": 0})):
            self.refused(422, "t5", "POST", f"/messages/{m['id']}/{verb}",
                         body, pointer)
        self.must("t5", "POST", f"/messages/{m['id']}/release",
                  {"delay_seconds": 3600, "reason": "x" * 512})
        for verb in ("read", "release", "requeue"):
            for name in (NOBODY, "no-id", "%2e%2e"):
                self.refused(404, "admin", "POST", f"/messages/{name}/{verb}",
                             {})

    def test_bots_see_and_settle_only_their_own(self):
        for name in ("o1", "o2", "o3"):
            self.bot(name)
        m = self.send("o2", who="o1")
        path = f"/messages/{m['id']}"
        for who, wanted in (("o1", 200), ("o2", 200), ("o3", 404),
                            ("viewer", 200)):
            self.assertEqual(self.ask(who, "GET", path)[0], wanted, who)
        got = self.receive("o2")["items"][0]
        shown = self.must("viewer", "GET", path)
        self.assertIsNone(shown["lease_token"])
        for who in ("o1", "o3"):
            self.assertIn(self.ask(who, "POST", path + "/read")[0],
                          (403, 404), who)
            self.assertIn(self.ask(who, "POST", path + "/read",
                                   {"bot": "o2"})[0], (403, 404), who)
            self.refused(403, who, "POST", "/bots/o2/inbox/receive", {})
            self.refused(403, who, "GET", "/bots/o2/inbox")
            self.refused(403, who, "GET", "/bots/o2/inbox/status")
        self.refused(403, "viewer", "POST", path + "/read")
        self.assertIn(self.ask("o3", "GET", "/conversations/o1/o2")[0],
                      (403, 404))
        self.assertEqual(len(self.must(
            "o1", "GET", "/conversations/o1/o2")["items"]), 1)
        self.refused(403, "o1", "GET", "/messages?status=pending")
        self.refused(403, "o1", "GET", "/messages/status")
        self.refused(403, "o1", "GET", "/bots/system/inbox")
        self.must("o2", "POST", path + "/read",
                  {"lease_token": got["lease_token"]})


class Looking(Mail):
    def test_cursor_of_another_inbox_is_unknown(self):
        self.bot("mine")
        self.bot("yours")
        theirs = self.send("yours")["id"]
        mine = [self.send("mine")["id"] for _ in range(2)]
        for cursor in (theirs, NOBODY):
            problem = self.refused(404, "mine", "GET",
                                   f"/bots/mine/inbox?cursor={cursor}")
            self.assertEqual(problem["detail"],
                             f"there is no message {cursor}")
        page = self.must("mine", "GET", f"/bots/mine/inbox?cursor={mine[0]}")
        self.assertEqual([m["id"] for m in page["items"]], mine[1:])

    def test_no_bot_is_named_as_the_people(self):
        for name in ("system", "System"):
            problem = self.refused(422, "admin", "POST", "/bots",
                                   {"id": name, "adapter": "external"},
                                   "/id")
            self.assertIn("people", problem["detail"])

    def test_answer_of_large_ones_is_bounded(self):
        self.bot("heavy")
        for _ in range(2):
            self.send(["heavy"] * 10, "x" * 1000000)
        items = self.receive("heavy", max=1000)["items"]
        self.assertEqual(len(items), 9)

    def test_peek_changes_nothing_and_pages(self):
        self.bot("p1")
        for i in range(7):
            self.send("p1", str(i), priority=f"P{i % 2}")
        seen, cursor = [], ""
        while True:
            page = self.must("p1", "GET",
                             f"/bots/p1/inbox?limit=2{cursor}")
            seen += [m["content"] for m in page["items"]]
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        self.assertEqual(seen, ["0", "2", "4", "6", "1", "3", "5"])
        only = self.must("viewer", "GET", "/bots/p1/inbox?priority=P1")
        self.assertEqual([m["content"] for m in only["items"]],
                         ["1", "3", "5"])
        self.receive("p1", max=2)
        out = self.must("p1", "GET", "/bots/p1/inbox?status=delivered")
        self.assertEqual([m["content"] for m in out["items"]], ["0", "2"])
        self.assertEqual(len(self.must(
            "p1", "GET", "/bots/p1/inbox")["items"]), 7)
        self.assertEqual(len(self.must(
            "p1", "GET", "/bots/p1/inbox?status=read")["items"]), 0)

    def test_status_counts(self):
        self.bot("p2")
        self.send(["p2"] * 3, priority="P1")
        self.send("p2", priority="P3")
        self.receive("p2")
        status = self.must("p2", "GET", "/bots/p2/inbox/status")
        self.assertEqual(status, {
            "bot": "p2", "open": True, "pending": 3, "delivered": 1,
            "waiting": 0, "by_priority": {"P0": 0, "P1": 2, "P2": 0, "P3": 1},
            "receivers": 0, "max": 100000})
        whole = self.must("viewer", "GET", "/messages/status")
        self.assertEqual(whole["accepted"], sum(
            whole[s] for s in ("pending", "delivered", "read", "failed",
                               "expired")))
        self.assertGreaterEqual(whole["since_start"]["sent"], 4)
        self.refused(404, "admin", "GET", "/bots/nobody/inbox/status")

    def test_conversation_is_newest_first_in_both_directions(self):
        self.bot("p3")
        self.bot("p4")
        for i in range(5):
            self.send("p4" if i % 2 else "p3", str(i),
                      who="p3" if i % 2 else "p4")
        self.send("p3", "from another")
        page = self.must("viewer", "GET", "/conversations/p4/p3?limit=3")
        self.assertEqual([m["content"] for m in page["items"]],
                         ["4", "3", "2"])
        rest = self.must("viewer", "GET", "/conversations/p3/p4?limit=3"
                         f"&cursor={page['next_cursor']}")
        self.assertEqual([m["content"] for m in rest["items"]], ["1", "0"])
        self.assertIsNone(rest["next_cursor"])

    def test_replies_are_linked(self):
        self.bot("p5")
        m = self.send("system", "question", who="p5")
        answer = self.send("p5", "answer", reply_to=m["id"])
        self.assertEqual(answer["reply_to"], m["id"])
        got = self.receive("system", "operator", max=100)["items"]
        self.assertIn(m["id"], [i["id"] for i in got])

    def test_lists_need_and_check_their_parameters(self):
        self.bot("p6")
        for path, pointer in (
                ("/messages", "?status"), ("/messages?status=lost", "?status"),
                ("/messages?status=failed&limit=0", "?limit"),
                ("/messages?status=failed&limit=1001", "?limit"),
                ("/messages?status=failed&wings=2", "?wings"),
                ("/bots/p6/inbox?priority=P4", "?priority"),
                ("/bots/p6/inbox?priority=1", "?priority"),
                ("/bots/p6/inbox?status=", "?status"),
                ("/bots/p6/inbox?limit=x", "?limit"),
                ("/conversations/p6/system?limit=-1", "?limit"),
                ("/dialogues?limit=0", "?limit")):
            with self.subTest(path):
                self.refused(422, "admin", "GET", path, pointer=pointer)
        for path in ("/messages?status=failed", "/bots/p6/inbox?status=read",
                     "/conversations/p6/system"):
            for cursor in ("x", NOBODY, "%27%22--", "A" * 2000):
                self.assertIn(self.ask(
                    "admin", "GET", path + ("&" if "?" in path else "?")
                    + "cursor=" + cursor)[0], (200, 404, 422))
        self.refused(404, "admin", "GET", "/bots/nobody/inbox")
        for name in (NOBODY, "no-id", "A" * 500):
            self.refused(404, "admin", "GET", f"/messages/{name}")

    def test_wrong_methods_are_405_with_allow(self):
        for method, path, allow in (
                ("DELETE", "/messages", {"GET", "HEAD", "POST"}),
                ("PUT", f"/messages/{NOBODY}", {"GET", "HEAD"}),
                ("POST", "/messages/status", {"GET", "HEAD"}),
                ("GET", f"/messages/{NOBODY}/read", {"POST"}),
                ("GET", "/bots/x/inbox/receive", {"POST"}),
                ("POST", "/conversations/a/b", {"GET", "HEAD"}),
                ("DELETE", "/dialogues", {"GET", "HEAD", "POST"})):
            with self.subTest(f"{method} {path}"):
                status, _, headers = self.ask("admin", method, path)
                self.assertEqual(status, 405)
                self.assertEqual(set(headers["Allow"].split(", ")), allow)
                self.assertEqual(len(headers["Allow"].split(", ")),
                                 len(allow))


class Restart(Mail):
    def test_mail_outlives_deiad(self):
        self.bot("d1")
        ids = [self.send("d1", str(i))["id"] for i in range(3)]
        taken = self.receive("d1", lease_seconds=600)["items"][0]
        key = self.ask("admin", "POST", "/messages",
                       {"to": "d1", "content": "x"}, Idempotency_Key="k")[1]
        self.hive.kill()
        self.hive.start()
        self.assertEqual(self.unread("d1"), 4)
        again = self.ask("admin", "POST", "/messages",
                         {"to": "d1", "content": "x"}, Idempotency_Key="k")
        self.assertEqual(again[1], key)
        self.assertEqual(again[2]["Idempotency-Replayed"], "true")
        got = self.receive("d1", max=10, read=[
            {"id": taken["id"], "lease_token": taken["lease_token"]}])
        self.assertEqual(got["errors"], [])
        self.assertEqual([m["id"] for m in got["items"]],
                         ids[1:] + [key["id"]])

    def test_stop_ends_the_waits(self):
        self.bot("d2")
        conn = Receiving.begin_wait(self, "d2", wait_seconds=60)
        self.assertEqual(self.hive.stop(), 0)
        self.assertEqual(conn.getresponse().status, 503)
        conn.close()
        self.hive.start()

    waiters = Receiving.waiters


if __name__ == "__main__":
    unittest.main()
