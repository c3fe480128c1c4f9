# SPDX-License-Identifier: MIT
"""Sending mail over HTTP: fields, copies, batches, keys, full inboxes."""

import http.client
import threading
import unittest

from hive import API, WAIT_SECONDS
from mailing import SHAPE, Mail


class Sending(Mail):
    def test_message_has_all_its_fields(self):
        self.bot("shape")
        status, m, headers = self.ask("admin", "POST", "/messages", {
            "to": "shape", "content": "hé \u2028 \"q\" \\ 😀\n",
            "priority": "P1", "ttl_seconds": 60, "max_attempts": 7,
            "metadata": {"n": 1.50, "deep": [{"a b": None}]}, "notify": True})
        self.assertEqual(status, 201)
        self.assertEqual(set(m), SHAPE)
        self.assertEqual(headers["Location"], f"{API}/messages/{m['id']}")
        self.assertEqual(
            (m["from"], m["to"], m["by"], m["content"], m["priority"],
             m["status"], m["attempt"], m["max_attempts"], m["redelivered"],
             m["notify"], m["hops"], m["ttl_seconds"]),
            ("system", "shape", "admin", "hé \u2028 \"q\" \\ 😀\n", "P1",
             "pending", 0, 7, False, True, 0, 60))
        self.assertEqual(m["metadata"], {"n": 1.5, "deep": [{"a b": None}]})
        for name in ("delivered_at", "read_at", "failed_at", "expired_at",
                     "lease_expires_at", "lease_token", "retry_at",
                     "reply_to", "dialogue", "reason"):
            self.assertIsNone(m[name], name)
        self.assertEqual(self.must("admin", "GET", f"/messages/{m['id']}"), m)

    def test_defaults(self):
        self.bot("plain")
        m = self.send("plain")
        self.assertEqual((m["priority"], m["ttl_seconds"], m["max_attempts"],
                          m["metadata"], m["notify"]),
                         ("P2", 604800, 3, {}, False))
        self.assertEqual(self.unread("plain"), 1)
        listed = {b["id"]: b["unread"]
                  for b in self.hive.must("GET", "/bots")["items"]}
        self.assertEqual(listed["plain"], 1)

    def test_metadata_comes_back_as_it_was_written(self):
        self.bot("exact")
        conn = http.client.HTTPConnection("127.0.0.1", self.hive.port)
        conn.request(
            "POST", API + "/messages",
            b'{"to":"exact","content":"x","metadata":\n { "big" : '
            b'12345678901234567890, "s": "a  b" }}',
            self.hive.headers({"Content-Type": "application/json"}))
        text = conn.getresponse().read()
        conn.close()
        self.assertIn(b'"metadata":{"big":12345678901234567890,"s":"a  b"}',
                      text)

    def test_copies_for_several_and_for_a_type(self):
        for name in ("c1", "c2", "c3"):
            self.bot(name, type="choir")
        sent = self.send(["c1", "c2"], "to two")["items"]
        self.assertEqual([m["to"] for m in sent], ["c1", "c2"])
        self.assertEqual(len({m["id"] for m in sent}), 2)
        self.assertEqual(len(self.send(["c1"])["items"]), 1)
        sent = self.must("c1", "POST", "/messages", {
            "to_type": "choir", "content": "la"}, (201,))["items"]
        self.assertEqual(sorted(m["to"] for m in sent), ["c2", "c3"])
        self.assertEqual({m["from"] for m in sent}, {"c1"})

    def test_batch_is_all_or_nothing_and_names_the_index(self):
        self.bot("b1")
        batch = [{"to": "b1", "content": str(i)} for i in range(5)]
        sent = self.must("admin", "POST", "/messages", {"messages": batch},
                         (201,))
        self.assertEqual([m["content"] for m in sent["items"]],
                         ["0", "1", "2", "3", "4"])
        one = self.must("admin", "POST", "/messages",
                        {"messages": batch[:1]}, (201,))
        self.assertEqual(len(one["items"]), 1)
        before = self.unread("b1")
        for wrong, pointer in (
                ({"ttl_seconds": 0}, "/messages/3/ttl_seconds"),
                ({"wings": 2}, "/messages/3/wings"),
                ({"a/b~": 2}, "/messages/3/a~1b~0"),
                ({"to": "nobody"}, "/messages/3/to"),
                ({"reply_to": ""}, "/messages/3/reply_to"),
                ({"content": 1}, "/messages/3/content")):
            bad = [dict(m) for m in batch]
            bad[3].update(wrong)
            with self.subTest(wrong):
                self.refused(404 if "to" in wrong else 422, "admin", "POST",
                             "/messages", {"messages": bad}, pointer)
        self.refused(422, "admin", "POST", "/messages",
                     {"messages": batch[:3] + ["text"]}, "/messages/3")
        self.assertEqual(self.unread("b1"), before)

    def test_every_field_is_checked_and_named(self):
        self.bot("strict")
        good = {"to": "strict", "content": "x"}
        for pointer, change in (
                ("/wings", {"wings": 2}), ("/content", {"content": ""}),
                ("/content", {"content": None}),
                ("/content", {"content": "x" * (2 ** 20 + 1)}),
                ("/priority", {"priority": "P4"}),
                ("/priority", {"priority": 1}),
                ("/priority", {"priority": "p1"}),
                ("/ttl_seconds", {"ttl_seconds": 0}),
                ("/ttl_seconds", {"ttl_seconds": 7776001}),
                ("/ttl_seconds", {"ttl_seconds": 1.5}),
                ("/ttl_seconds", {"ttl_seconds": "60"}),
                ("/max_attempts", {"max_attempts": 0}),
                ("/max_attempts", {"max_attempts": 101}),
                ("/metadata", {"metadata": []}),
                ("/metadata", {"metadata": "{}"}),
                ("/metadata", {"metadata": {"k": "v" * 16384}}),
                ("/notify", {"notify": 1}), ("/notify", {"notify": "true"}),
                ("/from", {"from": ""}), ("/from", {"from": "x" * 65}),
                ("/to", {"to": ""}), ("/to", {"to": []}), ("/to", {"to": 1}),
                ("/to/1", {"to": ["strict", 1]}),
                ("/to", {"to": ["strict"] * 1001}),
                ("/to", {"to_type": "x"}),
                ("/messages", {"messages": []}),
                ("/to", {"messages": [good]})):
            with self.subTest(f"{change!r:.60}"):
                self.refused(422, "admin", "POST", "/messages", good | change,
                             pointer)
        self.refused(422, "admin", "POST", "/messages", {"content": "x"},
                     "/to")
        self.refused(422, "admin", "POST", "/messages", {"to": "strict"},
                     "/content")
        self.refused(422, "admin", "POST", "/messages",
                     {"messages": [good] * 1001}, "/messages")
        self.refused(422, "admin", "POST", "/messages", {
            "messages": [{"to": ["strict"] * 600, "content": "x"}] * 2},
            "/messages/1/to")
        for body in ([], "text", 1):
            self.refused(422, "admin", "POST", "/messages", body)
        self.assertEqual(self.unread("strict"), 0)

    def test_largest_of_everything_is_taken(self):
        self.bot("large")
        m = self.send("large", "é" * 2 ** 19, ttl_seconds=7776000,
                      max_attempts=100, metadata={"k": "v" * 16376})
        self.assertEqual(len(m["content"]), 2 ** 19)
        self.assertEqual(len(self.send(["large"] * 1000)["items"]), 1000)
        self.send("large", "y", ttl_seconds=1, max_attempts=1)

    def test_contents_of_all_copies_are_bounded(self):
        for name in ("wide-1", "wide-2"):
            self.bot(name)
        big = "x" * (1 << 20)
        problem = self.refused(422, "admin", "POST", "/messages", {
            "to": ["wide-1", "wide-2"] * 8 + ["wide-1"], "content": big})
        self.assertEqual(problem["code"], "limit_exceeded")
        self.assertIn("16 MiB", problem["detail"])
        self.assertEqual(self.unread("wide-1"), 0)
        self.must("admin", "POST", "/messages", {
            "to": ["wide-1", "wide-2"] * 8, "content": big})
        self.assertEqual(self.unread("wide-1"), 8)

    def test_unknown_recipients_and_types_are_404(self):
        self.bot("known")
        for body in ({"to": "nobody"}, {"to": ["known", "nobody"]},
                     {"to": "a b/c"}, {"to_type": "none"}):
            with self.subTest(body):
                self.refused(404, "admin", "POST", "/messages",
                             {"content": "x", **body})
        self.assertEqual(self.unread("known"), 0)
        self.send("system", "to the people")

    def test_bot_sends_as_itself_and_others_are_recorded(self):
        self.bot("s1")
        self.bot("s2")
        m = self.send("s2", who="s1")
        self.assertEqual((m["from"], m["by"]), ("s1", None))
        self.assertEqual(self.send("s2", who="s1", **{"from": "s1"})["from"],
                         "s1")
        for name in ("s2", "system"):
            self.refused(403, "s1", "POST", "/messages",
                         {"to": "s2", "content": "x", "from": name})
        m = self.send("s2", who="operator", **{"from": "s1"})
        self.assertEqual((m["from"], m["by"]), ("s1", "operator"))
        m = self.send("s2", who="operator")
        self.assertEqual((m["from"], m["by"]), ("system", "operator"))
        self.refused(403, "viewer", "POST", "/messages",
                     {"to": "s2", "content": "x"})
        status, problem, _ = self.ask("admin", "POST", "/messages", {
            "to": "s2", "content": "x", "from": "nobody"})
        self.assertIn(status, (404, 422), problem)

    def test_key_repeats_the_answer_and_sends_nothing(self):
        self.bot("k1")
        body = {"to": "k1", "content": "once"}
        first = self.ask("admin", "POST", "/messages", body,
                         Idempotency_Key="key-1")
        self.assertEqual(first[0], 201)
        self.assertIsNone(first[2]["Idempotency-Replayed"])
        taken = self.receive("k1")["items"][0]
        self.assertEqual(taken["id"], first[1]["id"])
        again = self.ask("admin", "POST", "/messages", body,
                         Idempotency_Key="key-1")
        self.assertEqual(again[:2], first[:2])
        self.assertEqual(again[2]["Idempotency-Replayed"], "true")
        other = self.ask("admin", "POST", "/messages",
                         {"to": "k1", "content": "other"},
                         Idempotency_Key="key-1")
        self.assertEqual((other[0], other[1]["code"]), (422, "conflict"))
        self.assertEqual(self.unread("k1"), 1)
        # Another sender's keys are its own.
        mine = self.ask("k1", "POST", "/messages", body,
                        Idempotency_Key="key-1")
        self.assertEqual(mine[0], 201)
        self.assertNotEqual(mine[1]["id"], first[1]["id"])

    def test_keys_of_any_allowed_length_and_no_other(self):
        self.bot("k2")
        body = {"messages": [{"to": "k2", "content": "x"}] * 2}
        for key in ("k", "k" * 128, "k" * 129, "k" * 254 + "a",
                    "k" * 254 + "b"):
            made = [self.ask("admin", "POST", "/messages", body,
                             Idempotency_Key=key) for _ in range(2)]
            self.assertEqual(made[0][0], 201)
            self.assertEqual(made[0][1], made[1][1])
        self.assertEqual(self.unread("k2"), 10)
        for key in ("", "k" * 256, "k\xe9"):
            self.assertEqual(self.ask("admin", "POST", "/messages", body,
                                      Idempotency_Key=key)[0], 400, key)

    def test_same_key_at_the_same_moment_sends_once(self):
        self.bot("k3")
        answers = []

        def one():
            answers.append(self.ask(
                "admin", "POST", "/messages", {"to": "k3", "content": "x"},
                Idempotency_Key="race"))
        threads = [threading.Thread(target=one) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(WAIT_SECONDS)
        self.assertEqual({a[0] for a in answers}, {201})
        self.assertEqual(len({a[1]["id"] for a in answers}), 1)
        self.assertEqual(self.unread("k3"), 1)


class Full(Mail):
    config = "messages:\n  inbox_length: 3\n"

    def test_full_inbox_is_429_with_the_reason(self):
        self.bot("small")
        self.bot("other")
        self.send(["small"] * 3)
        status, problem, headers = self.ask(
            "admin", "POST", "/messages", {"to": "small", "content": "x"})
        self.assertEqual((status, problem["code"]), (429, "busy"))
        self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        self.assertIn("small", problem["detail"])
        self.refused(429, "admin", "POST", "/messages", {"messages": [
            {"to": "other", "content": "x"}, {"to": "small", "content": "x"}]},
            "/messages/1/to")
        self.assertEqual(self.unread("other"), 0)
        taken = self.receive("small")["items"][0]
        self.receive("small", read=[taken["id"]])
        self.send("small")
        status = self.hive.must("GET", "/bots/small/inbox/status")
        self.assertEqual(status["max"], 3)
        self.assertGreater(self.hive.must("GET", "/messages/status")[
            "since_start"]["refused"], 0)


if __name__ == "__main__":
    unittest.main()
