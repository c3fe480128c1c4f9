# SPDX-License-Identifier: MIT
"""The health monitor over HTTP: the status, alerts and what people do to them,
rules, the timeline, and what is left of it after a restart."""

import time
import unittest

from hive import Hive, WAIT_SECONDS
from prometheus import Page

MISSING = {"adapter": "process", "argv": ["/nonexistent/program"]}
HEALTH = "/api/v1/health"
RULES = HEALTH + "/rules"


def few_bots(name, level="warning", **more):
    """A rule that fires at once, and until it is taken out."""
    return {"id": name, "metric": "hive.bots", "compare": "<",
            "levels": {level: {"at": 100}}, **more}


class Monitored(unittest.TestCase):
    def setUp(self):
        self.hive = Hive().__enter__()
        self.addCleanup(lambda: self.hive.__exit__())

    def put_rules(self, *rules):
        return self.hive.must("PUT", RULES, {"rules": list(rules)})

    def alerts(self, query=""):
        return self.hive.must("GET", "/alerts" + query)["items"]

    def fires(self, rule):
        """Waits until an alert of the rule fires; returns it."""
        return self.hive.wait(lambda: next(
            (a for a in self.alerts("?state=firing") if a["rule"] == rule),
            None))

    def is_now(self, status):
        """Waits for a status; returns the details."""
        return self.hive.wait(lambda: next(
            (d for d in [self.hive.must("GET", HEALTH)]
             if d["status"] == status), None))

    def act(self, alert, what, body=None):
        return self.hive.must("POST", f"/alerts/{alert['id']}/{what}", body)

    def refused(self, status, method, path, body=None, pointer=None):
        got, problem = self.hive.call(method, path, body)
        self.assertEqual(got, status, problem)
        if pointer:
            at = problem["errors"][0]
            self.assertEqual(at.get("pointer", at.get("parameter")), pointer)
        return problem


class Status(Monitored):
    def test_a_hive_without_alerts_is_healthy(self):
        self.hive.launch("BOT-001")
        self.hive.wait_state("BOT-001", "ready")
        status, health = self.hive.call("GET", "/health")
        self.assertEqual((status, health["status"], health["score"]),
                         (200, "HEALTHY", 100))
        details = self.hive.must("GET", HEALTH)
        self.assertEqual((details["deductions"], details["alerts"]), (
            [], {"info": 0, "warning": 0, "critical": 0, "acknowledged": 0,
                 "silenced": 0, "kept": 0, "unkept": 0}))
        self.assertEqual(details["bots"]["ready"], 1)
        self.assertEqual(self.alerts(), [])

    def test_a_bot_that_fails_degrades_it_until_it_is_removed(self):
        self.hive.launch("broken", **MISSING)
        alert = self.fires("bot_failed")
        self.assertEqual(
            (alert["subject"], alert["scope"], alert["level"], alert["peak"],
             alert["end"], alert["resolved_at"], alert["acknowledged"]),
            ("broken", "bot", "warning", "warning", None, None, None))
        self.assertIn("broken", alert["summary"])
        self.assertIn("deia bot logs", alert["text"])
        details = self.is_now("DEGRADED")
        self.assertEqual(details["deductions"], [
            {"rule": "bot_failed", "level": "warning", "alerts": 1,
             "points": 100 - details["score"]}])
        self.assertEqual(details["alerts"]["warning"], 1)
        self.assertLess(details["score"], 100)
        # The quick answer at the root is kept for a moment.
        health = self.hive.wait(lambda: next(
            (h for h in [self.hive.call("GET", "/health")]
             if h[1]["status"] == "DEGRADED"), None))
        self.assertEqual((health[0], health[1]["score"], health[1]["since"]),
                         (200, details["score"], details["since"]))
        self.assertEqual(health[1]["checks"],
                         {"store": "ok", "bots": "degraded"})
        self.assertEqual(
            self.hive.must("GET", f"/alerts/{alert['id']}"), alert)
        self.hive.must("DELETE", "/bots/broken?force=true")
        ended = self.hive.wait(lambda: next(iter(
            self.alerts("?state=resolved")), None))
        self.assertEqual((ended["id"], ended["end"]), (alert["id"], "gone"))
        self.assertEqual(self.is_now("HEALTHY")["score"], 100)

    def test_only_critical_is_503(self):
        self.put_rules(few_bots("few", "critical", text="Launch `more`."))
        alert = self.fires("few")
        self.assertEqual((alert["level"], alert["text"]),
                         ("critical", "Launch `more`."))
        status, health = self.hive.wait(lambda: next(
            (h for h in [self.hive.call("GET", "/health")]
             if h[1]["status"] == "CRITICAL"), None))
        self.assertEqual((status, health["checks"]["store"]), (503, "ok"))
        self.assertEqual(self.hive.must("GET", HEALTH)["status"], "CRITICAL")
        self.assertEqual(self.hive.call("GET", "/health/ready")[0], 200)
        self.assertEqual(self.hive.call("GET", "/health?x=1")[0], 422)
        self.hive.must("PUT", RULES, {"rules": None})
        self.is_now("HEALTHY")
        self.assertEqual(self.hive.must(
            "GET", f"/alerts/{alert['id']}")["end"], "no_rule")

    def test_status_and_checks_agree_in_each_answer(self):
        seen = set()
        self.hive.launch("broken", **MISSING)
        limit = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < limit:
            got = self.hive.must("GET", HEALTH)
            seen.add((got["checks"]["bots"], got["status"]))
            if got["status"] == "DEGRADED":
                break
            self.hive.must("GET", "/bots")
        self.assertLessEqual(seen, {("ok", "HEALTHY"),
                                    ("degraded", "DEGRADED")})
        self.assertIn(("degraded", "DEGRADED"), seen)
        self.hive.must("DELETE", "/bots/broken")
        got = self.hive.must("GET", HEALTH)
        self.assertEqual((got["checks"]["bots"], got["status"]),
                         ("ok", "HEALTHY"))

    def test_it_can_be_switched_off(self):
        self.hive.launch("broken", **MISSING)
        alert = self.fires("bot_failed")
        self.hive.stop()
        self.hive.args = ["--set", "health.enabled=false"]
        self.hive.start()
        self.hive.wait_state("broken", "failed")
        got = self.hive.must("GET", HEALTH)
        self.assertEqual((got["status"], got["score"], got["checks"]), (
            "DEGRADED", 90,
            {"store": "ok", "bots": "degraded", "monitoring": "off"}))
        self.assertEqual(self.hive.call("GET", "/health")[0], 200)
        self.assertEqual(self.alerts(), [])
        self.put_rules(few_bots("few"))
        self.hive.must("DELETE", "/bots/broken")
        got = self.hive.must("GET", HEALTH)
        self.assertEqual((got["status"], got["alerts"]["kept"]),
                         ("HEALTHY", 0))
        self.hive.stop()
        self.hive.args = []
        self.hive.start()
        self.fires("few")
        self.assertEqual(self.hive.must("GET", f"/alerts/{alert['id']}")
                         ["rule"], "bot_failed")

    def test_prometheus_sees_the_same(self):
        self.put_rules(few_bots("few"), few_bots("fewer", "info"))
        self.fires("few")
        self.act(self.fires("fewer"), "acknowledge")
        page = Page(self.hive.must("GET", "/metrics"))
        details = self.hive.must("GET", HEALTH)
        self.assertEqual(page.value("deia_health_status"), 1)
        self.assertEqual(page.value("deia_health_score"), details["score"])
        for level, n in (("info", 1), ("warning", 1), ("critical", 0)):
            self.assertEqual(page.value("deia_alerts", level=level), n)
        self.assertEqual(page.value("deia_alerts_acknowledged"), 1)
        self.assertEqual(page.value("deia_alerts_silenced"), 0)

    def test_the_timeline(self):
        self.put_rules(few_bots("few"))
        self.fires("few")
        line = self.hive.must("GET", HEALTH + "/timeline")
        self.assertEqual(line["hours"], 1)
        self.assertIn("hive.bots", line["metrics"])
        last = line["items"][-1]
        self.assertEqual((last["status"], last["firing"]), ("DEGRADED", 1))
        self.assertEqual((len(last["mean"]), len(last["max"])),
                         (len(line["metrics"]),) * 2)
        self.assertEqual(last["max"][line["metrics"].index("hive.bots")], 0)
        path = HEALTH + "/timeline?hours="
        for hours in (24, 720):
            line = self.hive.must("GET", path + str(hours))
            self.assertEqual(line["hours"], hours)
            self.assertTrue(line["items"])
        for hours in ("0", "721", "x", "1.5"):
            self.refused(422, "GET", path + hours, pointer="hours")


class Acts(Monitored):
    def setUp(self):
        super().setUp()
        self.put_rules(few_bots("few"))
        self.alert = self.fires("few")

    def test_acknowledged_by_whom_and_why(self):
        got = self.act(self.alert, "acknowledge", {"reason": "I look at it."})
        self.assertEqual((got["acknowledged"]["by"],
                          got["acknowledged"]["reason"],
                          got["acknowledged_level"], got["state"]),
                         ("admin", "I look at it.", "warning", "firing"))
        self.assertEqual(self.alerts(), [got])
        self.assertEqual(self.act(got, "acknowledge")["acknowledged"]
                         ["reason"], "")
        details = self.hive.must("GET", HEALTH)
        self.assertEqual((details["status"],
                          details["alerts"]["acknowledged"]),
                         ("DEGRADED", 1))

    def test_silenced_and_told_again(self):
        got = self.act(self.alert, "silence", {"minutes": 10})
        mark = got["silenced"]
        self.assertEqual(mark["by"], "admin")
        self.assertGreater(mark["until"], mark["at"])
        self.assertEqual(self.hive.must("GET", HEALTH)["alerts"]["silenced"],
                         1)
        until = mark["at"][:19].replace(mark["at"][:4],
                                        str(int(mark["at"][:4]) + 1)) + "Z"
        self.refused(422, "POST", f"/alerts/{got['id']}/silence",
                     {"until": until}, "/until")
        until = mark["until"]
        got = self.act(self.alert, "silence",
                       {"until": until, "reason": "At night."})
        self.assertEqual((got["silenced"]["until"],
                          got["silenced"]["reason"]), (until, "At night."))
        got = self.act(self.alert, "silence", {"minutes": 0})
        self.assertIsNone(got["silenced"])

    def test_resolved_by_hand_and_once(self):
        got = self.act(self.alert, "resolve", {"reason": "As it should be."})
        self.assertEqual((got["state"], got["end"],
                          got["resolved_by"]["by"],
                          got["resolved_by"]["reason"]),
                         ("resolved", "by_hand", "admin", "As it should be."))
        self.is_now("HEALTHY")
        for act, body in (("resolve", None), ("acknowledge", {}),
                          ("silence", {"minutes": 1})):
            self.refused(409, "POST", f"/alerts/{got['id']}/{act}", body)
        self.assertEqual(self.alerts("?state=firing"), [])

    def test_refusals_name_the_place(self):
        path = f"/alerts/{self.alert['id']}"
        for act, body, pointer in (
                ("acknowledge", {"reason": "a\nb"}, "/reason"),
                ("acknowledge", {"reason": "x" * 256}, "/reason"),
                ("acknowledge", {"why": "x"}, "/why"),
                ("resolve", {"reason": 1}, "/reason"),
                ("silence", {}, "/until"),
                ("silence", {"minutes": 1, "until": "x"}, "/minutes"),
                ("silence", {"minutes": -1}, "/minutes"),
                ("silence", {"minutes": 129600}, "/minutes"),
                ("silence", {"minutes": 1, "reason": "\t"}, "/reason"),
                ("silence", {"until": "tomorrow"}, "/until"),
                ("silence", {"until": "2020-01-01T00:00:00Z"}, "/until")):
            with self.subTest(f"{act} {body}"):
                self.refused(422, "POST", f"{path}/{act}", body, pointer)
        nobody = "01932f1c-7a3b-7000-8000-000000000001"
        self.refused(404, "GET", f"/alerts/{nobody}")
        for act in ("acknowledge", "resolve"):
            self.refused(404, "POST", f"/alerts/{nobody}/{act}")
        self.refused(404, "POST", f"/alerts/{nobody}/silence", {"minutes": 1})
        self.assertEqual(self.alerts(), [self.alert])

    def test_what_people_do_is_audited_and_told(self):
        self.act(self.alert, "acknowledge", {"reason": "seen"})
        self.act(self.alert, "silence", {"minutes": 1})
        self.act(self.alert, "resolve")
        wanted = ["alert.acknowledged", "alert.silenced", "alert.resolved"]
        told = []
        with self.hive.stream("GET", "/events?after=0") as stream:
            for event, data, _ in stream:
                if event.startswith("alert."):
                    self.assertEqual((data["subject"], data["data"]["rule"]),
                                     (self.alert["id"], "few"))
                    told.append(event)
                if event == wanted[-1]:
                    break
        self.assertEqual(told, ["alert.generated"] + wanted)
        audit = [e for e in self.hive.must("GET", "/audit")["items"]
                 if e["target"] == self.alert["id"]]
        self.assertEqual(len(audit), 3)
        self.assertEqual({e["actor"] for e in audit}, {"admin"})

    def test_it_outlives_a_kill(self):
        got = self.act(self.alert, "acknowledge", {"reason": "mine"})
        got = self.act(got, "silence", {"minutes": 60})
        self.hive.kill()
        self.hive.start()
        again = self.fires("few")
        for key in ("id", "fired_at", "acknowledged", "silenced", "state",
                    "level", "summary"):
            self.assertEqual(again[key], got[key], key)
        self.assertEqual(self.is_now("DEGRADED")["alerts"]["acknowledged"], 1)
        self.assertEqual([r["id"] for r in
                          self.hive.must("GET", RULES)["rules"]], ["few"])
        self.act(again, "resolve")
        self.assertEqual(self.hive.stop(), 0)
        self.hive.start()
        old = self.hive.must("GET", f"/alerts/{got['id']}")
        self.assertEqual((old["state"], old["end"]), ("resolved", "by_hand"))


class Lists(Monitored):
    def test_pages_and_filters_newest_first(self):
        names = [f"few-{i}" for i in range(7)]
        self.put_rules(*[few_bots(n, "info" if i < 2 else "warning")
                         for i, n in enumerate(names)])
        self.hive.wait(lambda: len(self.alerts()) == 7)
        every = self.alerts()
        self.assertEqual(sorted(a["rule"] for a in every), names)
        self.assertEqual([a["fired_at"] for a in every],
                         sorted((a["fired_at"] for a in every), reverse=True))
        self.assertEqual(list(self.hive.every("/alerts?state=firing")), every)
        got, cursor = [], ""
        while cursor is not None:
            page = self.hive.must("GET", "/alerts?limit=2" + cursor)
            got += page["items"]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        self.assertEqual(got, every)
        page = self.hive.must("GET", "/alerts?level=info&limit=2")
        self.assertEqual((len(page["items"]), page["next_cursor"]), (2, None))
        for alert in every[1:4]:
            self.act(alert, "resolve")
        self.assertEqual({a["id"] for a in self.alerts("?state=resolved")},
                         {a["id"] for a in every[1:4]})
        self.assertEqual(len(self.alerts("?state=firing&level=critical")), 0)
        # Of an alert that is not kept any more: what is older.
        unknown = "ffffffff-0000-7000-8000-000000000000"
        self.assertEqual(len(self.alerts(f"?cursor={unknown}")), 7)
        for query in ("state=on", "level=high", "cursor=7", "limit=0"):
            self.refused(422, "GET", f"/alerts?{query}",
                         pointer=query.partition("=")[0])


class Rules(Monitored):
    def test_what_is_got_can_be_put(self):
        first = self.hive.must("GET", RULES)
        self.assertGreater(len(first["rules"]), 10)
        metrics = {m["name"]: m for m in first["metrics"]}
        for rule in first["rules"]:
            self.assertIn(rule["metric"], metrics)
        self.assertEqual((metrics["bot.failed"]["scope"],
                          metrics["hive.bots"]["scope"]), ("bot", None))
        self.assertEqual(self.hive.must("PUT", RULES, first), first)
        for rule in first["rules"]:
            if rule["id"] == "bot_failed":
                rule["enabled"] = False
        self.assertEqual(self.hive.must("PUT", RULES, first), first)
        self.assertEqual(self.hive.must("GET", RULES), first)
        built_in = self.hive.must("PUT", RULES, {"rules": None})
        self.assertEqual(len(built_in["rules"]), len(first["rules"]))
        self.assertNotEqual(built_in, first)
        actions = [e for e in self.hive.must("GET", "/audit")["items"]
                   if "rules" in e["action"]]
        self.assertEqual(len(actions), 3)

    def test_refusals_name_the_place_and_change_nothing(self):
        before = self.hive.must("GET", RULES)
        for body, pointer in (
                ({}, "/rules"),
                ({"rules": {}}, "/rules"),
                ({"rules": None, "more": 1}, None),
                ({"rules": [], "more": 1}, "/more"),
                ({"rules": [few_bots("a"), few_bots("a")]}, "/rules/1/id"),
                ({"rules": [few_bots("a", colour="red")]},
                 "/rules/0/colour"),
                ({"rules": [{**few_bots("a"), "metric": "no.such"}]},
                 "/rules/0/metric"),
                ({"rules": [{**few_bots("a"), "compare": "="}]},
                 "/rules/0/compare"),
                ({"rules": [{**few_bots("a"), "levels": {
                    "warning": {"at": "1"}}}]},
                 "/rules/0/levels/warning/at")):
            with self.subTest(str(body)):
                self.refused(422, "PUT", RULES, body, pointer)
        self.assertEqual(self.hive.must("GET", RULES), before)


class Roles(Monitored):
    def call_as(self, token, method, path, body=None):
        return self.hive.call(method, path, body,
                              {"Authorization": f"Bearer {token}"})[0]

    def test_who_may_what(self):
        self.put_rules(few_bots("few"))
        alert = self.fires("few")
        path = f"/alerts/{alert['id']}"
        tokens = {role: self.hive.must("POST", "/tokens", {
            "name": f"a-{role}", "role": role})["token"]
            for role in ("viewer", "operator")}
        tokens["bot"] = self.hive.launch("far", "external")["token"]
        reads = ("/alerts", path, HEALTH, RULES, HEALTH + "/timeline")
        acts = ((f"{path}/acknowledge", {}), (f"{path}/silence",
                                              {"minutes": 1}),
                (f"{path}/resolve", {}))
        for role, token in tokens.items():
            for read in reads:
                self.assertEqual(self.call_as(token, "GET", read),
                                 403 if role == "bot" else 200, (role, read))
            self.assertEqual(self.call_as(token, "PUT", RULES,
                                          {"rules": []}), 403, role)
            for act, body in acts:
                self.assertEqual(self.call_as(token, "POST", act, body),
                                 200 if role == "operator" else 403,
                                 (role, act))
        got = self.hive.must("GET", path)
        self.assertEqual((got["acknowledged"]["by"],
                          got["resolved_by"]["by"]), ("a-operator",) * 2)


if __name__ == "__main__":
    unittest.main()
