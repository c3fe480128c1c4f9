# SPDX-License-Identifier: MIT
"""From a bot that dies to who is told, and back, through real programs alone:
deiad, Prometheus with our rules, Alertmanager with our routes."""

import os
import re
import shutil
import signal
import tempfile
import unittest

import alertmanager
import prometheus
from hive import Hive
from listener import Listener, Mailbox
from monitoring import alertmanager_config, prometheus_config, quick_rules
from redis import free_port

BUILD = os.environ["DEIA_BUILD"]
CRASHES = "DeiaBotCrashes"


def of(name, status, bot=None):
    """Picks a webhook's message about this alert."""
    def holds(body):
        return (body["status"] == status
                and body["groupLabels"].get("alertname") == name
                and (bot is None or any(a["labels"].get("bot") == bot
                                        for a in body["alerts"])))
    return holds


@unittest.skipUnless(prometheus.PROGRAM, "prometheus is not installed")
@unittest.skipUnless(alertmanager.PROGRAM,
                     "prometheus-alertmanager is not installed")
class Chain(unittest.TestCase):
    @classmethod
    def enter(cls, what):
        what.__enter__()
        cls.addClassCleanup(what.__exit__, None, None, None)
        return what

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="deia-chain-")
        cls.addClassCleanup(shutil.rmtree, folder)
        # It comes back at the same address.
        cls.hive = cls.enter(Hive(BUILD, args=["--port", str(free_port())]))
        cls.web = cls.enter(Listener())
        cls.mail = cls.enter(Mailbox())
        cls.manager = cls.enter(alertmanager.Alertmanager(
            alertmanager_config(folder, cls.web, cls.mail)))
        cls.prometheus = cls.enter(prometheus.Prometheus(prometheus_config(
            cls.hive, rules=quick_rules(folder),
            # A busy machine may take its time for a scrape.
            alertmanager=cls.manager.port, interval="1s")))
        cls.prometheus.wait('up{job="deiad"} == 1')

    def launch(self, bot, max_restarts):
        self.hive.launch(bot, restart={
            "policy": "always", "max_restarts": max_restarts,
            "window_seconds": 600})
        self.hive.wait_state(bot, "ready")
        self.prometheus.wait(f'deia_bot_restarts_total{{bot="{bot}"}}')

    def kill(self, bot, times):
        """Kills it, again once it is back; the last time it need not be."""
        for _ in range(times):
            info = self.hive.wait_state(bot, "ready")
            os.kill(info["pid"], signal.SIGKILL)
            self.hive.wait(lambda pid=info["pid"]: self.hive.must(
                "GET", f"/bots/{bot}")["pid"] != pid)

    def test_1_a_bot_that_fails_is_told_and_its_repair_too(self):
        self.launch("FAILS", max_restarts=2)
        self.kill("FAILS", 3)
        self.hive.wait_state("FAILS", "failed")
        told = self.web.wait("/hook/slack", of(CRASHES, "firing", "FAILS"))
        self.assertEqual(told["commonLabels"]["severity"], "warning")
        self.assertEqual(told["commonLabels"]["job"], "deiad")
        self.assertIn("bot logs FAILS", told["commonAnnotations"]
                      ["description"])

        self.hive.must("POST", "/bots/FAILS/start")
        over = self.web.wait("/hook/slack", of(CRASHES, "resolved", "FAILS"))
        self.assertEqual(over["groupKey"], told["groupKey"])
        self.hive.must("DELETE", "/bots/FAILS?force=true")

        # As Slack and the mail server see it.
        title = "bot FAILS at .* keeps dying"
        for status, color in (("WARNING", "warning"), ("RESOLVED", "good")):
            want = re.compile(rf"\[{status}\] {title}")
            slack = self.web.wait("/slack", lambda b, want=want: want.match(
                b["attachments"][0]["title"]))
            self.assertEqual(slack["attachments"][0]["color"], color)
            self.mail.wait(lambda text, want=want: re.search(
                r"^Subject: " + want.pattern, text, re.M))
        # A warning wakes nobody.
        self.assertFalse([b for p, b in self.web.kept.items
                          if p == "/hook/pagerduty" and CRASHES in b])

    def test_2_a_bot_that_keeps_dying_is_told_until_it_is_removed(self):
        self.launch("DIES", max_restarts=20)
        self.kill("DIES", 3)
        self.web.wait("/hook/email", of(CRASHES, "firing", "DIES"))
        self.hive.must("DELETE", "/bots/DIES?force=true")
        self.web.wait("/hook/email", of(CRASHES, "resolved", "DIES"))

    def test_3_a_hive_that_is_down_calls_somebody_and_holds_others_back(self):
        self.hive.kill()
        page = self.web.wait("/pagerduty", lambda b:
                             b["event_action"] == "trigger")
        self.assertEqual(page["payload"]["severity"], "critical")
        self.assertIn("does not answer", page["payload"]["summary"])
        self.assertIn("systemctl status deiad",
                      page["payload"]["custom_details"]["what to do"])

        down = self.manager.wait("DeiadDown")
        # What is slow because it is down: nobody is told of it.
        labels = {"alertname": "DeiaSlow", "severity": "warning",
                  "instance": down["labels"]["instance"]}
        self.manager.call("POST", "alerts", [{"labels": labels}])
        held = self.manager.wait("DeiaSlow")
        self.assertEqual(held["status"]["state"], "suppressed")
        self.assertEqual(held["status"]["inhibitedBy"],
                         [down["fingerprint"]])

        self.hive.start()
        over = self.web.wait("/pagerduty", lambda b:
                             b["event_action"] == "resolve")
        self.assertEqual(over["dedup_key"], page["dedup_key"])
        for receiver in ("pagerduty", "slack", "email"):
            self.web.wait(f"/hook/{receiver}", of("DeiadDown", "resolved"))


if __name__ == "__main__":
    unittest.main()
