# SPDX-License-Identifier: MIT
"""Streams to clients that read late, slowly or never."""

import json
import os
import socket
import sys
import unittest

from hive import Hive

BUILD = os.environ["DEIA_BUILD"]

# A task is {"chunks": [[channel, text], ...], "repeat": N}.
BOT = """
import json, sys
print('{"type":"ready"}', flush=True)
for line in sys.stdin:
    m = json.loads(line)
    if m["type"] == "ping":
        print(json.dumps({"type": "pong", "n": m["n"]}), flush=True)
    if m["type"] != "task":
        continue
    asked = json.loads(m["content"])
    one = "".join(json.dumps({"type": "chunk", "id": m["id"], "channel": c,
                              "text": t}) + "\\n" for c, t in asked["chunks"])
    for _ in range(asked["repeat"]):
        sys.stdout.write(one)
    print(json.dumps({"type": "done", "id": m["id"]}), flush=True)
"""


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(BUILD).start()
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.must("POST", "/bots", {
            "id": "TALK", "adapter": "process",
            "argv": [sys.executable, "-c", BOT]})
        cls.hive.wait_state("TALK", "ready")

    def conversation(self):
        return self.hive.must("POST", "/bots/TALK/conversations", {})["id"]

    def answer_of(self, conversation):
        def answered():
            page = self.hive.must(
                "GET", f"/bots/TALK/chat?conversation={conversation}")
            return [x for x in page["items"] if x["role"] == "assistant"
                    and x["status"] != "sent"]
        return self.hive.wait(answered)[0]

    def test_many_small_chunks_arrive_whole_and_in_order_of_channels(self):
        asked = {"chunks": [["thinking", "hm "], ["answer", "a\u00e9\n"],
                            ["answer", "b"], ["tool", "ls"]], "repeat": 3000}
        with self.hive.stream("POST", "/bots/TALK/chat", {
                "content": json.dumps(asked),
                "conversation": self.conversation()}) as stream:
            events = list(stream)
        self.assertEqual((events[0][0], events[-1][0]), ("accepted", "done"))
        got = []
        for name, data, _ in events[1:-1]:
            self.assertEqual(name, "chunk")
            if got and got[-1][0] == data["channel"]:
                got[-1][1] += data["text"]
            else:
                got.append([data["channel"], data["text"]])
        self.assertEqual(got, [["thinking", "hm "], ["answer", "a\u00e9\nb"],
                               ["tool", "ls"]] * 3000)

    def test_one_that_begins_to_read_late_gets_all_of_a_usual_answer(self):
        asked = {"chunks": [["answer", "word " * 20]], "repeat": 1000}
        conversation = self.conversation()
        with self.hive.stream("POST", "/bots/TALK/chat", {
                "content": json.dumps(asked),
                "conversation": conversation}) as stream:
            whole = self.answer_of(conversation)["content"]
            events = list(stream)
        self.assertEqual(events[-1][0], "done")
        self.assertEqual("".join(d["text"] for e, d, _ in events
                                 if e == "chunk"), whole)
        self.assertEqual(whole, "word " * 20000)

    def test_one_that_never_reads_is_cut_off_and_the_answer_is_kept(self):
        asked = {"chunks": [["answer", "x" * 4096]], "repeat": 2000}
        conversation = self.conversation()
        body = json.dumps({"content": json.dumps(asked),
                           "conversation": conversation}).encode()
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.connect(("127.0.0.1", self.hive.port))
            s.sendall(b"POST /api/v1/bots/TALK/chat HTTP/1.1\r\n"
                      b"Host: 127.0.0.1:%d\r\n" % self.hive.port +
                      b"Accept: text/event-stream\r\n"
                      b"Content-Type: application/json\r\n"
                      b"Authorization: Bearer " + self.hive.token.encode()
                      + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            answer = self.answer_of(conversation)
            s.settimeout(60)
            text = b""
            while b"event: resync" not in text:
                more = s.recv(1 << 16)
                self.assertTrue(more, "ended without a resync event")
                text = text[-64:] + more
        self.assertEqual((answer["status"], len(answer["content"])),
                         ("answered", 2000 * 4096))


if __name__ == "__main__":
    unittest.main()
