# SPDX-License-Identifier: MIT
"""server/deploy/elk: a real rsyslog follows the journals of a real deiad and
posts them as Elasticsearch takes them, with names of ECS. Elasticsearch, Filebeat
and Logstash are not in Debian: a listener takes their place, and what is for
Filebeat is only looked at."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from hive import Hive
from listener import Listener
from monitoring import deployed, keep

BUILD = os.environ["DEIA_BUILD"]
PATH = os.environ["PATH"] + ":/usr/sbin"
PROGRAM = shutil.which("rsyslogd", path=PATH)
FILES = {"log": "deiad", "mail": "bot-messaging",
         "scheduling": "adaptive-scheduling", "alerts": "health-alerts",
         "audit": "audit"}
OWN = {"@timestamp": "2026-11-30T22:10:04.512Z", "log.level": "info",
       "message": "caf\u00e9 \u0001 " + "x" * 20000, "ecs.version": "8.11",
       "service.name": "deiad", "event.action": "shipped",
       "trace.id": "0af7651916cd43dd8448eb211c80319c"}


def missing():
    if not PROGRAM:
        return "rsyslogd (package rsyslog) is not installed"
    out = subprocess.run([PROGRAM, "-N1", "-f", "/dev/stdin"], text=True,
                         input='module(load="omelasticsearch")\n',
                         stderr=subprocess.PIPE, check=False)
    if "could not load module" in out.stderr:
        return "package rsyslog-elasticsearch is not installed"
    return None


def flat(value, prefix=""):
    """A document with dotted names, as Elasticsearch sees both forms."""
    out = {}
    for key, below in value.items():
        if isinstance(below, dict):
            out.update(flat(below, f"{prefix}{key}."))
        else:
            out[prefix + key] = below
    return out


def documents(bulk):
    """(action, document) pairs of one request to /_bulk."""
    lines = [json.loads(line) for line in bulk.splitlines() if line]
    return [(a["create"], flat(d)) for a, d in zip(lines[::2], lines[1::2])]


# ---- what Elasticsearch does with a pipeline, as far as ours needs it --------

def at(document, path):
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    return document


def put(document, path, value):
    *names, last = path.split(".")
    for name in names:
        document = document.setdefault(name, {})
    document[last] = value


def is_so(document, condition):
    """ctx.a?.b == 'text' and != null, joined by && or ||."""
    def one(clause):
        m = re.fullmatch(r"ctx\.([\w.?]+) (==|!=) (?:null|'(\w+)')", clause)
        same = at(document, m.group(1).replace("?", "")) == m.group(3)
        return same == (m.group(2) == "==")
    return any(all(one(c) for c in part.split(" && "))
               for part in condition.split(" || "))


def ingest(document):
    for step in json.loads(deployed("elk/ingest-pipeline.json"))[
            "processors"]:
        (kind, body), = step.items()
        if "if" in body and not is_so(document, body["if"]):
            continue
        if kind == "remove":
            (name, _, last) = body["field"].rpartition(".")
            (at(document, name) or {}).pop(last, None)
        elif kind == "date":
            put(document, body["target_field"], at(document, body["field"]))
        elif "copy_from" in body:
            value = at(document, body["copy_from"])
            if value not in (None, ""):
                put(document, body["field"], value)
        else:
            put(document, body["field"], re.sub(
                r"{{{([\w.]+)}}}", lambda m: str(at(document, m.group(1))),
                body["value"]))
    return document


@unittest.skipIf(missing(), missing())
class Rsyslog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="deia-rsyslog-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cls.web = Listener()
        cls.web.__enter__()
        cls.addClassCleanup(cls.web.__exit__)
        cls.hive = Hive(BUILD)
        cls.hive.__enter__()
        cls.addClassCleanup(cls.hive.__exit__)
        text = deployed("elk/rsyslog.conf")
        text = text.replace("/var/lib/deia", cls.hive.dir)
        text = text.replace("http://127.0.0.1:9200", cls.web.url)
        cls.config = keep(cls.dir, "rsyslog.conf", text.replace(
            "global(", f'global(workDirectory="{cls.dir}" ', 1))
        cls.work()
        cls.process = subprocess.Popen(
            [PROGRAM, "-n", "-f", cls.config, "-i", f"{cls.dir}/pid"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.end)

    @classmethod
    def end(cls):
        cls.process.send_signal(signal.SIGKILL)
        cls.process.wait()

    @classmethod
    def work(cls):
        hive = cls.hive
        hive.launch("ECHO")
        hive.wait_state("ECHO", "ready")
        hive.must("POST", "/messages", {"to": "ECHO", "content": "hi"})
        task = hive.must("POST", "/tasks", {"content": "say it"})["id"]
        hive.wait(lambda: hive.must("GET", f"/tasks/{task}")["status"]
                  == "succeeded")
        hive.launch("OUT", "external")
        hive.must("POST", "/messages", {"to": "OUT", "content": "hi",
                                        "ttl_seconds": 1})
        hive.call("GET", "/bots", headers={"Authorization": "Bearer wrong"})
        hive.launch("BAD", "process", argv=["/nonexistent/program"],
                    restart={"policy": "never", "max_restarts": 0,
                             "window_seconds": 60})
        hive.wait(lambda: hive.must("GET", "/alerts?state=firing")["items"])
        with open(cls.path("log"), "a", encoding="utf-8") as f:
            f.write(json.dumps(OWN) + "\nnot JSON\n")

    @classmethod
    def path(cls, what):
        return os.path.join(cls.hive.dir, "bot-logs", f"{FILES[what]}.jsonl")

    @staticmethod
    def of_kind(items, what):
        """[(action, document)] of what came for one data stream."""
        return [(a, d) for path, body in items if path == "/_bulk"
                for a, d in documents(body)
                if a["_index"] == f"logs-deia.{what}-default"]

    def shipped(self, what, holds=lambda document: True):
        """The first document of this kind that holds, once it came."""
        return self.web.kept.until(lambda items: next(
            (i for i in self.of_kind(items, what) if holds(i[1])), None))

    def line(self, what, document):
        """The journal's line that a document is made of."""
        with open(self.path(what), encoding="utf-8") as f:
            return next(d for d in map(json.loads, f)
                        if (d["event"], d["timestamp"]) ==
                        (document["event.action"], document["@timestamp"]))

    def check(self, what, event, **expected):
        """The first document about this event is as expected, and as the
        pipeline for Filebeat would make it; returns its line and itself."""
        action, got = self.shipped(
            what, lambda d: d["event.action"] == event)
        line = self.line(what, got)
        self.assertTrue(action["_id"])
        want = {"event.dataset": f"deia.{what}", "ecs.version": "8.11",
                "service.name": "deiad",
                **{k.replace("__", "."): v for k, v in expected.items()}}
        self.assertEqual({k: got.get(k) for k in want}, want)
        under = {"alerts": "alert"}.get(what, what)
        piped = flat(ingest({"deia": {under: line}}))
        self.assertEqual(piped, got)
        return line, got

    def test_the_configuration_is_clean(self):
        out = subprocess.run([PROGRAM, "-N1", "-f", self.config], text=True,
                             stderr=subprocess.PIPE, check=False)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertNotIn("error", out.stderr)

    def test_audit(self):
        line, got = self.check("audit", "bot.create", log__level="info",
                               user__name="admin", event__outcome="success",
                               client__address="127.0.0.1",
                               deia__target="ECHO", deia__role="admin")
        self.assertEqual(got["http.request.id"], line["request_id"])
        self.assertEqual(got["message"], "bot.create ECHO: ok")

    def test_mail(self):
        line, got = self.check("mail", "message_queued", log__level="info",
                               deia__mail__to="ECHO",
                               message="message_queued from system to ECHO")
        self.assertEqual(got["deia.message"], line["id"])
        self.assertNotIn("error.message", got)

    def test_what_failed_says_so(self):
        _, got = self.check("audit", "auth.refused", log__level="warn",
                            event__outcome="failure",
                            deia__target="/api/v1/bots")
        self.assertTrue(got["error.code"])
        self.check("mail", "message_expired", log__level="warn",
                   event__outcome="failure",
                   message="message_expired from system to OUT")

    def test_scheduling(self):
        line, got = self.check("scheduling", "decision", deia__bot="ECHO",
                               message="decision general ECHO")
        self.assertEqual(got["deia.task"], line["task"])
        self.assertEqual(got["deia.scheduling.candidates"][0]["bot"], "ECHO")

    def test_alerts(self):
        line, got = self.check("alerts", "alert_generated",
                               log__level="warn", event__kind="alert",
                               rule__name="bot_failed",
                               deia__alert__subject="BAD")
        self.assertEqual(got["message"], line["alert"]["summary"])

    def test_the_log_is_as_it_was_written(self):
        _, got = self.shipped("log", lambda d: d.get("event.action")
                              == "shipped")
        self.assertEqual(got, {**OWN, "event.dataset": "deia.log"})

    def test_what_is_not_json_is_shipped_as_text(self):
        _, got = self.shipped("log", lambda d: "error.message" in d)
        self.assertEqual(got["message"], "not JSON")
        self.assertRegex(got["@timestamp"], r"^\d{4}-\d\d-\d\dT[\d:.]+")

    def test_nothing_is_left_out_or_there_twice(self):
        with open(self.path("audit"), encoding="utf-8") as f:
            lines = [json.loads(line)["timestamp"] for line in f]
        came = self.web.kept.until(lambda items: [
            *self.of_kind(items, "audit")][:len(lines)][len(lines) - 1:]
            and self.of_kind(items, "audit"))
        self.assertEqual([d["@timestamp"] for _, d in came[:len(lines)]],
                         lines)
        self.assertEqual(len({a["_id"] for a, _ in came}), len(came))


class Kit(unittest.TestCase):
    def test_every_file_of_a_hive_is_followed_by_each_shipper(self):
        for name in ("rsyslog.conf", "filebeat.yml"):
            for file in FILES.values():
                self.assertRegex(deployed(f"elk/{name}"),
                                 rf"/var/lib/deia/bot-logs/{file}\.jsonl\b")

    def test_the_pipeline_has_the_names_that_rsyslog_makes(self):
        made = {".".join(m.split("!")) for m in re.findall(
            r"set \$\.doc!([\w!@]+) =", deployed("elk/rsyslog.conf"))}
        pipeline = json.loads(deployed("elk/ingest-pipeline.json"))
        # Filebeat puts whole lines there.
        named = {"deia.mail", "deia.scheduling"}
        for step in pipeline["processors"]:
            (_, body), = step.items()
            named |= {body.get("field"), body.get("target_field")}
        self.assertEqual(made - named, set())


if __name__ == "__main__":
    unittest.main()
