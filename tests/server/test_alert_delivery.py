# SPDX-License-Identifier: MIT
"""Telling people of alerts: real receivers of every kind, retries, what a
killed hive left untold, and test messages."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

import alertmanager
from guide import DOCS
from hive import Hive, program
from prometheus import Page
from receivers import Mail, Webhook, has_mail

RULES = "/api/v1/health/rules"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def few_bots(name="few", level="warning"):
    """A rule that fires at once, and until it is taken out."""
    return {"id": name, "metric": "hive.bots", "compare": "<",
            "levels": {level: {"at": 100}}, "text": "Launch <more>."}


def config(receivers, **more):
    """The file; JSON is YAML."""
    return json.dumps({"alerts": {"group_seconds": 0, **more,
                                  "receivers": receivers}})


class Told(unittest.TestCase):
    def open(self, receivers, env=None, files=None, **more):
        self.hive = Hive(config=config(receivers, **more), env=env)
        for name, text in (files or {}).items():
            with open(os.path.join(self.hive.dir, name), "w",
                      encoding="utf-8") as f:
                f.write(text)
        self.hive.__enter__()
        self.addCleanup(lambda: self.hive.__exit__())
        return self.hive

    def use(self, thing):
        self.addCleanup(thing.__exit__)
        return thing.__enter__()

    def rules(self, *rules):
        self.hive.must("PUT", RULES, {"rules": list(rules)})

    def receiver(self, name):
        return next(r for r in self.hive.must(
            "GET", "/alerts/receivers")["items"] if r["name"] == name)

    def until(self, holds, seconds=60):
        """What holds() gives once it is true. Deliveries make no events: each
        question is a round trip."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            value = holds()
            if value:
                return value
        raise AssertionError(f"still not so\n{self.hive.log()}")

    def receiver_has(self, name, **what):
        return self.until(lambda: next(
            (r for r in [self.receiver(name)]
             if all(r[k] == v for k, v in what.items())), None))


class Webhooks(Told):
    def test_signed_when_it_fires_and_when_it_is_over(self):
        hook = self.use(Webhook())
        self.open({"ops": {"kind": "webhook", "url": hook.url,
                           "secret_file": "key"}}, files={"key": SECRET})
        self.rules(few_bots())
        fired = hook.next()
        self.assertEqual(fired.headers["webhook-signature"],
                         fired.signature(SECRET))
        self.assertEqual(fired.headers["webhook-id"], fired.json["id"])
        self.assertEqual(fired.json["type"], "alerts.changed")
        first = fired.json["alerts"][0]
        self.assertEqual((first["notice"], first["alert"]["rule"],
                          first["alert"]["state"]),
                         ("firing", "few", "firing"))
        self.rules()
        over = hook.next()
        self.assertEqual(over.headers["webhook-signature"],
                         over.signature(SECRET))
        self.assertNotEqual(over.json["id"], fired.json["id"])
        last = over.json["alerts"][0]
        self.assertEqual((last["notice"], last["alert"]["id"]),
                         ("resolved", first["alert"]["id"]))
        ops = self.receiver_has("ops", waiting=0, delivered=2)
        self.assertEqual((ops["kind"], ops["level"], ops["error"]),
                         ("webhook", "warning", None))
        # The path of a webhook may be a secret.
        self.assertEqual(ops["target"] + "/hook", hook.url)
        page = Page(self.hive.must("GET", "/metrics"))
        self.assertEqual(page.value("deia_alert_notifications_total",
                                    receiver="ops", outcome="delivered"), 2)
        self.assertEqual(page.value("deia_alert_notifications_waiting",
                                    receiver="ops"), 0)

    def test_what_is_not_taken_is_tried_again_under_its_id(self):
        hook = self.use(Webhook(503, 429, 200))
        self.open({"ops": {"kind": "webhook", "url": hook.url}})
        self.rules(few_bots())
        tries = [hook.next() for _ in range(3)]
        self.assertEqual(len({t.headers["webhook-id"] for t in tries}), 1)
        self.assertEqual(len({t.body for t in tries}), 1)
        ops = self.receiver_has("ops", delivered=1)
        self.assertEqual((ops["retried"], ops["failed"], ops["waiting"]),
                         (2, 0, 0))
        self.assertIn("429", ops["error"])

    def test_what_is_refused_is_given_up_and_said(self):
        hook = self.use(Webhook(400))
        self.open({"ops": {"kind": "webhook", "url": hook.url}})
        self.rules(few_bots())
        hook.next()
        ops = self.receiver_has("ops", failed=1)
        self.assertEqual((ops["retried"], ops["waiting"]), (0, 0))
        self.until(lambda: "receiver ops was not told of 1 alerts: it "
                   "answered 400" in self.hive.log())

    def test_redirects_are_not_followed(self):
        other = self.use(Webhook())
        hook = self.use(Webhook(307, headers=[("Location", other.url)]))
        self.open({"ops": {"kind": "webhook", "url": hook.url}})
        self.rules(few_bots())
        ops = self.receiver_has("ops", failed=1)
        self.assertIn("redirects are not followed", ops["error"])
        self.assertTrue(other.requests.empty())

    def test_levels_and_ends_that_are_not_wanted(self):
        loud, quiet = self.use(Webhook()), self.use(Webhook())
        self.open({"loud": {"kind": "webhook", "url": loud.url,
                            "level": "critical"},
                   "quiet": {"kind": "webhook", "url": quiet.url,
                             "level": "info", "resolved": False}})
        self.rules(few_bots("small", "info"))
        self.assertEqual(quiet.next().json["alerts"][0]["alert"]["rule"],
                         "small")
        self.rules(few_bots("large", "critical"))
        self.assertEqual(loud.next().json["alerts"][0]["alert"]["rule"],
                         "large")
        self.assertEqual(
            [a["alert"]["rule"] for a in quiet.next().json["alerts"]],
            ["large"])

    def test_slack(self):
        hook = self.use(Webhook())
        self.open({"chat": {"kind": "webhook", "url_env": "TEST_SLACK",
                            "format": "slack"}}, env={"TEST_SLACK": hook.url})
        self.rules(few_bots())
        text = hook.next().json["text"]
        self.assertIn("*WARNING*", text)
        self.assertIn("Launch &lt;more&gt;.", text)

    def test_what_a_killed_hive_did_not_tell_the_next_one_tells(self):
        hook = self.use(Webhook(503))
        self.open({"ops": {"kind": "webhook", "url": hook.url}})
        self.rules(few_bots())
        before = hook.next()
        self.hive.wait(lambda: self.hive.must(
            "GET", "/alerts?state=firing")["items"][0]["told"])
        self.hive.process.send_signal(signal.SIGKILL)
        self.hive.process.wait()
        hook.answers = [200]
        while not hook.requests.empty():
            hook.next()
        self.hive.start()
        after = hook.next()
        self.assertEqual(after.json["id"], before.json["id"])
        self.assertEqual(after.json["alerts"][0]["alert"]["id"],
                         before.json["alerts"][0]["alert"]["id"])
        self.receiver_has("ops", waiting=0, delivered=1)
        # It is not told once more by a third one, only that it is over.
        self.hive.process.send_signal(signal.SIGTERM)
        self.hive.process.wait()
        self.hive.start()
        self.rules()
        self.assertEqual(hook.next().json["alerts"][0]["notice"], "resolved")


class Guide(Told):
    """What docs/alerts.md shows works."""

    def block(self, language):
        with open(os.path.join(DOCS, "alerts.md"), encoding="utf-8") as f:
            section = f.read().split("## Telling people\n")[1]
        return re.search(rf"^```{language}\n(.*?)^```$", section,
                         re.M | re.S).group(1)

    def test_its_receivers_are_valid_and_of_every_kind(self):
        hive = Hive(config=self.block("yaml"))
        self.addCleanup(shutil.rmtree, hive.dir)
        p = subprocess.run([program(hive.build, "deia"), "--dir", hive.dir,
                            "config", "show", "--json"], env=hive.env,
                           capture_output=True, text=True, check=False)
        self.assertEqual(p.returncode, 0, p.stderr)
        kinds = {v["value"]["kind"] for k, v in json.loads(p.stdout).items()
                 if k.startswith("alerts.receivers.")}
        self.assertEqual(kinds, {"webhook", "email", "alertmanager", "exec"})

    def test_its_code_verifies_a_signature(self):
        known = {"base64": base64, "hashlib": hashlib, "hmac": hmac,
                 "time": time}
        exec(self.block("python"), known)  # our own text
        hook = self.use(Webhook())
        self.open({"ops": {"kind": "webhook", "url": hook.url,
                           "secret_env": "KEY"}}, env={"KEY": SECRET})
        self.hive.must("POST", "/alerts/test")
        r = hook.next()
        self.assertTrue(known["is_from_deia"](SECRET, r.headers, r.body))
        self.assertFalse(known["is_from_deia"](SECRET, r.headers,
                                               r.body + b" "))
        self.assertFalse(known["is_from_deia"]("other", r.headers, r.body))


class Others(Told):
    @unittest.skipUnless(has_mail(), "python3-aiosmtpd is not installed")
    def test_mail(self):
        mail = self.use(Mail())
        self.open({"post": {"kind": "email", "url": mail.url,
                            "starttls": False, "from": "deia@example.org",
                            "to": ["a@example.org", "b@example.org"]}})
        self.rules(few_bots())
        got = mail.next()
        self.assertEqual((got["from"], got["to"]), (
            "deia@example.org", ["a@example.org", "b@example.org"]))
        m = email.message_from_string(got["data"],
                                      policy=email.policy.default)
        self.assertIn("WARNING", m["Subject"])
        self.assertIn("What to do: Launch <more>.", m.get_content())
        self.receiver_has("post", delivered=1)

    @unittest.skipUnless(has_mail() and shutil.which("openssl"),
                         "python3-aiosmtpd or openssl is not installed")
    def test_mail_with_starttls(self):
        hive = Hive()  # its folder alone
        self.addCleanup(shutil.rmtree, hive.dir)
        cert, key = (os.path.join(hive.dir, n) for n in ("cert", "key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                        key, "-out", cert, "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True)
        mail = self.use(Mail(cert, key))
        who = {"kind": "email", "url": mail.url, "from": "deia@example.org",
               "to": "a@example.org"}
        self.open({"safe": {**who, "ca_file": cert}, "strange": who})
        self.rules(few_bots())
        self.assertTrue(mail.next()["tls"])
        self.receiver_has("safe", delivered=1)
        self.until(lambda: self.receiver("strange")["retried"])
        self.assertEqual(self.receiver("strange")["delivered"], 0)

    @unittest.skipUnless(alertmanager.PROGRAM,
                         "prometheus-alertmanager is not installed")
    def test_a_real_alertmanager(self):
        am = self.use(alertmanager.Alertmanager())
        self.open({"am": {"kind": "alertmanager", "url": am.url}},
                  resend_seconds=1)
        self.rules(few_bots())
        alert = am.wait("few")
        self.assertEqual((alert["labels"]["severity"],
                          alert["labels"]["rule"]), ("warning", "few"))
        self.assertEqual(alert["annotations"]["description"],
                         "Launch <more>.")
        self.until(lambda: self.receiver("am")["delivered"] > 2)
        self.assertEqual(am.wait("few")["startsAt"], alert["startsAt"])
        self.rules(few_bots(level="critical"))
        self.until(lambda: [a["labels"]["severity"]
                            for a in am.alerts()] == ["critical"])
        self.rules()
        am.wait("few", gone=True)

    def test_a_program(self):
        self.open({"own": {"kind": "exec", "argv": [
            "/bin/sh", "-c", "cat >told.tmp && mv told.tmp told"]}})
        self.rules(few_bots())
        self.receiver_has("own", delivered=1)
        with open(os.path.join(self.hive.dir, "told"), encoding="utf-8") as f:
            told = json.load(f)
        self.assertEqual(told["alerts"][0]["alert"]["rule"], "few")

    def test_programs_that_fail(self):
        self.open({"bad": {"kind": "exec", "argv": [
                       "/bin/sh", "-c", "echo it broke >&2; exit 3"]},
                   "none": {"kind": "exec", "argv": ["/nonexistent/x"]},
                   "late": {"kind": "exec", "timeout_seconds": 1,
                            "argv": ["/bin/sh", "-c", "exec sleep 600"]}})
        items = {i["receiver"]: i for i in self.hive.must(
            "POST", "/alerts/test")["items"]}
        self.assertEqual({i["ok"] for i in items.values()}, {False})
        self.assertEqual(items["bad"]["error"],
                         "its program ended with 3: it broke")
        self.assertIn("could not be run: No such file",
                      items["none"]["error"])
        self.assertEqual(items["late"]["error"], "its program took too long")


class Tests(Told):
    def test_each_receiver_says_how_it_went(self):
        good, bad = self.use(Webhook()), self.use(Webhook(404))
        self.open({"good": {"kind": "webhook", "url": good.url,
                            "secret_env": "TEST_KEY"},
                   "bad": {"kind": "webhook", "url": bad.url}},
                  env={"TEST_KEY": "plain"})
        items = self.hive.must("POST", "/alerts/test")["items"]
        self.assertEqual([(i["receiver"], i["ok"], i["error"])
                          for i in items],
                         [("good", True, None),
                          ("bad", False, "it answered 404")])
        said = good.next()
        self.assertEqual(said.json["type"], "alerts.test")
        self.assertEqual(said.headers["webhook-signature"],
                         said.signature("plain"))
        one = self.hive.must("POST", "/alerts/test", {"receiver": "good"})
        self.assertEqual(len(one["items"]), 1)
        status, problem = self.hive.call("POST", "/alerts/test",
                                         {"receiver": "nobody"})
        self.assertEqual(status, 404)
        self.assertIn("there is no receiver nobody", problem["detail"])
        audit = self.hive.must("GET", "/audit")["items"]
        self.assertIn("alert.test", [a["action"] for a in audit])

    def test_without_receivers_nobody_can_be_tested(self):
        self.open({})
        self.assertEqual(self.hive.must("GET", "/alerts/receivers"),
                         {"items": []})
        status, problem = self.hive.call("POST", "/alerts/test")
        self.assertEqual(status, 404)
        self.assertIn("alerts.receivers", problem["detail"])

    def test_receivers_change_while_it_runs(self):
        old, new = self.use(Webhook()), self.use(Webhook())
        self.open({"old": {"kind": "webhook", "url": old.url}})
        self.rules(few_bots())
        old.next()
        with open(os.path.join(self.hive.dir, "config.yaml"), "w",
                  encoding="utf-8") as f:
            f.write(config({"new": {"kind": "webhook", "url": new.url}}))
        self.hive.process.send_signal(signal.SIGHUP)
        self.assertEqual(new.next().json["alerts"][0]["alert"]["rule"], "few")
        self.assertEqual([r["name"] for r in self.hive.must(
            "GET", "/alerts/receivers")["items"]], ["new"])

    def test_a_secret_that_is_not_there_is_said(self):
        with self.assertRaises(AssertionError) as e:
            self.open({"ops": {"kind": "webhook", "url": "https://localhost",
                               "secret_file": "missing"}})
        self.assertIn("alerts.receivers.ops.secret: missing cannot be read",
                      str(e.exception))


if __name__ == "__main__":
    unittest.main()
