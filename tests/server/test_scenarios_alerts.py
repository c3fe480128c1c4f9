# SPDX-License-Identifier: MIT
"""Scenarios of alerts: people, restarts, rules that change, parts that are
away, and a load that comes and goes."""

import sys
import unittest

from fake_model import FakeModel
from redis import PROGRAM as REDIS
from redis import Redis, free_port
from stories import RULES, Story, rule
from tasking import BOT


class Alerts(Story):
    def failed(self, name):
        bot = self.teller(name)
        self.murder(bot)
        return bot, self.fires("dead", bot)

    def acknowledge(self, alert, reason=""):
        return self.must("operator", "POST",
                         f"/alerts/{alert['id']}/acknowledge",
                         {"reason": reason})

    def test_acknowledged_it_is_told_once_over_a_kill_of_deiad(self):
        self.rules(rule("few", "hive.bots", 100, "<"))
        alert = self.fires("few")
        self.acknowledge(alert, "I know.")
        self.journal_has(alert, "alert_generated", "alert_acknowledged")
        self.hive.kill()
        self.hive.start()
        again = self.fires("few")
        self.looked()
        again = self.fires("few")
        self.assertEqual((again["id"], again["told"], again["step"],
                          again["acknowledged"]["reason"]),
                         (alert["id"], True, 0, "I know."))
        self.assertEqual(len(self.alerts("few")), 1)
        self.assertEqual(self.journal(alert),
                         ["alert_generated", "alert_acknowledged"])

    def test_a_rule_that_changes_moves_what_fires(self):
        self.rules(rule("few", "hive.bots", 100, "<"))
        alert = self.acknowledge(self.fires("few"))
        self.rules(rule("few", "hive.bots", 100, "<", level="critical"))
        now = self.becomes("few", level="critical")
        self.assertEqual((now["id"], now["acknowledged"]),
                         (alert["id"], None))  # that was of a warning
        self.assertEqual(self.status("CRITICAL")[0], 503)
        self.rules(rule("few", "hive.bots", 100, "<"))
        self.becomes("few", level="warning")
        self.rules(rule("few", "hive.bots", 0, "<"))
        self.ends("few")
        self.journal_has(alert, "alert_generated", "alert_acknowledged",
                         "alert_escalated", "alert_deescalated",
                         "alert_resolved")
        self.assertEqual(self.status("HEALTHY")[0], 200)

    def test_silenced_it_stays_silent_for_the_next_one_too(self):
        self.rules(rule("dead", "bot.failed", 1))
        bot, alert = self.failed("noisy")
        told = self.must("operator", "POST", f"/alerts/{alert['id']}/silence",
                         {"minutes": 60, "reason": "at night"})
        self.assertEqual(told["silenced"]["by"], "operator")
        self.assertEqual(self.health()["alerts"]["silenced"], 1)
        self.start(bot)
        self.ends("dead", bot)
        self.murder(bot)
        later = self.becomes("dead", bot, state="firing")
        self.assertNotEqual(later["id"], alert["id"])
        self.assertEqual((later["told"], later["silenced"]["until"]),
                         (False, told["silenced"]["until"]))
        # The status says what is, not who knows.
        self.assertEqual(self.probe()[1]["status"], "DEGRADED")
        self.must("operator", "POST", f"/alerts/{later['id']}/silence",
                  {"minutes": 0})
        self.becomes("dead", bot, told=True)

    def test_resolved_by_hand_it_is_quiet_until_it_is_worse(self):
        self.rules(rule("dead", "bot.failed", 1))
        bot, alert = self.failed("known")
        self.must("operator", "POST", f"/alerts/{alert['id']}/resolve",
                  {"reason": "It is to be dead."})
        self.looked()
        self.assertEqual([a["end"] for a in self.alerts("dead", bot)],
                         ["by_hand"])
        self.rules(rule("dead", "bot.failed", 1, level="critical"))
        worse = self.fires("dead", bot)
        self.assertNotEqual(worse["id"], alert["id"])
        self.assertEqual(worse["level"], "critical")

    def test_events_tell_the_story_in_order(self):
        self.rules(rule("dead", "bot.failed", 1))
        bot, alert = self.failed("told-of")
        self.acknowledge(alert, "seen")
        self.start(bot)
        self.ends("dead", bot)
        told = []
        with self.hive.stream("GET", "/events?after=0") as events:
            for name, data, _ in events:
                if data.get("subject") in (alert["id"], bot):
                    told.append((name, data["seq"]))
                if name == "alert.resolved" and \
                        data["subject"] == alert["id"]:
                    break
        self.assertEqual([n for n, _ in told if n.startswith("alert.")],
                         ["alert.generated", "alert.acknowledged",
                          "alert.resolved"])
        seqs = [seq for _, seq in told]
        self.assertEqual(seqs, sorted(seqs))
        self.assertIn("bot.created", [n for n, _ in told])

    def test_a_model_server_is_away_and_comes_back(self):
        port = free_port()
        server = f"http://127.0.0.1:{port}"
        self.rules(rule("no_model", "model.down", 1))
        self.hive.launch("thinker", "openai", model="ok",
                         base_url=server + "/v1")
        self.hive.wait_state("thinker", "ready")
        problem = self.refused(502, "admin", "POST", "/bots/thinker/chat",
                               {"content": "hello?"})
        self.assertIn("model_server_unreachable", problem["detail"])
        self.assertIn(server, problem["detail"])
        alert = self.fires("no_model", server)
        self.assertIn(server, alert["summary"])
        with FakeModel(port):
            self.assertEqual(self.hive.say("thinker", "hello?")["content"],
                             "Hello, world")
            self.ends("no_model", server)
            t = self.ended(self.submit("greet", bot="thinker"))
            self.assertEqual(t["result"]["text"], "Hello, world")

    def test_score_and_deductions_say_what_the_alerts_say(self):
        self.rules(rule("dead", "bot.failed", 1),
                   rule("few", "hive.bots", 100, "<", level="info"))
        for name in ("one", "two"):
            self.failed(name)
        self.fires("few")
        details = self.health()
        self.assertEqual({d["rule"]: (d["level"], d["alerts"])
                          for d in details["deductions"]},
                         {"dead": ("warning", 2), "few": ("info", 1)})
        self.assertEqual(details["score"],
                         100 - sum(d["points"]
                                   for d in details["deductions"]))
        self.assertEqual(self.metric("deia_health_score"), details["score"])
        self.assertEqual(self.metric("deia_alerts", level="warning"), 2)

    def test_wrong_rules_change_nothing_that_fires(self):
        self.rules(rule("few", "hive.bots", 100, "<"))
        alert = self.fires("few")
        bad = rule("few", "hive.nothing", 1)
        self.refused(422, "admin", "PUT", "/health/rules", {"rules": [bad]},
                     "/rules/0/metric")
        self.assertEqual(self.ask("operator", "PUT", "/health/rules",
                                  {"rules": []})[0], 403)
        self.looked()
        self.assertEqual(self.fires("few")["id"], alert["id"])
        self.rules()
        self.ends("few", end="no_rule")


class Mail(Story):
    config = "messages:\n  max_attempts: 1\n"

    def test_mail_to_a_stopped_bot_waits_and_is_answered(self):
        self.rules(rule("dead_letters", "hive.failed_messages", 1))
        asker = self.bot("asker")
        self.hive.launch("reader", "echo", on_message="reply")
        self.hive.wait_state("reader", "ready")
        self.act("reader", "stop")
        self.hive.wait_state("reader", "stopped")
        sent = self.send("reader", "are you there?", who=asker)
        self.assertEqual(sent["status"], "pending")
        self.assertEqual(self.unread("reader"), 1)
        self.start("reader")
        got = self.receive(asker, wait_seconds=20)["items"]
        self.assertEqual([(m["from"], m["content"], m["reply_to"])
                          for m in got],
                         [("reader", "are you there?", sent["id"])])
        self.until(lambda: self.must(
            "admin", "GET", f"/messages/{sent['id']}")["status"] == "read")
        self.quiet("dead_letters")

    def test_dead_letters_are_an_alert_until_they_are_requeued(self):
        self.rules(rule("dead_letters", "hive.failed_messages", 3, clear=1))
        bot = self.bot("careless")
        sent = [self.send(bot, f"letter {i}") for i in range(3)]
        for m in self.receive(bot, max=3)["items"]:
            self.must(bot, "POST", f"/messages/{m['id']}/release",
                      {"bot": bot, "lease_token": m["lease_token"]})
        for m in sent:
            self.until(lambda m=m: self.must(
                "admin", "GET", f"/messages/{m['id']}")["status"] == "failed")
        self.fires("dead_letters")
        self.assertEqual(self.metric("deia_messages", status="failed"), 3)
        for m in sent:
            self.must("operator", "POST", f"/messages/{m['id']}/requeue", {})
        got = self.receive(bot, max=3, wait_seconds=20)["items"]
        self.assertEqual({m["id"] for m in got}, {m["id"] for m in sent})
        self.receive(bot, read=[m["id"] for m in got])
        self.ends("dead_letters")

    def test_what_runs_out_of_time_is_no_dead_letter(self):
        self.rules(rule("dead_letters", "hive.failed_messages", 1))
        bot = self.bot("absent")
        sent = self.send(bot, "soon too late", ttl_seconds=1)
        self.until(lambda: self.must(
            "admin", "GET", f"/messages/{sent['id']}")["status"] == "expired")
        self.quiet("dead_letters")


SCALED = f"""
scaling:
  up_cooldown_seconds: 0
  down_cooldown_seconds: 0
  cpu_max_percent: 1000
  reserve_mib: 0
  templates:
    holder:
      min_bots: 1
      max_bots: 3
      wait_seconds: 0.1
templates:
  holder:
    adapter: process
    argv: ["{sys.executable}", "{BOT}"]
"""


class Burst(Story):
    config = SCALED

    def tearDown(self):
        """Its bots are the scaler's."""

    def managed(self):
        return [t["managed"] for t in self.hive.must(
            "GET", "/scaling")["templates"] if t["template"] == "holder"][0]

    def test_a_burst_launches_bots_and_fires_until_it_is_over(self):
        self.rules(rule("slow", "queue.wait_seconds", 1, clear=0.5))
        self.until(lambda: self.managed() == 1)
        made = self.batch(*[{"content": "hold it", "type": "planning"}
                            for _ in range(8)])
        self.fires("slow", "planning")
        self.until(lambda: self.managed() == 3)
        history = self.hive.must("GET", "/scaling/history")["items"]
        self.assertIn("launch", {d["kind"] for d in history})
        for t in made:
            self.ask("admin", "DELETE", f"/tasks/{t['id']}")
        self.ends("slow", "planning")
        self.hive.must("POST", "/scaling/down",
                       {"template": "holder", "count": 2})
        self.until(lambda: len(self.must("admin", "GET",
                                         "/bots")["items"]) == 1)
        self.assertEqual(self.probe()[1]["status"], "HEALTHY")


@unittest.skipUnless(REDIS, "redis-server is not installed")
class Cache(Story):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis().start()
        cls.addClassCleanup(cls.redis.__exit__)
        cls.config = f"cache:\n  url: {cls.redis.url}\n"
        super().setUpClass()

    def test_the_cache_is_away_and_all_goes_on(self):
        self.rules(rule("no_cache", "cache.down", 1))
        self.until(lambda: self.hive.must(
            "GET", "/api/v1/health")["cache"]["status"] == "up")
        self.hive.launch("ada")
        self.hive.wait_state("ada", "ready")
        self.redis.kill()
        self.fires("no_cache")
        self.assertEqual(self.hive.say("ada", "still here?")["content"],
                         "still here?")
        self.assertEqual(self.probe()[0], 200)
        self.redis.start()
        self.ends("no_cache")
        self.assertEqual(self.hive.must("GET", RULES)["rules"][0]["id"],
                         "no_cache")


if __name__ == "__main__":
    unittest.main()
