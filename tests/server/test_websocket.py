# SPDX-License-Identifier: MIT
"""GET /ws: who may, what comes without gap or repeat, and what ends it."""

import json
import os
import socket
import struct
import unittest

from hive import Hive
from ws import BINARY, CLOSE, PING, PONG, TEXT, Closed, Refused, Socket, frame

LIMIT = 1 << 20


def is_type(wanted):
    return lambda message: message["type"] == wanted


def mask(text):
    return frame(TEXT, text if isinstance(text, bytes) else text.encode())


class WithHive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive()
        cls.hive.start()
        cls.hive.launch("ECHO")
        cls.hive.wait_state("ECHO", "ready")

    @classmethod
    def tearDownClass(cls):
        cls.hive.stop()

    def token(self, role):
        return self.hive.must("POST", "/tokens",
                              {"name": role, "role": role})

    def refused(self, status, **how):
        with self.assertRaises(Refused) as e:
            Socket(self.hive, **how)
        self.assertEqual(e.exception.status, status)
        return e.exception

    def closed(self, sock):
        with self.assertRaises(Closed) as e:
            while True:
                sock.read()
        return e.exception


class Handshake(WithHive):
    def test_hello_says_who_and_where(self):
        with Socket(self.hive) as sock:
            hello = sock.read()
            self.assertEqual(hello["type"], "hello")
            self.assertEqual(hello["role"], "admin")
            self.assertGreater(hello["last_seq"], 0)
            self.assertEqual(sock.headers["Sec-WebSocket-Protocol"], "deia.v1")

    def test_token_by_protocol(self):
        viewer = self.token("viewer")["token"]
        with Socket(self.hive, token=viewer) as sock:
            self.assertEqual(sock.read()["role"], "viewer")

    def test_without_protocol(self):
        with Socket(self.hive, protocol=None) as sock:
            self.assertNotIn("Sec-WebSocket-Protocol", sock.headers)

    def test_no_credential(self):
        self.refused(401, token="")
        self.refused(401, token="deia_wrong")

    def test_token_in_the_query_is_none(self):
        self.refused(401, token="", path=f"/ws?token={self.hive.token}")

    def test_token_by_protocol_opens_nothing_else(self):
        how = {"token": self.hive.token, "path": "/api/v1/bots"}
        self.refused(401, **how)

    def test_bots_may_not(self):
        self.hive.launch("OUTSIDE", "external")
        bot = self.hive.must("POST", "/tokens", {
            "name": "OUTSIDE", "role": "bot"})["token"]
        self.refused(403, token=bot)

    def test_foreign_pages_may_not(self):
        self.refused(403, headers={"Origin": "http://evil.example"})
        self.refused(421, headers={"Host": "evil.example"})
        own = f"http://127.0.0.1:{self.hive.port}"
        Socket(self.hive, headers={"Origin": own}).close()

    def test_no_upgrade(self):
        e = self.refused(426, headers={"Upgrade": None})
        self.assertEqual(e.headers["Upgrade"], "websocket")
        e = self.refused(426, headers={"Sec-WebSocket-Version": "8"})
        self.assertEqual(e.headers["Sec-WebSocket-Version"], "13")
        self.assertIn("/api/v1/events",
                      self.refused(426, headers={"Connection": None}).body)

    def test_wrong_key_and_protocol(self):
        for key in ("", "short", "!" * 24, "QUJD" * 6):
            self.refused(400, headers={"Sec-WebSocket-Key": key})
        self.refused(400, protocol="chat")

    def test_what_comes_with_the_handshake_is_read(self):
        early = mask('{"type": "ping", "ref": "early"}')
        with Socket(self.hive, early=early) as sock:
            pong = sock.read_until(is_type("pong"))[-1]
            self.assertEqual(pong["ref"], "early")


class Frames(WithHive):
    def opened(self):
        sock = Socket(self.hive)
        self.addCleanup(sock.close)
        sock.read()
        return sock

    def test_ping_is_answered_and_close_is(self):
        sock = self.opened()
        sock.raw(frame(PING, b"hello"))
        self.assertEqual(sock.read_frame(), (PONG, b"hello"))
        sock.raw(frame(CLOSE, struct.pack(">H", 1000)))
        self.assertEqual(self.closed(sock).code, 1000)
        with self.assertRaises(Closed):
            sock.more()

    def test_fragments_make_a_message(self):
        sock = self.opened()
        sock.raw(frame(TEXT, b'{"type": "pi', fin=False))
        sock.raw(frame(PING, b""))
        sock.raw(frame(0, b'ng"}'))
        self.assertEqual(sock.read_frame()[0], PONG)
        self.assertEqual(sock.read()["type"], "pong")

    def test_byte_by_byte(self):
        sock = self.opened()
        for size in (10, 200, 70000):
            data = mask(json.dumps({"type": "ping", "x": "y" * size}))
            for i in range(20):
                sock.raw(data[i:i + 1])
            sock.raw(data[20:])
            self.assertEqual(sock.read()["problem"]["status"], 422)

    def test_broken_rules_close_it(self):
        for data, code in (
                (frame(TEXT, b"{}", mask=False), 1002),
                (frame(TEXT, b"{}", rsv=4), 1002),
                (frame(3, b""), 1002),
                (frame(0, b"no beginning"), 1002),
                (frame(PING, b"x" * 126), None),
                (frame(TEXT, b"\xff\xfe"), 1007),
                (frame(BINARY, b"x"), 1003)):
            with self.subTest(data=data[:8]):
                sock = self.opened()
                sock.raw(data)
                self.assertEqual(self.closed(sock).code, code)

    def test_an_unmasked_one_after_good_ones(self):
        for size in (0, 3, 125, 126, 65535, 65536):
            sock = self.opened()
            good = json.dumps({"type": "ping", "ref": "a"}).ljust(size)
            sock.raw(mask(good) + mask(good) + frame(TEXT, b"{}", mask=False))
            self.assertEqual(self.closed(sock).code, 1002)

    def test_messages_have_a_limit(self):
        sock = self.opened()
        text = json.dumps({"type": "ping", "ref": "a"})
        sock.raw(mask(text.ljust(LIMIT)))
        self.assertEqual(sock.read()["type"], "pong")
        sock.raw(mask(text.ljust(LIMIT + 1)))
        self.assertEqual(self.closed(sock).code, 1009)
        sock = self.opened()  # and in pieces
        sock.raw(frame(TEXT, b" " * (LIMIT - 1), fin=False))
        sock.raw(frame(0, b" " * 2))
        self.assertEqual(self.closed(sock).code, 1009)

    def test_what_is_no_message_is_said(self):
        sock = self.opened()
        for text, status, part in (
                ("{", 400, "line 1, column"),
                ("[]", 422, "/type"),
                ('{"type": "dance"}', 422, "/type"),
                ('{"type": "ping", "x": 1}', 422, "/x"),
                ('{"type": "chat", "bot": "ECHO", "content": "a"}', 422,
                 "/ref"),
                ('{"type": "subscribe", "after": -1}', 422, "/after"),
                ('{"type": "subscribe", "topics": [1]}', 422, "/topics"),
                ('{"type": "stop", "ref": "none"}', 404, "/ref")):
            sock.raw(mask(text))
            answer = sock.read()
            self.assertEqual(answer["type"], "error")
            self.assertEqual(answer["problem"]["status"], status)
            self.assertIn(part, answer["problem"]["detail"])


class Events(WithHive):
    def subscribed(self, **how):
        sock = Socket(self.hive)
        self.addCleanup(sock.close)
        sock.send(type="subscribe", ref="s", **how)
        sock.read_until(is_type("subscribed"))
        return sock

    def act(self, n=1):
        for _ in range(n):
            self.hive.must("POST", "/bots/ECHO/conversations", {})

    def mark(self):
        """Something happens; returns the seq up to which things happened."""
        with Socket(self.hive) as sock:
            return sock.read()["last_seq"]

    def test_live_and_from_the_store_they_are_the_same(self):
        begin = self.mark()
        live = self.subscribed()
        self.act(20)
        end = self.mark()
        self.assertGreater(end, begin)

        def is_last(message):
            return (message["type"] == "event"
                    and message["event"]["seq"] == end)
        then = self.subscribed(after=begin).read_until(is_last)
        self.assertEqual([m["event"]["seq"] for m in then],
                         list(range(begin + 1, end + 1)))
        self.assertEqual(live.read_until(is_last), then)

    def test_topics(self):
        sock = self.subscribed(topics=["message."])
        self.act()
        self.hive.must("POST", "/messages", {
            "to": "ECHO", "from": "system", "content": "hello"})
        event = sock.read()["event"]
        self.assertTrue(event["type"].startswith("message."), event)

    def test_unsubscribed_is_quiet(self):
        sock = self.subscribed()
        sock.send(type="unsubscribe", ref="u")
        sock.read_until(is_type("unsubscribed"))
        self.act()
        sock.send(type="ping")
        self.assertEqual(sock.read()["type"], "pong")

    def test_a_slow_reader_misses_nothing(self):
        """Asked for all again and again, and nothing is read meanwhile: more
        than the queue of a socket and the kernel hold."""
        batch = {"messages": [{"to": "ECHO", "from": "system",
                               "content": "x"}] * 1000}
        for _ in range(4):
            self.hive.must("POST", "/messages", batch)
        end = self.mark()
        times = 24
        with Socket(self.hive) as sock:
            for _ in range(times):
                sock.send(type="subscribe", after=0)
            sock.send(type="ping")
            size, pongs, runs = 0, 0, []
            while not (pongs and runs[-1] and runs[-1][-1] >= end):
                message = sock.read()
                size += len(json.dumps(message))
                if message["type"] == "subscribed":
                    runs.append([])
                elif message["type"] == "event":
                    runs[-1].append(message["event"]["seq"])
                pongs += message["type"] == "pong"
        self.assertEqual(len(runs), times)
        self.assertGreater(size, 256 << 10)
        first = runs[-1][0]
        for run in runs:
            self.assertEqual(run, list(range(first, first + len(run))))


class Chat(WithHive):
    def test_a_turn_streams_and_ends(self):
        with Socket(self.hive) as sock:
            sock.send(type="chat", ref="one", bot="ECHO", content="hi there")
            said = sock.read_until(is_type("done"))
            types = [m["type"] for m in said]
            self.assertEqual(types[:2], ["hello", "accepted"])
            text = "".join(m["text"] for m in said if m["type"] == "chunk")
            self.assertEqual(text, "hi there")
            self.assertEqual(said[-1]["line"]["content"], "hi there")
            self.assertEqual({m["ref"] for m in said[1:]}, {"one"})

    def test_several_at_a_time(self):
        with Socket(self.hive) as sock:
            for i in range(8):
                sock.send(type="chat", ref=f"r{i}", bot="ECHO", content=f"{i}")
            done = {}
            while len(done) < 8:
                message = sock.read()
                self.assertNotEqual(message["type"], "error", message)
                if message["type"] == "done":
                    done[message["ref"]] = message["line"]["content"]
            self.assertEqual(done, {f"r{i}": f"{i}" for i in range(8)})

    def test_errors_are_problems(self):
        with Socket(self.hive) as sock:
            sock.send(type="chat", ref="x", bot="NONE", content="a")
            error = sock.read_until(is_type("error"))[-1]
            self.assertEqual(error["ref"], "x")
            self.assertEqual(error["problem"]["status"], 404)
            self.assertIn("NONE", error["problem"]["detail"])

    def test_viewers_only_look(self):
        with Socket(self.hive, token=self.token("viewer")["token"]) as sock:
            sock.send(type="chat", ref="x", bot="ECHO", content="a")
            error = sock.read_until(is_type("error"))[-1]
            self.assertEqual(error["problem"]["status"], 403)

    def slow_bot(self):
        bad = os.path.join(os.environ["DEIA_BUILD"],
                           "tests/support/children/child-good")
        if "SLOW" not in [b["id"] for b in self.hive.every("/bots")]:
            self.hive.launch("SLOW", "process", argv=[bad])
            self.hive.wait_state("SLOW", "ready")

    def test_stop_ends_a_turn(self):
        self.slow_bot()
        with Socket(self.hive) as sock:
            sock.send(type="chat", ref="long", bot="SLOW", content="hold")
            sock.read_until(is_type("accepted"))
            sock.send(type="chat", ref="long", bot="SLOW", content="again")
            error = sock.read_until(is_type("error"))[-1]
            self.assertEqual(error["problem"]["status"], 409)
            sock.send(type="stop", ref="long")
            last = sock.read_until(
                lambda m: m["type"] in ("done", "error"))[-1]
            self.assertEqual(last["ref"], "long")

    def test_the_turn_goes_on_without_its_client(self):
        self.slow_bot()
        ident = self.hive.must("POST", "/bots/ECHO/conversations", {})["id"]
        with Socket(self.hive) as sock:
            sock.send(type="chat", ref="a", bot="ECHO", content="kept",
                      conversation=ident)
            sock.read_until(is_type("accepted"))

        def answered():
            page = self.hive.must(
                "GET", f"/bots/ECHO/chat?conversation={ident}")["items"]
            return len(page) == 2 and page[0]["content"] == "kept"
        self.assertTrue(self.hive.wait(answered))


class Ends(WithHive):
    def test_a_revoked_token_closes_it(self):
        token = self.token("operator")
        with Socket(self.hive, token=token["token"]) as sock:
            sock.read()
            self.hive.must("DELETE", f"/tokens/{token['id']}")
            self.assertEqual(self.closed(sock).code, 4401)

    def test_the_client_that_is_gone_leaves_nothing(self):
        before = len(os.listdir(f"/proc/{self.hive.process.pid}/fd"))
        socks = [Socket(self.hive) for _ in range(50)]
        for sock in socks:
            sock.send(type="subscribe")
            sock.read_until(is_type("subscribed"))
        for i, sock in enumerate(socks):
            if i % 2:
                sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack("ii", 1, 0))
            sock.close()

        def is_back():
            now = len(os.listdir(f"/proc/{self.hive.process.pid}/fd"))
            self.hive.must("POST", "/bots/ECHO/conversations", {})
            return now <= before + 2
        self.assertTrue(self.hive.wait(is_back))

    def test_shutdown_says_so(self):
        with Hive() as hive:
            hive.launch("ECHO")
            with Socket(hive) as sock:
                sock.read()
                hive.process.terminate()
                self.assertEqual(self.closed(sock).code, 1001)
            hive.stop()


if __name__ == "__main__":
    unittest.main()
