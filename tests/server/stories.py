# SPDX-License-Identifier: MIT
"""What the scenarios share: one hive, bots and rules of each story's own.

Rules of a story take the place of all others, fire at once and look at numbers
that the story itself decides, so that no load of the machine makes an alert.
What ends a story takes its bots away.
"""

import json
import os
import signal
import sys

from prometheus import Page
from tasking import BOT, Tasks

HEALTH = "/api/v1/health"
RULES = HEALTH + "/rules"


def rule(name, metric, at, compare=">=", level="warning", **more):
    """One level that is reached at once; clear, seconds, keep: see there."""
    limit = {"at": at, "for_seconds": more.pop("seconds", 0)}
    if "clear" in more:
        limit["clear"] = more.pop("clear")
    return {"id": name, "metric": metric, "compare": compare,
            "levels": {level: limit}, **more}


class Story(Tasks):
    def setUp(self):
        self.old = {a["id"] for a in self.every_alert()}

    def tearDown(self):
        for bot in self.must("admin", "GET", "/bots?limit=1000")["items"]:
            self.ask("admin", "DELETE", f"/bots/{bot['id']}?force=true")
        self.until(lambda: not self.must("admin", "GET", "/bots")["items"])

    # ---- health ------------------------------------------------------------

    def rules(self, *rules):
        self.hive.must("PUT", RULES, {"rules": list(rules)})

    def every_alert(self):
        return self.hive.must("GET", "/alerts?limit=1000")["items"]

    def alerts(self, name, subject=None):
        """Of this story, a rule and a subject, the newest first."""
        return [a for a in self.every_alert() if a["rule"] == name
                and a["subject"] == subject and a["id"] not in self.old]

    def becomes(self, name, subject=None, **wanted):
        """The newest alert of it, once it is so."""
        def holds():
            found = self.alerts(name, subject)[:1]
            return found[0] if found and wanted.items() <= found[0].items() \
                else None
        self.until(holds)
        return holds()

    def fires(self, name, subject=None):
        return self.becomes(name, subject, state="firing")

    def ends(self, name, subject=None, end="cleared"):
        return self.becomes(name, subject, state="resolved", end=end)

    def quiet(self, name, subject=None):
        """No alert of it after another look than those so far."""
        self.looked()
        self.assertEqual(self.alerts(name, subject), [])

    def looked(self):
        """The monitor has looked since: an alert of a rule for this came."""
        rules = self.hive.must("GET", RULES)["rules"]
        mark = f"mark-{len(self.every_alert())}"
        self.rules(*rules, rule(mark, "hive.tasks_waiting", 0))
        self.fires(mark)
        self.rules(*rules)
        self.ends(mark, end="no_rule")

    def health(self):
        return self.hive.must("GET", HEALTH)

    def status(self, wanted):
        """The details, once the status is so."""
        self.until(lambda: self.probe()[1]["status"] == wanted)
        return self.probe()

    def probe(self):
        """(HTTP status, body) of the route that load balancers ask."""
        return self.hive.call("GET", "/health?")

    def journal(self, alert):
        """What was written of it: the events, in order."""
        path = os.path.join(self.hive.dir, "bot-logs", "health-alerts.jsonl")
        with open(path, encoding="utf-8") as f:
            lines = [json.loads(text) for text in f]
        return [e["event"] for e in lines if e["alert"]["id"] == alert["id"]]

    def journal_has(self, alert, *events):
        """It is written a moment later, by a thread of its own."""
        self.until(lambda: self.journal(alert) == list(events))

    def metric(self, name, **labels):
        return Page(self.hive.must("GET", "/metrics")).value(name, **labels)

    # ---- bots --------------------------------------------------------------

    def teller(self, name, **more):
        """As told(); it stays dead when it dies, unless the story says."""
        more.setdefault("restart", {"policy": "never"})
        self.hive.launch(name, "process", argv=[sys.executable, BOT], **more)
        self.hive.wait_state(name, "ready")
        return name

    def act(self, bot, what):
        self.must("admin", "POST", f"/bots/{bot}/{what}")

    def start(self, bot):
        self.act(bot, "start")
        self.hive.wait_state(bot, "ready")

    def murder(self, bot, state="failed"):
        """kill -9 of its process."""
        pid = self.must("admin", "GET", f"/bots/{bot}")["pid"]
        os.kill(pid, signal.SIGKILL)
        self.hive.wait_state(bot, state)
