# SPDX-License-Identifier: MIT
"""What server/deploy/alertmanager gives Alertmanager: its own checker finds
nothing, each alert of Prometheus' rules goes to whom it should, and no secret
is in it."""

import os
import re
import shutil
import subprocess
import unittest

from test_alerts import alerts

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
KIT = os.path.join(ROOT, "server/deploy/alertmanager")
AMTOOL = shutil.which("amtool")
GOES_TO = {"critical": "pagerduty,slack,email", "warning": "slack,email",
           "info": "email-digest"}
# Of the machine: they may be why a service is down.
NEVER_HELD_BACK = {"DeiadDown", "DeiaDiskFull", "DeiaMemoryLow"}


def read(name="alertmanager.yml"):
    with open(os.path.join(KIT, name), encoding="utf-8") as f:
        return f.read()


def amtool(*args):
    return subprocess.run([AMTOOL, *args], text=True, cwd=KIT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def severities():
    """Alert -> its severity."""
    return {name: re.search(r"severity: (\w+)", text).group(1)
            for name, text in alerts().items()}


class Kit(unittest.TestCase):
    def test_every_secret_is_a_file(self):
        for key in ("password", "api_url", "routing_key", "service_key"):
            self.assertNotRegex(read(), rf"\b\w*{key}:")
        self.assertEqual(len(re.findall(r"_file: /etc/prometheus/\S+$",
                                        read(), re.M)), 3)

    def test_what_is_held_back_are_alerts_there_are(self):
        held = set()
        for names in re.findall(r'alertname =~ "([^"]+)"', read()):
            held |= set(names.split("|"))
        self.assertEqual(held, set(alerts()) - NEVER_HELD_BACK)

    def test_templates_that_are_used_are_there(self):
        used = re.findall(r'template "([^"]+)"', read())
        there = re.findall(r'define "([^"]+)"', read("templates/deia.tmpl"))
        self.assertEqual(sorted(set(used)), sorted(there))


@unittest.skipUnless(AMTOOL, "amtool (package prometheus-alertmanager) is not"
                     " here")
class Amtool(unittest.TestCase):
    def test_configuration_is_clean(self):
        out = amtool("check-config", "alertmanager.yml")
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
        self.assertIn("2 inhibit rules", out.stdout)
        self.assertIn("1 templates", out.stdout)

    def receivers(self, *labels):
        out = amtool("config", "routes", "test",
                     "--config.file=alertmanager.yml", *labels)
        self.assertEqual(out.returncode, 0, out.stderr)
        return out.stdout.strip()

    def test_each_alert_goes_to_whom_it_should(self):
        self.assertEqual(len(severities()), 10)
        for name, level in severities().items():
            with self.subTest(name):
                self.assertEqual(self.receivers(
                    f"alertname={name}", f"severity={level}",
                    "instance=127.0.0.1:8000", "job=deiad"), GOES_TO[level])

    def test_an_alert_of_no_level_is_told_to_somebody(self):
        self.assertEqual(self.receivers("alertname=Own"), "email")

    def test_a_wrong_route_is_found(self):
        for text, good in ((read(), True), (read().replace(
                "receiver: slack", "receiver: nobody", 1), False)):
            out = subprocess.run([AMTOOL, "check-config"], input=text,
                                 text=True, check=False, capture_output=True)
            self.assertEqual(out.returncode == 0, good, out.stderr)


if __name__ == "__main__":
    unittest.main()
