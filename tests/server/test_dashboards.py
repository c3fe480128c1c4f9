# SPDX-License-Identifier: MIT
"""The dashboards of server/deploy/grafana: well made, and every question that
they ask is answered by a real Prometheus that scraped a real deiad, PostgreSQL,
Redis, nginx and machine. Grafana itself is not in Debian; nothing runs it here.
"""

import importlib.util
import json
import math
import os
import re
import select
import sys
import time
import unittest

import exporters
import postgres
import prometheus
import redis
from hive import Hive
from monitoring import DEPLOY, deployed, prometheus_config
from test_metrics import described

BUILD = os.environ["DEIA_BUILD"]
KIT = os.path.join(DEPLOY, "grafana")
NAMES = ["bots", "cache", "database", "overview"]
EXPORTERS = ("postgres", "redis", "node", "nginx")
# Bots are looked at once a minute; five seconds after the start if they are up.
WAIT_SECONDS = 150
THEIRS = re.compile(r"(pg|redis|node|nginx)_\w+$|ALERTS$")


def missing():
    have = {f"prometheus-{e}-exporter": exporters.program(e)
            for e in EXPORTERS}
    have.update({"prometheus": prometheus.PROGRAM, "nginx": exporters.NGINX,
                 "redis-server": redis.PROGRAM,
                 "postgresql": not postgres.missing()})
    return " ".join(name for name, there in have.items() if not there)


def load(name):
    return json.loads(deployed(f"grafana/dashboards/{name}.json"))


def generated():
    sys.path.insert(0, KIT)
    try:
        spec = importlib.util.spec_from_file_location(
            "dashboards", os.path.join(KIT, "dashboards.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(KIT)
    return module.texts()


def questions(board):
    """(title, expression) of all that a dashboard asks."""
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def queries_of_variables(board):
    """(name, series, label) of each variable that Prometheus is asked for."""
    for v in board["templating"]["list"]:
        if v["type"] == "query":
            m = re.match(r"label_values\((.*), (\w+)\)$",
                         v["query"]["query"])
            yield v["name"], m.group(1), m.group(2)


def metrics_in(expression):
    """Names of metrics: words before { or [, or alone in brackets."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    found = set(re.findall(r"([a-zA-Z_]\w*)[{\[]", bare))
    return found | set(re.findall(r"\b((?:nginx|pg|redis|deia|node)_\w+)",
                                  bare))


class Made(unittest.TestCase):
    def each_panel(self):
        for name in NAMES:
            for panel in load(name)["panels"]:
                yield f"{name}: {panel['title']}", panel

    def test_they_are_what_the_generator_prints(self):
        for name, text in generated().items():
            self.assertEqual(
                text, deployed(f"grafana/dashboards/{name}"),
                f"{name}: run server/deploy/grafana/dashboards.py")
        self.assertEqual(sorted(os.listdir(os.path.join(KIT, "dashboards"))),
                         [f"{n}.json" for n in NAMES])

    def test_each_has_its_own_address_and_links_to_the_others(self):
        for name in NAMES:
            board = load(name)
            self.assertEqual(board["uid"], f"deia-{name}")
            self.assertEqual(board["schemaVersion"], 39)
            self.assertNotIn("id", board)
            self.assertEqual(board["links"][0]["tags"], board["tags"])
            self.assertTrue(board["links"][0]["includeVars"])
            self.assertTrue(board["description"])
        self.assertEqual(len({load(n)["title"] for n in NAMES}), 4)

    def test_panels_have_own_ids_and_do_not_overlap(self):
        for name in NAMES:
            taken, ids = {}, set()
            for panel in load(name)["panels"]:
                self.assertNotIn(panel["id"], ids)
                ids.add(panel["id"])
                at = panel["gridPos"]
                self.assertLessEqual(at["x"] + at["w"], 24)
                for x in range(at["x"], at["x"] + at["w"]):
                    for y in range(at["y"], at["y"] + at["h"]):
                        self.assertNotIn((x, y), taken, f"{name}: "
                                         f"{panel['title']}")
                        taken[x, y] = panel["title"]

    def test_each_panel_says_what_it_is(self):
        for where, panel in self.each_panel():
            self.assertTrue(panel["title"])
            if panel["type"] == "row":
                continue
            self.assertRegex(panel["description"], r"^[A-Z0-9].*\.$", where)
            defaults = panel["fieldConfig"]["defaults"]
            self.assertTrue(defaults["unit"])
            steps = defaults["thresholds"]["steps"]
            self.assertIsNone(steps[0]["value"])
            later = [s["value"] for s in steps[1:]]
            self.assertEqual(later, sorted(later))
            refs = [t["refId"] for t in panel["targets"]]
            self.assertEqual(len(set(refs)), len(refs))
            for source in (panel, *panel["targets"]):
                self.assertEqual(source["datasource"]["uid"],
                                 "${datasource}")

    def test_graphs_name_their_lines(self):
        for where, panel in self.each_panel():
            if panel["type"] == "timeseries":
                for target in panel["targets"]:
                    self.assertTrue(target["legendFormat"])
                    # A label in a legend is one that the query keeps.
                    for label in re.findall(r"{{(\w+)}}",
                                            target["legendFormat"]):
                        if " by (" in target["expr"]:
                            self.assertRegex(target["expr"],
                                             rf"by \([^)]*\b{label}\b",
                                             where)

    def test_variables_that_are_used_are_there(self):
        for name in NAMES:
            board = load(name)
            there = {v["name"] for v in board["templating"]["list"]}
            text = " ".join([e for _, e in questions(board)]
                            + [n["expr"] for n in
                               board["annotations"]["list"]]
                            + [q for _, q, _ in queries_of_variables(board)])
            used = set(re.findall(r"\$(\w+)", text)) - {"__rate_interval"}
            self.assertEqual(used | {"datasource"}, there)

    def test_metrics_are_those_that_are_described_or_an_exporters(self):
        known = set(described())
        seen = set()
        for name in NAMES:
            for title, expression in questions(load(name)):
                for metric in metrics_in(expression):
                    base = re.sub(r"_(bucket|sum|count)$", "", metric)
                    with self.subTest(f"{name}: {title}"):
                        self.assertTrue({metric, base} & known
                                        or THEIRS.match(metric), metric)
                    seen.add(base)
        # And most of what is described is shown somewhere.
        self.assertGreater(len(known & seen), 0.8 * len(known))

    def test_grafana_finds_them_where_the_guide_puts_them(self):
        provider = deployed("grafana/provisioning/dashboards/deia.yml")
        source = deployed("grafana/provisioning/datasources/prometheus.yml")
        self.assertIn("path: /var/lib/grafana/dashboards/deia", provider)
        self.assertIn("timeInterval: 15s", source)
        self.assertIn("scrape_interval: 15s",
                      deployed("prometheus/prometheus.yml"))


class Stack(unittest.TestCase):
    """All that Prometheus is configured to scrape, with work that was done."""

    @classmethod
    def enter(cls, what):
        what.__enter__()
        cls.addClassCleanup(what.__exit__, None, None, None)
        return what

    @classmethod
    def setUpClass(cls):
        if missing():
            raise unittest.SkipTest(f"not installed: {missing()}")
        pg = cls.enter(postgres.Cluster())
        own = cls.enter(redis.Redis())
        nginx = cls.enter(exporters.Nginx())
        url = pg.create("hive")
        of = {"postgres": url, "redis": own.url, "node": None,
              "nginx": f"http://127.0.0.1:{nginx.port}"}
        ports = {name: cls.enter(exporters.exporter(name, at)).port
                 for name, at in of.items()}
        ports["postgresql"] = ports.pop("postgres")
        cls.hive = cls.enter(Hive(
            BUILD, env={"DEIA_DATABASE_URL": url, "DEIA_REDIS_URL": own.url},
            args=["--port", str(redis.free_port())]))
        cls.launch()
        cls.prometheus = cls.enter(prometheus.Prometheus(
            prometheus_config(cls.hive, ports)))
        cls.prometheus.wait('up{job="deiad"} == 1')
        # A start that Prometheus sees; its bots are there soon after.
        cls.hive.stop()
        cls.prometheus.wait('up{job="deiad"} == 0')
        cls.hive.start()
        cls.prometheus.wait('up{job="deiad"} == 1')
        cls.work()
        # Of all questions together, so that many that fail take no hours.
        cls.limit = time.monotonic() + WAIT_SECONDS

    @classmethod
    def launch(cls):
        hive = cls.hive
        hive.launch("ECHO", on_message="reply")
        hive.launch("BAD", "process", argv=["/nonexistent/program"],
                    restart={"policy": "never", "max_restarts": 0,
                             "window_seconds": 60})
        hive.wait_state("ECHO", "ready")
        hive.wait_state("BAD", "failed")

    @classmethod
    def work(cls):
        """Some of everything, seen by Prometheus before and after."""
        hive = cls.hive
        hive.wait_state("ECHO", "ready", "busy")
        # Some histograms begin with what they first count.
        hive.say("ECHO", "hello")
        hive.must("POST", "/tasks", {"content": "say it"})
        cls.prometheus.wait("deia_bot_answer_duration_seconds_count > 0 and "
                            "on () deia_task_queue_wait_seconds_count > 0")
        for n in range(3):
            hive.say("ECHO", f"hello {n}")
            hive.must("POST", "/messages", {"to": "ECHO", "content": "hi"})
            task = hive.must("POST", "/tasks", {"content": f"say {n}"})["id"]
            hive.wait(lambda t=task: hive.must("GET", f"/tasks/{t}")[
                "status"] == "succeeded")
            hive.lines("ECHO")
            hive.must("GET", "/tasks")
        hive.wait(lambda: hive.must("GET", "/messages?status=read")["items"])

    @staticmethod
    def filled(board, text):
        for v in board["templating"]["list"]:
            text = text.replace(f"${v['name']}", v.get("allValue", ""))
        return text.replace("$__rate_interval", "5m")

    def answered(self, expression):
        """Waits until one series has a number."""
        fd = os.pidfd_open(self.hive.process.pid)
        try:
            while True:
                found = self.prometheus.query(expression)
                if any(math.isfinite(value) for _, value in found):
                    return
                # Waits for deiad's end, which would be a fault.
                if (select.select([fd], [], [], 0.1)[0]
                        or time.monotonic() > self.limit):
                    break
        finally:
            os.close(fd)
        self.fail(f"{expression}: nothing, or no number: {found}")

    def asked(self, name):
        board = load(name)
        for title, expression in questions(board):
            with self.subTest(f"{title}: {expression}"):
                self.answered(self.filled(board, expression))
        for variable, series, label in queries_of_variables(board):
            with self.subTest(variable):
                found = self.prometheus.ask(
                    "series", **{"match[]": self.filled(board, series)})
                self.assertTrue([s for s in found if s.get(label)])

    def test_a_start_of_deiad_is_noted_on_each(self):
        for name in NAMES:
            board = load(name)
            for note in board["annotations"]["list"]:
                self.answered(self.filled(board, note["expr"]))

    def test_overview_is_answered(self):
        self.asked("overview")

    def test_bots_is_answered(self):
        self.asked("bots")

    def test_database_is_answered(self):
        self.asked("database")

    def test_cache_is_answered(self):
        self.asked("cache")

    def test_what_is_configured_is_scraped(self):
        # Prometheus itself has no fixed port here.
        self.assertEqual({labels["job"] for labels, value in
                          self.prometheus.query("up == 1")},
                         {"deiad", "postgresql", "redis", "node", "nginx"})


if __name__ == "__main__":
    unittest.main()
