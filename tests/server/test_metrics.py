# SPDX-License-Identifier: MIT
"""GET /metrics: what is counted moves as work is done, and ends with its bot;
the page is clean, bounded, and the one that docs/metrics.md describes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import raw
from hive import Hive, WAIT_SECONDS
from prometheus import Page

BUILD = os.environ["DEIA_BUILD"]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PROMTOOL = shutil.which("promtool")
PLACES = re.compile(r"\{\w+\}")


def text_of(hive):
    return hive.must("GET", "/metrics")


def look(hive):
    return Page(text_of(hive))


def described():
    """Name -> (type, unit, labels) of the tables in docs/metrics.md."""
    found = {}
    with open(os.path.join(ROOT, "docs/metrics.md"), encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            m = re.match(r"`(\w+)`$", cells[0])
            if m and len(cells) == 5:
                if m.group(1) in found:
                    raise AssertionError(f"{m.group(1)} is there twice")
                found[m.group(1)] = (cells[1], cells[2], sorted(
                    re.findall(r"`(\w+)`", cells[3])), cells[4])
    return found


class Counting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(BUILD)
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.start()
        cls.hive.launch("BOT-1")
        cls.hive.wait_state("BOT-1", "ready")

    def grown(self, act, name, **labels):
        """By how much a value grew while act() ran."""
        before = look(self.hive).value(name, **labels)
        act()
        return look(self.hive).value(name, **labels) - before

    def test_requests_are_counted_by_route_and_code(self):
        get = {"method": "GET", "route": "/api/v1/bots/{id}"}
        grown = self.grown(lambda: self.hive.call("GET", "/bots/BOT-1"),
                           "deia_http_requests_total", code="200", **get)
        self.assertEqual(grown, 1)
        grown = self.grown(lambda: self.hive.call("GET", "/bots/none"),
                           "deia_http_requests_total", code="404", **get)
        self.assertEqual(grown, 1)
        name = "deia_http_request_duration_seconds"
        grown = self.grown(lambda: self.hive.call("GET", "/bots/BOT-1"),
                           name + "_count", **get)
        self.assertEqual(grown, 1)

    def test_the_quick_answer_of_health_is_counted(self):
        grown = self.grown(lambda: self.hive.call("GET", "/health"),
                           "deia_http_requests_total", route="/health",
                           code="200")
        self.assertEqual(grown, 1)

    def test_unknown_paths_are_one_label(self):
        paths = [f"/api/v1/there/is/no/{n}" for n in range(20)]
        paths += [f"/api/v1/bots/x{n}/y{n}" for n in range(20)]
        before = {tuple(sorted(labels.items())) for labels, _ in
                  look(self.hive).all("deia_http_requests_total")}

        def ask():
            for path in paths:
                self.assertEqual(self.hive.call("GET", path)[0], 404)
        grown = self.grown(ask, "deia_http_requests_total",
                           route="unmatched", code="404")
        self.assertEqual(grown, 40)
        after = {tuple(sorted(labels.items())) for labels, _ in
                 look(self.hive).all("deia_http_requests_total")}
        self.assertLessEqual(
            {dict(key)["route"] for key in after - before},
            {"unmatched", "/metrics"})

    def test_requests_that_are_none_are_one_label(self):
        head = b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
        grown = self.grown(
            lambda: self.assertEqual(
                raw.send(self.hive.port, head).status, 400),
            "deia_http_requests_total", route="malformed", code="400")
        self.assertEqual(grown, 1)

    def test_a_loop_that_stood_still_is_seen(self):
        name = "deia_event_loop_delay_seconds"

        def late():
            page = look(self.hive)
            return (page.value(name + "_count")
                    - page.value(name + "_bucket", le="0.25"))
        before = late()
        pid = self.hive.process.pid
        with socket.create_connection(("127.0.0.1", self.hive.port)) as sock:
            sock.settimeout(0.8)
            os.kill(pid, signal.SIGSTOP)
            try:
                with self.assertRaises(TimeoutError):
                    sock.recv(1)
            finally:
                os.kill(pid, signal.SIGCONT)
        # A request may be answered before the timer that is late.
        limit = time.monotonic() + WAIT_SECONDS
        while late() == before and time.monotonic() < limit:
            pass
        self.assertGreater(late(), before)

    def test_a_queue_that_stands_is_seen(self):
        self.hive.must("POST", "/queues/writing/pause", {})
        self.hive.must("POST", "/tasks", {"content": "x", "type": "writing"})
        page = look(self.hive)
        self.assertEqual(page.value("deia_tasks_by_type", type="writing",
                                    state="queued"), 1)
        self.assertEqual(page.value("deia_tasks", status="queued"), 1)
        age = page.value("deia_task_queue_oldest_seconds", type="writing")
        self.assertGreaterEqual(
            look(self.hive).value("deia_task_queue_oldest_seconds",
                                  type="writing"), age)
        self.assertEqual(page.value("deia_task_queue_oldest_seconds",
                                    type="general"), 0)

    def test_a_stream_has_no_duration(self):
        route = "/api/v1/events"
        with self.hive.stream("GET", "/events?after=0") as events:
            next(iter(events))
        page = look(self.hive)
        self.assertEqual(page.value("deia_http_request_duration_seconds_count",
                                    route=route), 0)

    def test_every_histogram_adds_up(self):
        self.hive.say("BOT-1", "hello")
        page = look(self.hive)
        seen = 0
        for family in page.families.values():
            if family.type != "histogram":
                continue
            series = {}
            for name, labels, value in family.samples:
                key = tuple(sorted((k, v) for k, v in labels.items()
                                   if k != "le"))
                series.setdefault(key, {}).setdefault(
                    name.removeprefix(family.name), []).append(
                        (labels.get("le"), value))
            for key, parts in series.items():
                with self.subTest(family.name, key=key):
                    buckets = [value for _, value in parts["_bucket"]]
                    bounds = [float(le) for le, _ in parts["_bucket"]]
                    self.assertEqual(buckets, sorted(buckets))
                    self.assertEqual(bounds, sorted(set(bounds)))
                    self.assertEqual(parts["_bucket"][-1][0], "+Inf")
                    self.assertEqual(buckets[-1], parts["_count"][0][1])
                    seen += 1
        self.assertGreater(seen, 2)

    def test_messages_are_counted(self):
        self.hive.launch("MAIL-1", adapter="external")
        before = look(self.hive)
        sent = self.hive.must("POST", "/messages", {
            "to": "MAIL-1", "from": "system", "content": "Hi!"})
        got = self.hive.must("POST", "/bots/MAIL-1/inbox/receive", {})
        self.hive.must("POST", f"/messages/{sent['id']}/read",
                       {"bot": "MAIL-1",
                        "lease_token": got["items"][0]["lease_token"]})
        after = look(self.hive)
        for name in ("sent", "delivered", "read"):
            total = f"deia_messages_{name}_total"
            self.assertEqual(after.value(total) - before.value(total), 1)
        name = "deia_message_delivery_seconds_count"
        self.assertEqual(after.value(name) - before.value(name), 1)
        self.assertEqual(after.value("deia_messages", status="read")
                         - before.value("deia_messages", status="read"), 1)

    def test_a_turn_moves_the_figures_of_its_bot(self):
        before = look(self.hive)
        self.hive.say("BOT-1", "one two three")
        after = look(self.hive)

        def grown(name, **labels):
            return after.value(name, **labels) - before.value(name, **labels)
        self.assertEqual(grown("deia_bot_turns_total", bot="BOT-1",
                               outcome="done"), 1)
        self.assertEqual(grown("deia_bot_turns_total", bot="BOT-1"), 1)
        self.assertEqual(grown("deia_bot_answer_duration_seconds_count",
                               bot="BOT-1"), 1)
        self.assertEqual(grown("deia_turn_wait_seconds_count", kind="chat"), 1)
        self.assertGreater(grown("deia_events_total"), 0)
        for operation in ("transaction", "group"):
            self.assertGreater(grown(
                "deia_store_operation_duration_seconds_count",
                operation=operation), 0)
        self.assertEqual(
            grown("deia_store_group_transactions_count"),
            grown("deia_store_operation_duration_seconds_count",
                  operation="group"))
        self.assertEqual(
            grown("deia_store_group_transactions_sum"),
            grown("deia_store_transactions_total"))

    def test_reads_of_the_store_are_timed(self):
        grown = self.grown(
            lambda: self.hive.must("GET", "/messages?status=failed"),
            "deia_store_operation_duration_seconds_count", operation="page")
        self.assertGreater(grown, 0)

    def test_a_failed_turn_is_told_apart(self):
        self.hive.launch("SLOW-1", adapter="external")
        before = look(self.hive)
        task = self.hive.must("POST", "/tasks", {
            "content": "sing", "bot": "SLOW-1", "max_attempts": 1})["id"]
        got = self.hive.must("POST", "/tasks/claim", {
            "bot": "SLOW-1", "wait_seconds": 20})
        self.assertEqual(look(self.hive).value(
            "deia_bot_open_turns", bot="SLOW-1", state="running"), 1)
        self.hive.must("POST", f"/tasks/{got['task']['id']}/fail", {
            "lease_token": got["lease_token"], "message": "it broke",
            "retryable": False})
        self.hive.wait(lambda: self.hive.must(
            "GET", f"/tasks/{task}")["status"] == "failed")
        after = look(self.hive)

        def grown(name, **labels):
            return after.value(name, **labels) - before.value(name, **labels)
        self.assertEqual(grown("deia_bot_turns_total", bot="SLOW-1",
                               outcome="failed"), 1)
        self.assertEqual(grown("deia_tasks_finished_total",
                               status="failed"), 1)
        self.assertEqual(grown("deia_task_queue_wait_seconds_count"), 1)
        self.assertEqual(grown("deia_turn_wait_seconds_count", kind="task"), 1)
        self.assertEqual(grown("deia_routing_decisions_total",
                               decision="start"), 1)
        self.assertEqual(after.value("deia_bot_answer_duration_seconds_count",
                                     bot="SLOW-1"), 0)

    def test_a_bot_that_dies_is_counted(self):
        self.hive.launch("DIES-1")
        pid = self.hive.wait_state("DIES-1", "ready")["pid"]
        restarts = {"name": "deia_bot_restarts_total", "bot": "DIES-1"}
        self.assertEqual(look(self.hive).value(**restarts), 0)
        os.kill(pid, signal.SIGKILL)
        self.hive.wait(lambda: self.hive.must("GET", "/bots/DIES-1")["pid"]
                       not in (pid, None))
        self.hive.wait_state("DIES-1", "ready")
        self.assertEqual(look(self.hive).value(**restarts), 1)

    def test_series_end_with_their_bot(self):
        self.hive.launch("GONE-1")
        self.hive.wait_state("GONE-1", "ready")
        self.hive.say("GONE-1", "hello")
        self.assertIn('bot="GONE-1"', text_of(self.hive))
        ready = look(self.hive).value("deia_bots", state="ready")
        self.hive.must("DELETE", "/bots/GONE-1?force=true")
        self.assertNotIn("GONE-1", text_of(self.hive))
        self.assertEqual(look(self.hive).value("deia_bots", state="ready"),
                         ready - 1)

    def test_asking_changes_nothing_but_its_own_count(self):
        def stable(page):
            return [(name, labels, value)
                    for f in page.families.values()
                    for name, labels, value in f.samples
                    if f.name.startswith("deia_")
                    and not f.name.startswith(("deia_http", "deia_event_loop",
                                               "deia_task_queue_oldest"))]
        first, second = look(self.hive), look(self.hive)
        self.assertEqual([f for f in first.families],
                         [f for f in second.families])
        self.assertEqual(stable(first), stable(second))


class Access(unittest.TestCase):
    def test_who_may_read_it(self):
        with Hive(BUILD) as hive:
            admin = hive.token
            self.assertEqual(hive.call("GET", "/metrics")[0], 200)
            for role, status in (("viewer", 200), ("operator", 200)):
                hive.token = admin
                hive.token = hive.must("POST", "/tokens", {
                    "name": "scraper", "role": role})["token"]
                self.assertEqual(hive.call("GET", "/metrics")[0], status)
            hive.token = "deia_none"
            self.assertEqual(hive.call("GET", "/metrics")[0], 401)
            hive.headers = lambda more=None: dict(more or {})
            status, problem = hive.call("GET", "/metrics")
            self.assertEqual(status, 401)
            self.assertEqual(problem["code"], "unauthenticated")

    def test_a_bot_may_not(self):
        with Hive(BUILD) as hive:
            hive.token = hive.launch("EXT-1", adapter="external")["token"]
            self.assertEqual(hive.call("GET", "/metrics")[0], 403)


class Bounded(unittest.TestCase):
    def test_a_thousand_bots_have_series_and_no_more(self):
        config = "store:\n  durability: memory\n"
        with Hive(BUILD, config=config) as hive:
            for n in range(1003):
                hive.launch(f"BOT-{n:04}", adapter="external")
            text = text_of(hive)
            page = Page(text)
            self.assertEqual(len(page.all("deia_bot_state")), 1000)
            self.assertEqual(page.value("deia_bots_left_out"), 3)
            self.assertEqual(page.value("deia_bots"), 1003)
            self.assertNotIn("BOT-1000", text)
            hive.must("DELETE", "/bots/BOT-0000?force=true")
            page = look(hive)
            self.assertEqual(page.value("deia_bots_left_out"), 2)
            self.assertEqual(page.value("deia_bot_state", bot="BOT-1000"), 1)


class Described(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(BUILD)
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.start()
        cls.hive.launch("BOT-1", model='odd "model" \\ name')
        cls.hive.wait_state("BOT-1", "ready")
        cls.hive.say("BOT-1", "hello")
        task = cls.hive.must("POST", "/tasks", {"content": "sing"})["id"]
        cls.hive.wait(lambda: cls.hive.must("GET", f"/tasks/{task}")["status"]
                      == "succeeded")
        cls.text = text_of(cls.hive)
        cls.page = Page(cls.text)

    def test_docs_and_page_name_the_same_metrics(self):
        self.assertEqual(sorted(described()), sorted(self.page.families))

    def test_types_and_labels_are_those_of_the_docs(self):
        table = described()
        for family in self.page.families.values():
            with self.subTest(family.name):
                kind, _, labels, _ = table[family.name]
                self.assertEqual(kind, family.type)
                if family.samples:
                    self.assertEqual(labels, family.label_names())

    def test_units_are_in_the_names(self):
        for name, (kind, unit, _, _) in described().items():
            with self.subTest(name):
                if unit in ("seconds", "bytes"):
                    self.assertIn(f"_{unit}", name)
                self.assertEqual(kind == "counter", name.endswith("_total"))

    def test_routes_are_patterns_of_the_table(self):
        out = subprocess.run([self.hive.deiad, "--routes"], text=True,
                             capture_output=True, check=True).stdout
        for labels, _ in self.page.all("deia_http_requests_total"):
            self.assertIn(f'"{labels["route"]}"', out + '"unmatched"')

    def test_text_in_a_label_is_escaped(self):
        models = {labels["model"] for labels, _ in
                  self.page.all("deia_bot_info", bot="BOT-1")}
        self.assertEqual(models, {'odd "model" \\ name'})

    @unittest.skipUnless(PROMTOOL, "promtool (package prometheus) is not here")
    def test_promtool_finds_nothing(self):
        out = subprocess.run([PROMTOOL, "check", "metrics"], text=True,
                             input=self.text, capture_output=True, check=False)
        self.assertEqual((out.returncode, out.stdout + out.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
