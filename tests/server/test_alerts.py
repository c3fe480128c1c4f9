# SPDX-License-Identifier: MIT
"""What server/deploy/prometheus gives Prometheus: its own checkers find nothing,
every alert has a case in which it fires and one in which it does not, and a real
Prometheus that scrapes a real deiad understands all of it."""

import os
import re
import shutil
import subprocess
import unittest

from hive import Hive
from monitoring import prometheus_config
from prometheus import PROGRAM, Prometheus
from test_metrics import described

BUILD = os.environ["DEIA_BUILD"]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
KIT = os.path.join(ROOT, "server/deploy/prometheus")
PROMTOOL = shutil.which("promtool")
JOBS = ["deiad", "nginx", "node", "postgresql", "prometheus", "redis"]


def read(name):
    with open(os.path.join(KIT, name), encoding="utf-8") as f:
        return f.read()


def alerts():
    """Name -> its text."""
    parts = re.split(r"^ +- alert: (\w+)$", read("alerts.yml"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def promtool(*args):
    return subprocess.run([PROMTOOL, *args], text=True, cwd=KIT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Kit(unittest.TestCase):
    def test_ten_alerts_on_three_levels(self):
        levels = re.findall(r"severity: (\w+)", read("alerts.yml"))
        self.assertEqual(len(levels), len(alerts()))
        self.assertEqual({n: levels.count(n) for n in set(levels)},
                         {"critical": 3, "warning": 5, "info": 2})

    def test_six_jobs_are_scraped(self):
        self.assertEqual(
            sorted(re.findall(r"job_name: (\w+)", read("prometheus.yml"))),
            JOBS)

    def test_each_alert_has_a_case_that_fires_and_a_quiet_one(self):
        fires, quiet = set(), set()
        for case in read("alerts_test.yml").split("  - name: ")[1:]:
            expected = "exp_alerts:" in case
            for name in re.findall(r"alertname: (\w+)", case):
                (fires if expected else quiet).add(name)
        self.assertEqual(sorted(fires), sorted(alerts()))
        self.assertEqual(sorted(quiet), sorted(alerts()))

    def test_metrics_of_deiad_are_those_it_has(self):
        known = set(described())
        names = re.findall(r"\b((?:deia|process)_\w+)", read("alerts.yml"))
        self.assertGreater(len(names), 10)
        for name in names:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            self.assertTrue({name, base} & known, name)

    def test_each_alert_says_what_to_do(self):
        for name, text in alerts().items():
            with self.subTest(name):
                self.assertIn("summary:", text)
                self.assertIn("description:", text)


@unittest.skipUnless(PROMTOOL, "promtool (package prometheus) is not here")
class Promtool(unittest.TestCase):
    def good(self, *args):
        out = promtool(*args)
        self.assertEqual(out.returncode, 0, out.stdout)

    def test_rules_are_clean(self):
        self.good("check", "rules", "alerts.yml")

    def test_configuration_is_clean(self):
        self.good("check", "config", "--syntax-only", "prometheus.yml")

    def test_alerts_fire_and_stay_quiet(self):
        self.good("test", "rules", "alerts_test.yml")


@unittest.skipUnless(PROGRAM, "prometheus is not installed")
class Real(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(BUILD, "alerts:\n  receivers:\n    nobody:\n"
                        "      kind: exec\n      argv: [/bin/true]\n")
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.start()
        cls.hive.launch("BOT-1")
        cls.hive.wait_state("BOT-1", "ready")
        cls.hive.say("BOT-1", "hello")
        cls.hive.must("GET", "/api/v1/health/checks?fresh=true")
        cls.prometheus = Prometheus(prometheus_config(cls.hive))
        cls.addClassCleanup(cls.prometheus.__exit__)
        cls.prometheus.start()
        cls.prometheus.wait('up{job="deiad"} == 1')

    def test_what_deiad_prints_is_there(self):
        names = {labels["__name__"] for labels, _ in
                 self.prometheus.query('{job="deiad"}')}
        for name, (kind, _, _, _) in described().items():
            base = name + "_count" if kind == "histogram" else name
            if name not in ("deia_bot_resident_memory_bytes",
                            "deia_bot_cpu_seconds_total",
                            "deia_task_queue_wait_seconds"):
                self.assertIn(base, names)

    def test_the_figures_are_those_of_the_hive(self):
        self.assertEqual(self.prometheus.query(
            'deia_bot_turns_total{bot="BOT-1", outcome="done"}')[0][1], 1)
        self.assertEqual(self.prometheus.query(
            'sum(deia_bots{state="ready"})'), [({}, 1)])

    def test_its_rules_are_evaluated_without_an_error(self):
        groups = self.prometheus.ask("rules")["groups"]
        names = []
        for group in groups:
            for rule in group["rules"]:
                with self.subTest(rule["name"]):
                    names.append(rule["name"])
                    self.prometheus.query(rule["query"])
                    self.assertNotEqual(rule["health"], "err",
                                        rule.get("lastError"))
        self.assertEqual(sorted(names), sorted(alerts()))


if __name__ == "__main__":
    unittest.main()
