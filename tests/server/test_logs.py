# SPDX-License-Identifier: MIT
"""deiad's log, and traces through requests, tasks, bots, mail."""

import fcntl
import http.client
import json
import os
import signal
import subprocess
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

    def test_two_are_none(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.hive.port,
                                          timeout=WAIT_SECONDS)
        self.addCleanup(conn.close)
        conn.putrequest("POST", "/api/v1/messages")
        for name, value in (*self.hive.headers().items(),
                            ("traceparent", PARENT),
                            ("Traceparent", PARENT),
                            ("Content-Type", "application/json")):
            conn.putheader(name, value)
        body = b'{"to": "system", "content": "hi"}'
        conn.putheader("Content-Length", str(len(body)))
        conn.endheaders(body)
        sent = json.loads(conn.getresponse().read())
        self.assertNotEqual(trace_of(sent["traceparent"]), TRACE)

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



class Logs(unittest.TestCase):
    def hive(self, config="", **more):
        hive = Hive(config=config, **more)
        self.addCleanup(hive.__exit__)
        return hive.start()

    @staticmethod
    def file_of(hive):
        return os.path.join(hive.dir, "bot-logs", "deiad.jsonl")

    def events(self, hive):
        """Lines of the file, oldest first; each must be a JSON object."""
        got = [json.loads(line)
               for line in text_of(self.file_of(hive)).splitlines()]
        for e in got:
            self.assertIn(e["log.level"], ("error", "warn", "info", "debug"))
            self.assertRegex(e["@timestamp"],
                             r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$")
            self.assertIsInstance(e["message"], str)
        return got

    @staticmethod
    def ask(hive, request, path="/bots", **headers):
        return hive.call("GET", path, None,
                         {"X-Request-Id": request, **headers})[0]

    def of_request(self, hive, request):
        return [e for e in self.events(hive)
                if e.get("http.request.id") == request]

    def test_a_request_is_one_line_with_its_ids(self):
        hive = self.hive()
        self.assertEqual(self.ask(hive, "one", **HEADER), 200)
        e = until(lambda: self.of_request(hive, "one"))[0]
        self.assertEqual(
            (e["event.action"], e["trace.id"], e["http.request.method"],
             e["url.path"], e["deia.route"], e["http.response.status_code"],
             e["user.name"], e["client.address"], e["log.level"]),
            ("request", TRACE, "GET", "/api/v1/bots", "/api/v1/bots", 200,
             "admin", "127.0.0.1", "info"))
        self.assertNotEqual(e["span.id"], span_of(PARENT))
        self.assertGreater(e["event.duration"], 0)
        self.assertIn("request id=one GET /api/v1/bots status=200",
                      until(lambda: "id=one" in hive.log() and hive.log()))

    def test_a_trace_is_followed_through_the_log_alone(self):
        hive = self.hive()
        hive.launch("A", "process", argv=[sys.executable, "-c", BOT])
        hive.wait_state("A", "ready")
        hive.must("POST", "/tasks", {"content": "mail A", "bot": "A"},
                  HEADER)

        def actions():
            got = [e["event.action"] for e in hive.must(
                "GET", f"/logs?trace_id={TRACE}")["items"]]
            wanted = {"request", "task.submitted", "task.finished",
                      "message.queued"}
            # The mail of the bot, and its answer to that.
            return wanted <= set(got) and got.count(
                "message.queued") >= 2 and got
        self.assertEqual(until(actions).count("request"), 1)

    def test_what_was_left_out_is_told(self):
        hive = self.hive("logging: {lines_per_second: 20}\n")
        for i in range(200):
            self.assertEqual(self.ask(hive, f"r{i}"), 200)

        def told():
            return sum(e.get("deia.suppressed", 0)
                       for e in self.events(hive)
                       if e["event.action"] == "log.suppressed")

        def all_there():
            shown = sum("http.request.id" in e for e in self.events(hive))
            return shown + told() >= 200 and shown < 200
        until(all_there)

    def test_levels_and_requests_change_while_it_runs(self):
        hive = self.hive("logging: {level: error}\n")
        self.assertEqual(self.ask(hive, "silent"), 200)
        self.configure(hive, "logging: {level: info, format: logfmt}\n")
        until(lambda: "read again" in text_of(self.file_of(hive)))
        self.assertEqual(self.ask(hive, "loud"), 200)
        until(lambda: self.of_request(hive, "loud"))
        self.assertEqual(self.of_request(hive, "silent"), [])
        line = until(lambda: [t for t in hive.log().splitlines()
                              if "request_id=loud" in t])[0]
        self.assertRegex(line, '^time=[^ ]+ level=info event=request '
                               'msg="GET /api/v1/bots 200" ')
        self.configure(hive, "logging: {requests: none}\n")
        until(lambda: text_of(self.file_of(hive)).count("read again") == 2)
        self.assertEqual(self.ask(hive, "none"), 200)
        self.configure(hive, "logging: {requests: all}\n")
        until(lambda: text_of(self.file_of(hive)).count("read again") == 3)
        self.assertEqual(self.of_request(hive, "none"), [])

    @staticmethod
    def configure(hive, config):
        with open(os.path.join(hive.dir, "config.yaml"), "w",
                  encoding="utf-8") as f:
            f.write(config)
        hive.process.send_signal(signal.SIGHUP)

    def test_it_opens_its_file_anew(self):
        hive = self.hive()
        self.ask(hive, "before")
        until(lambda: self.of_request(hive, "before"))
        os.rename(self.file_of(hive), self.file_of(hive) + ".1")
        hive.process.send_signal(signal.SIGHUP)
        until(lambda: "logs reopened" in text_of(self.file_of(hive)))
        self.ask(hive, "after")
        until(lambda: self.of_request(hive, "after"))
        self.assertEqual(self.of_request(hive, "before"), [])
        # Both are read.
        for request in ("before", "after"):
            self.assertEqual(len(hive.must(
                "GET", f"/logs?request_id={request}")["items"]), 1)

    def test_filters(self):
        hive = self.hive()
        self.ask(hive, "f1", "/bots/NONE")
        until(lambda: self.of_request(hive, "f1"))

        def found(query):
            return [e.get("http.request.id")
                    for e in hive.must("GET", "/logs?" + query)["items"]]
        self.assertEqual(found("request_id=f1"), ["f1"])
        self.assertEqual(found("request_id=f1&level=warn"), [])
        self.assertEqual(found("request_id=f1&text=bots%2Fnone"), ["f1"])
        self.assertEqual(found("request_id=f1&since=2999-01-01T00:00:00Z"),
                         [])
        self.assertEqual(len(found("tail=1")), 1)
        for bad in ("level=loud", "since=yesterday", "tail=0", "x=1"):
            self.assertEqual(hive.call("GET", "/logs?" + bad)[0], 422, bad)

    def test_only_operators_read_it(self):
        hive = self.hive()
        for role, status in (("viewer", 403), ("operator", 200)):
            token = hive.must("POST", "/tokens", {
                "name": role, "role": role})["token"]
            self.assertEqual(hive.call("GET", "/logs", None, {
                "Authorization": f"Bearer {token}"})[0], status)

    def test_hostile_text_stays_one_line(self):
        hive = self.hive("logging: {format: logfmt}\n")
        hive.call("GET", "/bots/a%0a%1b%5b31m%e2%80%a8%ff", None,
                  {"X-Request-Id": "bad"})
        e = until(lambda: self.of_request(hive, "bad"))
        self.assertEqual(len(e), 1)
        log = until(lambda: "request_id=bad" in hive.log() and hive.log())
        for line in log.splitlines():
            self.assertRegex(line, "^time=")
        self.assertNotRegex(log, "[\x00-\x09\x0b-\x1f\x7f]")

    def test_nobody_reads_stderr(self):
        """Requests and the end go on; the file has it all."""
        hive = Hive(config="logging: {lines_per_second: 0}\n")
        self.addCleanup(hive.__exit__)
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        hive.process = subprocess.Popen(
            [hive.deiad, "--dir", hive.dir, "--port", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=write,
            text=True, env=hive.env, cwd=hive.dir)
        os.close(write)
        hive.port = int(hive.process.stdout.readline().rsplit(":", 1)[1])
        with open(os.path.join(hive.dir, "token"), encoding="utf-8") as f:
            hive.token = f.read().strip()
        for i in range(300):
            self.assertEqual(self.ask(hive, f"p{i}"), 200)
        until(lambda: self.of_request(hive, "p299"))
        self.assertEqual(hive.stop(), 0)

    def test_following(self):
        hive = self.hive()
        with hive.stream("GET", "/logs?follow=true&request_id=live") as got:
            self.ask(hive, "dead")
            self.ask(hive, "live")
            line = next(data["line"] for event, data, _ in got
                        if event == "line")
        self.assertEqual(json.loads(line)["http.request.id"], "live")


if __name__ == "__main__":
    unittest.main()
