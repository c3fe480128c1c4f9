# SPDX-License-Identifier: MIT
"""deia health and deia alerts, against answers that a test writes."""

import json
import os
import signal
import subprocess
import unittest

import clilib
from clilib import CliCase, page, problem

HEALTH = "/api/v1/health"
ALERTS = "/api/v1/alerts"
RULES = "/api/v1/health/rules"
NOON = "2026-11-22T12:00:00.000Z"
ESC = "\x1b[31m\x9b\u202e"


def aid(n):
    return f"01997f3c-5b1e-7c3a-9d52-0c3f7a9b{n:04x}"


def mark(by="anna", reason="on it", **more):
    return {"at": NOON, "by": by, "reason": reason, **more}


def alert(n=1, **more):
    a = {"id": aid(n), "rule": "cpu", "metric": "host.cpu_ratio",
         "scope": None, "subject": None, "state": "firing",
         "level": "warning", "peak": "warning", "end": None, "value": 0.86,
         "at": 0.8, "fired_at": NOON, "level_at": NOON, "resolved_at": None,
         "told": True, "step": 0, "relapses": 0, "acknowledged": None,
         "acknowledged_level": None, "silenced": None, "resolved_by": None,
         "summary": "CPU of the machine 86 % (>= 80 %)",
         "text": "Something other than the local models takes the CPU. See "
                 "`deia top` for bots, `top` for the rest; stop it or give "
                 "the hive fewer bots."}
    a.update(more)
    return a


def health(status="HEALTHY", score=100, *deductions, **more):
    return {"status": status, "score": score, "since": NOON,
            "deductions": [{"rule": r, "level": level, "alerts": n,
                            "points": points}
                           for r, level, n, points in deductions],
            "alerts": {"info": 0, "warning": 0, "critical": 0,
                       "acknowledged": 0, "silenced": 0},
            "checks": {"store": "ok"}, "version": "0.3.0", **more}


def rule(**more):
    r = {"id": "cpu", "metric": "host.cpu_ratio", "compare": ">=",
         "levels": {"warning": {"at": 0.8, "clear": 0.7, "for_seconds": 60},
                    "critical": {"at": 0.95, "clear": 0.85,
                                 "for_seconds": 60}},
         "keep_seconds": 120, "also": [],
         "unless": [{"metric": "host.local_turns", "compare": ">",
                     "at": 0}], "enabled": True, "text": "See `deia top`."}
    r.update(more)
    return r


class AlertCase(CliCase):
    def setUp(self):
        super().setUp()
        self.h = self.hive()
        self.env["DEIA_URL"] = self.h.url
        self.env["DEIA_TOKEN"] = "deia_x"

    def is_now(self, answer, *alerts, status=200):
        self.h.on("GET", HEALTH, (status, answer))
        self.h.on("GET", ALERTS, page(*alerts))


class Health(AlertCase):
    def test_says_status_why_and_what_to_do(self):
        self.is_now(health("DEGRADED", 75, ("cpu", "warning", 1, 10),
                           ("bot_failed", "warning", 3, 15)),
                    alert(1, acknowledged=mark()))
        p = self.deia("health", check=0)
        first, *rest = p.out.splitlines()
        self.assertRegex(first, r"^DEGRADED  score 75 of 100, for \d+ \w+ "
                                r"\(since 2026-11-22 12:00:00\)$")
        self.assertIn("   -10  cpu (warning)", rest)
        self.assertIn("   -15  bot_failed (warning, 3 alerts)", rest)
        self.assertIn("warning   CPU of the machine 86 % (>= 80 %)", rest)
        self.assertRegex(p.out, r"\n {10}cpu, since 2026-11-22 12:00:00 "
                                r"\(\d+ \w+\), acknowledged by anna: on it\n")
        self.assertIn("          Something other than", p.out)
        self.assertIn("          " + aid(1) + "\n", p.out)
        self.assertRegex(p.out, r"store +ok")
        self.assertIn("deia alerts ack ID", p.err)
        self.assertEqual(self.h.calls[1],
                         f"GET {ALERTS}?state=firing&limit=1000")

    def test_healthy_is_short(self):
        self.is_now(health())
        p = self.deia("health", check=0)
        self.assertEqual(len(p.out.splitlines()), 4, p.out)
        self.assertEqual(p.err, "")

    def test_exit_code_is_9_when_critical_alone(self):
        for status, http, code in (("HEALTHY", 200, 0), ("DEGRADED", 200, 0),
                                   ("CRITICAL", 200, 9),
                                   ("CRITICAL", 503, 9)):
            self.is_now(health(status, 50), status=http)
            p = self.deia("health", "-q", check=code)
            self.assertRegex(p.out, f"^{status}  score 50 of 100.*\n$")

    def test_most_serious_ones_come_first_and_not_all_in_full(self):
        self.is_now(health("CRITICAL", 0),
                    *[alert(n, summary=f"bad {n}") for n in range(2, 40)],
                    alert(1, level="critical", summary="worst"))
        p = self.deia("health", check=9)
        self.assertLess(p.out.index("worst"), p.out.index("bad 2"))
        self.assertEqual(p.out.count("  bad "), 19)
        self.assertIn("`deia alerts list` shows all", p.err)

    def test_what_found_no_room_and_costs_nothing_more(self):
        answer = health("CRITICAL", 0, ("a", "critical", 9, 100),
                        ("b", "critical", 1, 0))
        answer["alerts"]["unkept"] = 7
        self.is_now(answer)
        p = self.deia("health", check=9)
        self.assertIn("\n  -100  a (critical, 9 alerts)\n", p.out)
        self.assertIn("\n     0  b (critical)\n", p.out)
        self.assertIn("7 more would fire", p.err)

    def test_hives_that_say_less(self):
        self.h.on("GET", HEALTH, (200, {"status": "HEALTHY", "score": 90}))
        p = self.deia("health", check=0)
        self.assertEqual((p.out, p.err), ("HEALTHY  score 90 of 100\n", ""))
        self.h.on("GET", ALERTS, problem(503, "unavailable", "the store is "
                                         "away"))
        p = self.deia("health", check=0)
        self.assertIn("the alerts are not shown: the store is away", p.err)
        self.h.on("GET", "/health", (200, {"status": "HEALTHY",
                                           "score": 100}))
        self.h.calls.clear()
        self.deia("health", env={"DEIA_TOKEN": None}, check=0)
        self.assertEqual(self.h.calls, ["GET /health"])
        self.h.on("GET", HEALTH, (200, {"hello": 1}))
        self.says(self.deia("health"), 6, "is no deia hive")

    def test_json_is_the_servers(self):
        answer = health("CRITICAL", 10, ("cpu", "critical", 1, 90))
        self.is_now(answer, alert())
        p = self.deia("health", "--json", check=9)
        self.assertEqual(json.loads(p.out), answer)
        self.assertEqual(self.h.calls, [f"GET {HEALTH}"])

    def test_texts_are_wrapped_on_a_terminal(self):
        self.is_now(health("DEGRADED", 90),
                    alert(text="w" * 100 + " and " + "long " * 40))
        t = self.terminal("health", columns=60)
        out = t.finish().replace("\r", "")
        self.assertEqual(t.code, 0)
        for line in out.splitlines():
            if "deia alerts" not in line:
                self.assertLessEqual(len(line), 60 + 12, line)
        self.assertIn("          long long", out)
        self.assertIn("\x1b[33mDEGRADED\x1b[0m", out)

    def test_no_control_characters_get_through(self):
        bad = f"x{ESC}\nHEALTHY\r\x07"
        self.is_now(health("DEGRADED", 90, (bad, bad, 1, 1)),
                    alert(level=bad, rule=bad, text=bad, summary=bad,
                          acknowledged=mark(bad, bad)),
                    alert(2, rule=bad, text=bad, summary=bad, id=bad))
        for args in (["health"], ["alerts", "list"],
                     ["alerts", "list", "-q"]):
            p = self.deia(*args, check=0)
            for c in "\x1b\x9b\u202e\x07\r":
                self.assertNotIn(c, p.out + p.err)
        p = self.deia("health", check=0)
        self.assertNotIn("\nHEALTHY", p.out)


class Watch(AlertCase):
    def steps(self, *states):
        """Each look sees the next one; the last one stays, and Ctrl-C."""
        at = {"n": -1}

        def next_health(_):
            at["n"] = min(at["n"] + 1, len(states) - 1)
            answer, *_alerts = states[at["n"]]
            if callable(answer):
                return answer()
            return 200, answer

        self.h.on("GET", HEALTH, next_health)
        self.h.on("GET", ALERTS, lambda _: page(*states[at["n"]][1:]))

    def watch(self, *args, until):
        p = subprocess.Popen([clilib.DEIA, "health", *args],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=self.env, cwd=self.dir, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        lines = []
        for line in p.stdout:
            lines.append(line.rstrip("\n"))
            if until in line:
                break
        os.kill(p.pid, signal.SIGINT)
        rest, err = p.communicate(timeout=30)
        self.assertEqual(p.returncode, 130, err)
        return lines + rest.splitlines(), err

    def test_says_what_changes(self):
        warned = health("DEGRADED", 90)
        self.steps((health(),), (warned, alert(1)),
                   (health("CRITICAL", 60), alert(1, level="critical")),
                   (health("CRITICAL", 60),
                    alert(1, level="critical", acknowledged=mark())),
                   (health("CRITICAL", 60),
                    alert(1, level="critical", acknowledged=mark(),
                          silenced=mark("bob", "", until=NOON))),
                   (health("CRITICAL", 60), alert(1, level="critical")),
                   (health(),))
        lines, err = self.watch("--watch=1s", until="over: CPU")
        at = r"^\d\d:\d\d:\d\d  "
        cpu = r"CPU of the machine 86 % \(>= 80 %\)"
        wanted = [at + "warning: " + cpu + "$", "^ {10}Something other than",
                  at + "DEGRADED  score 90 of 100$",
                  at + "now critical: " + cpu + "$",
                  at + "CRITICAL  score 60 of 100$",
                  at + cpu + ", acknowledged by anna: on it$",
                  at + cpu + ", acknowledged by anna: on it, silenced by bob "
                  "until 2026-11-22 12:00:00$",
                  at + cpu + ", no longer silenced$",
                  at + "over: " + cpu + "$"]
        changes = lines[4:4 + len(wanted)]
        self.assertEqual(len(changes), len(wanted), lines)
        for line, pattern in zip(changes, wanted):
            self.assertRegex(line, pattern)
        self.assertTrue(lines[0].startswith("HEALTHY  score 100"), lines)
        self.assertEqual(err, "")

    def test_a_hive_that_is_away_is_waited_for(self):
        def away():
            return problem(500, "internal", "it is ill")

        self.steps((health(score=99),), (away,), (away,),
                   (health(score=98),))
        lines, err = self.watch("--watch", "1s", until="score 98")
        self.assertIn("HEALTHY  score 99 of 100", lines[0])
        self.assertEqual(err.count("it is ill"), 1, err)

    def test_quiet_says_the_status_alone(self):
        self.steps((health(score=99),), (health("DEGRADED", 90), alert()))
        lines, err = self.watch("-q", "--watch=1s", until="DEGRADED")
        self.assertEqual((len(lines), err), (2, ""), lines)
        self.assertNotIn(ALERTS, " ".join(self.h.calls))

    def test_a_first_look_that_fails_ends_it(self):
        self.h.on("GET", HEALTH, problem(401, "unauthenticated", "who?"))
        self.says(self.deia("health", "--watch"), 4, "who?")
        self.says(self.deia("health", "--watch", "--url",
                            "http://127.0.0.1:9"), 6)

    def test_json_is_a_line_each_look(self):
        self.steps((health(score=99),), (health(score=98),))
        lines, _ = self.watch("--json", "--watch=1", until=' 98')
        self.assertEqual([json.loads(one)["score"] for one in lines[:2]],
                         [99, 98])

    def test_its_time_is_checked(self):
        for args in (["--watch=0s"], ["--watch=2h"], ["--watch", "0"]):
            self.says(self.deia("health", *args), 2, "between 1s and 1h")
        self.says(self.deia("health", "--watch=soon"), 2, "is no time")
        for args in (["5s"], ["--watch", "soon"], ["--watch=1s", "5s"]):
            self.says(self.deia("health", *args), 2, "one word too many")


class Alerts(AlertCase):
    def test_list_is_of_those_that_fire(self):
        self.h.on("GET", ALERTS, page(
            alert(1, acknowledged=mark()), alert(2, silenced=mark("bob", "")),
            alert(3, level="critical", rule="disk"), next_cursor="c/2"))
        p = self.deia("alerts", "list", "--level", "warning", check=0)
        self.assertRegex(p.out, aid(1) + r" +warning +acknowledged +\d+ \w+ +"
                         r"CPU of the machine 86 % \(>= 80 %\) +cpu +"
                         r"anna: on it\n")
        self.assertRegex(p.out, aid(2) + r" +warning +silenced .* bob\n")
        self.assertRegex(p.out, aid(3) + r" +critical +firing .* disk +-\n")
        self.assertIn("deia alerts list --level warning --cursor c/2", p.err)
        self.assertEqual(self.h.calls, [
            f"GET {ALERTS}?limit=50&state=firing&level=warning"])
        p = self.deia("alerts", "list", "-q", check=0)
        self.assertEqual(p.out.split(), [aid(1), aid(2), aid(3)])
        p = self.deia("alerts", "list", "--json", check=0)
        self.assertEqual(len(json.loads(p.out)["items"]), 3)

    def test_all_are_listed_with_those_that_are_over(self):
        self.h.on("GET", ALERTS, page(alert(
            state="resolved", end="by_hand", resolved_at=NOON,
            acknowledged=mark(), resolved_by=mark("bob", "done"))))
        p = self.deia("alerts", "list", "--all", "--limit", "7", "--cursor",
                      "x y", check=0)
        self.assertRegex(p.out, "resolved .* bob: done\n")
        self.assertEqual(self.h.calls,
                         [f"GET {ALERTS}?limit=7&cursor=x%20y"])

    def test_an_empty_list_says_so(self):
        self.h.on("GET", ALERTS, page())
        p = self.deia("alerts", "list", check=0)
        self.assertEqual(p.out, "")
        self.assertIn("no such alert fires; --all lists", p.err)
        self.says(self.deia("alerts", "list", "--level", "bad"), 2,
                  "--level: 'bad' is none of info warning critical")

    def test_a_narrow_terminal_shows_whole_ids(self):
        self.h.on("GET", ALERTS, page(alert(1, acknowledged=mark())))
        out = self.terminal("alerts", "list").finish()
        self.assertIn(aid(1), out)
        self.assertIn("CPU of the machine 86 % (>= 80 %)", out)
        self.assertNotIn("deia top", out)
        out = self.terminal("alerts", "list", columns=140).finish()
        self.assertRegex(out, "ID +LEVEL")
        self.assertIn(aid(1), out)

    def test_show_is_of_one(self):
        self.h.on("GET", f"{ALERTS}/{aid(1)}", (200, alert(
            state="resolved", end="by_hand", resolved_at=NOON,
            acknowledged=mark(), resolved_by=mark("bob", ""))))
        p = self.deia("alerts", "show", aid(1), check=0)
        self.assertIn("acknowledged by anna: on it, over since 2026-11-22 "
                      "12:00:00, resolved by bob\n", p.out)
        self.assertIn("`deia top`", p.out)
        p = self.deia("alerts", "show", aid(1), "-q", check=0)
        self.assertEqual(p.out, "resolved\n")
        self.says(self.deia("alerts", "show", aid(2)), 3,
                  "`deia alerts list` shows the ids")

    def acts(self, verb, answer=None):
        for n in (1, 2):
            self.h.on("POST", f"{ALERTS}/{aid(n)}/{verb}",
                      answer or (200, alert(n, subject="x")))

    def bodies(self):
        return [json.loads(b) for b in self.h.bodies]

    def test_ack_and_resolve(self):
        self.acts("acknowledge")
        self.acts("resolve")
        p = self.deia("alerts", "ack", aid(1), aid(2), "--reason", "on it",
                      check=0)
        self.assertEqual(p.out, "acknowledged: CPU of the machine 86 % "
                         "(>= 80 %)\n" * 2)
        p = self.deia("alerts", "resolve", aid(1), check=0)
        self.assertEqual(p.out, "resolved: CPU of the machine 86 % "
                         "(>= 80 %)\n")
        self.assertEqual(self.h.calls, [
            f"POST {ALERTS}/{aid(1)}/acknowledge",
            f"POST {ALERTS}/{aid(2)}/acknowledge",
            f"POST {ALERTS}/{aid(1)}/resolve"])
        self.assertEqual(self.bodies(), [{"reason": "on it"}] * 2 + [{}])
        self.assertEqual(self.deia("alerts", "ack", aid(1), "-q").out, "")
        p = self.deia("alerts", "ack", aid(1), "--json", check=0)
        self.assertEqual(json.loads(p.out)["id"], aid(1))

    def test_silence_is_in_minutes(self):
        self.acts("silence")
        for time, minutes in (("2h", 120), ("90", 2), ("1s", 1),
                              ("90d", 129600)):
            p = self.deia("alerts", "silence", aid(1), "--for", time, check=0)
            self.assertIn("silent: CPU", p.out)
            self.assertEqual(json.loads(self.h.bodies[-1]),
                             {"minutes": minutes})
        self.acts("silence", (200, alert(silenced=mark(until=NOON))))
        p = self.deia("alerts", "silence", aid(1), "--for", "2h", check=0)
        self.assertIn("silent until 2026-11-22 12:00:00: CPU", p.out)
        self.acts("silence")
        p = self.deia("alerts", "silence", aid(1), "--end", "--reason", "r",
                      check=0)
        self.assertIn("no longer silent: CPU", p.out)
        self.assertEqual(json.loads(self.h.bodies[-1]),
                         {"minutes": 0, "reason": "r"})
        for args, said in (([], "how long?"), (["--for", "0"], "1m and 90d"),
                           (["--for", "91d"], "1m and 90d"),
                           (["--for", "soon"], "is no time"),
                           (["--for", "2h", "--end"], "not both")):
            self.says(self.deia("alerts", "silence", aid(1), *args), 2, said)

    def test_what_cannot_be_done_is_said_and_the_rest_done(self):
        self.h.on("POST", f"{ALERTS}/{aid(2)}/acknowledge",
                  (200, alert(2)))
        p = self.deia("alerts", "ack", "x/y", aid(2))
        self.says(p, 3, "`deia alerts list` shows the ids")
        self.assertEqual(self.h.calls[0], f"POST {ALERTS}/x%2Fy/acknowledge")
        self.assertIn("acknowledged: CPU", p.out)
        self.acts("resolve", problem(409, "illegal_state",
                                     "the alert is resolved already"))
        p = self.deia("alerts", "resolve", aid(1))
        self.says(p, 5, "resolved already", "deia alerts list --all")
        self.acts("silence", problem(403, "forbidden", "not for viewers"))
        self.h.calls.clear()
        p = self.deia("alerts", "silence", aid(1), aid(2), "--end")
        self.says(p, 4, "not for viewers", "role is too low")
        self.assertEqual(len(self.h.calls), 1)
        for verb in ("ack", "silence", "resolve"):
            self.says(self.deia("alerts", verb), 2, "something is missing")


class Receivers(AlertCase):
    def test_who_is_told(self):
        ops = {"name": "ops", "kind": "webhook", "level": "critical",
               "resolved": True, "target": "https://x.example",
               "delivered_at": None, "error": "it answered 503",
               "waiting": 3}
        self.h.on("GET", ALERTS + "/receivers", (200, {"items": [ops]}))
        p = self.deia("alerts", "receivers", check=0)
        self.assertRegex(p.out.splitlines()[1],
                         r"^ops +webhook +critical +https://x.example +never "
                         r"+3 +it answered 503$")
        self.assertEqual(self.deia("alerts", "receivers", "-q").out, "ops\n")
        self.h.on("GET", ALERTS + "/receivers", (200, {"items": []}))
        p = self.deia("alerts", "receivers", check=0)
        self.assertIn("below alerts.receivers in config.yaml", p.err)

    def test_a_test_message_to_each(self):
        def result(name, **more):
            return {"receiver": name, "kind": "exec", "ok": True, "ms": 7,
                    "error": None, **more}
        self.h.on("POST", ALERTS + "/test", (200, {"items": [
            result("one"), result("two", ok=False, error="too\nlate")]}))
        p = self.deia("alerts", "test", check=1)
        self.assertEqual(p.out, "one: ok (exec, 7 ms)\n"
                         "two: failed (exec, 7 ms): too late\n")
        self.h.on("POST", ALERTS + "/test", (200, {"items": [result("one")]}))
        self.deia("alerts", "test", "one", check=0)
        self.assertEqual(json.loads(self.h.bodies[-1]), {"receiver": "one"})
        self.h.on("POST", ALERTS + "/test", problem(
            404, "not_found", "there is no receiver x"))
        self.says(self.deia("alerts", "test", "x"), 3, "no receiver x")


class Rules(AlertCase):
    def test_table_has_a_line_for_each_level(self):
        self.h.on("GET", RULES, (200, {"rules": [rule(), rule(
            id="x", enabled=False, unless=[], compare="<",
            also=[{"metric": "host.memory_ratio", "compare": ">=",
                   "at": 0.85, "clear": 0.8}],
            levels={"info": {"at": 5, "clear": 9, "for_seconds": 0}})]}))
        p = self.deia("alerts", "rules", check=0)
        title, one, two, three = p.out.splitlines()
        self.assertEqual(title.split()[0], "RULE")
        when = r"host.cpu_ratio >= {} unless host.local_turns > 0"
        self.assertRegex(one, r"^cpu +warning +" + when.format("0.8") +
                         r" +60 s +0.7 +2 min +yes$")
        self.assertRegex(two, r"^cpu +critical +" + when.format("0.95") +
                         r" +60 s +0.85 +2 min +yes$")
        self.assertRegex(three, r"^x +info +host.cpu_ratio < 5 and host."
                         r"memory_ratio >= 0.85 +0 s +9 +2 min +no$")
        p = self.deia("alerts", "rules", "-q", check=0)
        self.assertEqual(p.out, "cpu\nx\n")
        self.h.on("GET", RULES, (200, {"rules": []}))
        p = self.deia("alerts", "rules", check=0)
        self.assertIn("there are no rules", p.err)

    def test_what_is_printed_can_be_set(self):
        self.h.on("GET", RULES, (200, {"rules": [rule()]}))
        self.h.on("PUT", RULES, lambda rq: (200, rq.json))
        text = self.deia("alerts", "rules", "--json", check=0).out
        with open(os.path.join(self.dir, "r.json"), "w",
                  encoding="utf-8") as f:
            f.write(text)
        p = self.deia("alerts", "rules", "--set", "r.json", check=0)
        self.assertEqual(p.out, "rules in force: 1\n")
        self.deia("alerts", "rules", "--set", "-", "-q", check=0,
                  stdin=text.encode())
        self.deia("alerts", "rules", "--reset", check=0)
        self.assertEqual([json.loads(b) for b in self.h.bodies[1:]],
                         [{"rules": [rule()]}] * 2 + [{"rules": None}])

    def test_what_is_wrong_with_a_file(self):
        for text, said in (("", "is no JSON: line 1, column 1"),
                           ('{"rules":\n [1,]}', "line 2, column 5")):
            p = self.deia("alerts", "rules", "--set", "-",
                          stdin=text.encode())
            self.says(p, 1, "the standard input", said, "--json")
        self.says(self.deia("alerts", "rules", "--set", "none"), 3,
                  "none cannot be read: No such file")
        self.says(self.deia("alerts", "rules", "--set", "-", "--reset"), 2,
                  "not both")
        self.assertEqual(self.h.calls, [])
        self.h.on("PUT", RULES, problem(
            422, "invalid_field", "/rules/0/id: expected letters"))
        p = self.deia("alerts", "rules", "--set", "-", stdin=b'{"rules":[7]}')
        self.says(p, 1, "deia: rules.0.id: expected letters")


class Words(AlertCase):
    def test_other_names_for_it(self):
        for typed, meant in ((["alert"], "alerts list"),
                             (["alerts", "ls"], "alerts list"),
                             (["alerts", "acknowledge"], "alerts ack"),
                             (["alerts", "mute"], "alerts silence"),
                             (["alerts", "close"], "alerts resolve")):
            self.says(self.deia(*typed), 2, f"did you mean `deia {meant}`?")
        self.says(self.deia("alerts"), 2, "alerts list", "alerts rules")


class Guide(CliCase):
    def test_the_guide_can_be_followed(self):
        out = self.follow("alerts.md", 5)
        for said in ("DEGRADED", "bot_failed", "by_hand"):
            self.assertIn(said, out)
        self.assertNotIn('"code":', out)


if __name__ == "__main__":
    unittest.main()
