# SPDX-License-Identifier: MIT
"""Traces through requests, tasks, bots, model servers and mail."""

import os
import sys
import textwrap
import time
import unittest

from fake_model import FakeModel
from hive import WAIT_SECONDS, Hive

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
HEADER = {"traceparent": PARENT}

# Answers a task with the lines it got, and sends mail meanwhile.
BOT = textwrap.dedent("""
    import json, sys
    def say(**line):
        print(json.dumps(line), flush=True)
    for line in sys.stdin:
        got = json.loads(line)
        if got["type"] == "init":
            say(type="ready")
        elif got["type"] == "task":
            if got["content"].startswith("mail "):
                say(type="send", ref="r", to=got["content"][5:],
                    content="hello")
            if got["content"].startswith("task "):
                say(type="submit", ref="r", content="below",
                    bot=got["content"][5:])
            say(type="done", id=got["id"], text=got.get("traceparent", ""))
        elif got["type"] == "message":
            say(type="send", ref="m", to="system", reply_to=got["id"],
                content=got.get("traceparent", ""))
            say(type="ack", id=got["id"])
        elif got["type"] == "shutdown":
            break
""")


def trace_of(traceparent):
    return traceparent.split("-")[1]


def span_of(traceparent):
    return traceparent.split("-")[2]


def text_of(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def until(holds):
    """Asks again and again until it is so."""
    limit = time.monotonic() + WAIT_SECONDS
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError("still not so")


class Traces(unittest.TestCase):
    def setUp(self):
        self.hive = Hive()
        self.addCleanup(self.hive.__exit__)
        self.hive.start()

    def own_bot(self, name):
        self.hive.launch(name, "process", argv=[sys.executable, "-c", BOT])
        self.hive.wait_state(name, "ready")

    def submit(self, bot, content, headers=None):
        return self.hive.must("POST", "/tasks", {
            "content": content, "bot": bot},
            HEADER if headers is None else headers)

    def ended(self, task):
        def holds():
            got = self.hive.must("GET", f"/tasks/{task}")
            return got if got["finished_at"] else None
        return self.hive.wait(holds)

    def mail_of(self, a, b):
        def holds():
            got = self.hive.must("GET", f"/conversations/{a}/{b}")
            return got["items"]
        return self.hive.wait(holds)

    def test_from_a_task_to_the_model_server(self):
        with FakeModel() as model:
            self.hive.launch("M", "ollama", model="ok", base_url=model.url)
            self.hive.wait_state("M", "ready")
            task = self.submit("M", "hello")
            self.assertEqual(trace_of(task["traceparent"]), TRACE)
            self.assertNotEqual(span_of(task["traceparent"]),
                                span_of(PARENT))
            self.assertEqual(self.ended(task["id"])["status"], "succeeded")
            self.assertEqual(self.hive.call(
                "POST", "/bots/M/chat", {"content": "hi"}, HEADER)[0], 200)
            sent = [{k.lower(): v for k, v in head.items()}["traceparent"]
                    for path, _body, head in model.requests
                    if path == "/api/chat"]
        self.assertEqual([trace_of(s) for s in sent], [TRACE, TRACE])
        spans = {span_of(s) for s in sent}
        self.assertEqual(len(spans), 2)
        self.assertNotIn(span_of(task["traceparent"]), spans)

    def test_from_a_task_to_mail_and_its_answer(self):
        self.own_bot("A")
        self.own_bot("B")
        task = self.submit("A", "mail B")
        self.assertEqual(
            trace_of(self.ended(task["id"])["result"]["text"]), TRACE)
        sent = self.mail_of("A", "B")[0]
        self.assertEqual(trace_of(sent["traceparent"]), TRACE)
        answer = self.mail_of("B", "system")[0]
        self.assertEqual(trace_of(answer["content"]), TRACE)
        self.assertEqual(trace_of(answer["traceparent"]), TRACE)

    def test_from_a_task_to_one_that_its_bot_submits(self):
        self.own_bot("A")
        self.own_bot("B")
        self.submit("A", "task B")

        def below():
            got = self.hive.must("GET", "/tasks?bot=B")["items"]
            return got[0] if got else None
        self.assertEqual(
            trace_of(self.hive.wait(below)["traceparent"]), TRACE)

    def test_a_command_finds_it_in_its_environment(self):
        self.hive.launch("E", "exec", argv=[
            sys.executable, "-c",
            "import os; print(os.environ.get('TRACEPARENT', 'none'))"])
        self.hive.wait_state("E", "ready")
        task = self.submit("E", "hello")
        self.assertEqual(
            trace_of(self.ended(task["id"])["result"]["text"]), TRACE)

    def test_what_is_none_begins_a_new_one(self):
        self.own_bot("A")
        seen = {TRACE}
        for bad in (None, "", "x", PARENT.upper(), "ff" + PARENT[2:],
                    PARENT + "-more", PARENT.replace(TRACE, "0" * 32)):
            task = self.submit("A", "hello",
                               {} if bad is None else {"traceparent": bad})
            trace = trace_of(task["traceparent"])
            self.assertNotIn(trace, seen, bad)
            seen.add(trace)

    def test_it_outlives_a_restart(self):
        self.hive.launch("X", "external")
        task = self.submit("X", "hello")
        sent = self.hive.must("POST", "/messages", {
            "to": "X", "content": "hi"}, HEADER)
        self.assertEqual(trace_of(sent["traceparent"]), TRACE)
        self.hive.kill()
        self.hive.start()
        self.assertEqual(self.hive.must("GET", f"/tasks/{task['id']}")[
            "traceparent"], task["traceparent"])
        got = self.hive.must("POST", "/bots/X/inbox/receive", {"max": 1})
        self.assertEqual(got["items"][0]["traceparent"],
                         sent["traceparent"])
        claim = self.hive.must("POST", "/tasks/claim", {
            "bot": "X", "wait_seconds": 60})
        self.assertEqual(trace_of(claim["task"]["traceparent"]), TRACE)

    def test_events_and_journal_name_it(self):
        self.own_bot("A")
        self.submit("A", "mail A")
        journal = os.path.join(self.hive.dir, "bot-logs",
                               "bot-messaging.jsonl")

        self.assertTrue(until(lambda: TRACE in text_of(journal)))


if __name__ == "__main__":
    unittest.main()
