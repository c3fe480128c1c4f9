# SPDX-License-Identifier: MIT
"""The configurations of server/deploy/ as a test runs them: other addresses,
secrets of its own, seconds in the place of minutes. All else is as shipped."""

import os
import re

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../server/deploy")
SOON = "300ms"
# Job of prometheus.yml -> the port that stands there.
PORTS = {"deiad": 8000, "postgresql": 9187, "redis": 9121, "node": 9100,
         "nginx": 9113, "prometheus": 9090}
RECEIVERS = ("pagerduty", "slack", "email", "email-digest")


def deployed(name):
    """The text of a file below server/deploy/."""
    with open(os.path.join(DEPLOY, name), encoding="utf-8") as f:
        return f.read()


def keep(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def scraper_token(hive):
    """A file with a viewer's token."""
    made = hive.must("POST", "/tokens", {"name": "prometheus",
                                         "role": "viewer"})
    return keep(hive.dir, "scraper.token", made["token"] + "\n")


def quick_rules(folder):
    """A copy of alerts.yml whose alerts fire seconds after their cause."""
    return keep(folder, "alerts.yml", re.sub(
        r"\bfor: \w+", "for: 2s", deployed("prometheus/alerts.yml")))


def prometheus_config(hive, ports=None, rules=None, alertmanager=None,
                      interval=SOON):
    """prometheus.yml, with the hive in the place of deiad, ports of the jobs in
    ports, and jobs that are not there at a port where nobody listens."""
    ports = {"deiad": hive.port, **(ports or {})}
    text = deployed("prometheus/prometheus.yml")
    text = text.replace("/etc/prometheus/deia.token", scraper_token(hive))
    text = text.replace("15s", interval)
    text = text.replace("- alerts.yml", "- " + (rules or os.path.join(
        DEPLOY, "prometheus/alerts.yml")))
    text = text.replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager or 1}")
    for job, port in PORTS.items():
        text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:"
                            f"{ports.get(job, 1)}")
    return text


def alertmanager_config(folder, web, mail):
    """alertmanager.yml, with what is for Slack and PagerDuty going to web (a
    Listener), at /slack and /pagerduty, and mail to a Mailbox. Each receiver
    also posts to web as a webhook: /hook/NAME."""
    text = deployed("alertmanager/alertmanager.yml")
    for name, secret in (("slack.url", web.url + "/slack"),
                         ("pagerduty.key", "0123456789abcdef"),
                         ("smtp.password", "secret")):
        text = text.replace(f"/etc/prometheus/{name}",
                            keep(folder, name, secret))
    text = text.replace("templates/*.tmpl", os.path.join(
        DEPLOY, "alertmanager/templates/*.tmpl"))
    text = text.replace("mail.example.org:587", f"127.0.0.1:{mail.port}")
    text = text.replace("smtp_require_tls: true", "smtp_require_tls: false\n"
                        f"  pagerduty_url: {web.url}/pagerduty")
    text = re.sub(r"(group_wait|group_interval): \w+", rf"\1: {SOON}", text)
    for name in RECEIVERS:
        text = text.replace(
            f"- name: {name}\n", f"- name: {name}\n    webhook_configs:\n"
            f"      - url: {web.url}/hook/{name}\n")
    return text
