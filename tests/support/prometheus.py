# SPDX-License-Identifier: MIT
"""Reads the text format of Prometheus, strictly; and runs a Prometheus.

    page = Page(text)
    page.value("deia_bots", state="ready")
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)$")
NUMBER = re.compile(r"-?\d+(\.\d+)?$")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def labels_of(text):
    """A dictionary; fails when the text is not a list of labels."""
    found = {}
    while text:
        m = LABEL.match(text)
        if not m or m.group(1) in found:
            raise AssertionError(f"labels: {text}")
        found[m.group(1)] = re.sub(
            r"\\.", lambda e: UNESCAPED[e.group(0)], m.group(2))
        text = text[m.end():]
    return found


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = []  # (name, labels, value)

    def label_names(self):
        return sorted({name for _, labels, _ in self.samples
                       for name in labels} - {"le"})


class Page:
    def __init__(self, text):
        self.families = {}
        family = None
        if not text.endswith("\n"):
            raise AssertionError("the last line has no end")
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                name, _, rest = line[7:].partition(" ")
                if name in self.families:
                    raise AssertionError(f"{name} is there twice")
                family = self.families[name] = Family(name, rest)
            elif line.startswith("# TYPE "):
                name, _, family.type = line[7:].partition(" ")
                if name != family.name or family.samples:
                    raise AssertionError(f"out of place: {line}")
            else:
                self.add(family, line)

    @staticmethod
    def add(family, line):
        m = SAMPLE.match(line)
        if not m or not NUMBER.match(m.group(3)):
            raise AssertionError(f"no sample: {line}")
        suffix = m.group(1).removeprefix(family.name)
        allowed = (("_bucket", "_sum", "_count")
                   if family.type == "histogram" else ("",))
        if suffix not in allowed:
            raise AssertionError(f"{line} is not of {family.name}")
        sample = (m.group(1), labels_of(m.group(2) or ""), float(m.group(3)))
        if any(s[:2] == sample[:2] for s in family.samples[-40:]):
            raise AssertionError(f"twice: {line}")
        family.samples.append(sample)

    def all(self, name, **labels):
        """Samples of this name that have these labels, and maybe others."""
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        family = self.families.get(name) or self.families[base]
        return [(s[1], s[2]) for s in family.samples if s[0] == name
                and labels.items() <= s[1].items()]

    def value(self, name, **labels):
        """Their sum; 0 when there is none."""
        return sum(value for _, value in self.all(name, **labels))


PROGRAM = shutil.which("prometheus")


class Prometheus:
    """A real one, with a configuration of the test's own.

        with Prometheus(text_of_the_configuration) as server:
            server.query('up')
    """

    def __init__(self, config):
        self.dir = tempfile.mkdtemp(prefix="deia-prometheus-")
        self.config = os.path.join(self.dir, "prometheus.yml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(config)
        self.process = self.port = None

    def start(self):
        """Returns when it takes questions."""
        self.process = subprocess.Popen(
            [PROGRAM, f"--config.file={self.config}",
             f"--storage.tsdb.path={self.dir}/data",
             "--web.listen-address=127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, cwd=self.dir)
        seen = ""
        for line in self.process.stderr:
            seen += line
            m = re.search(r'"Listening on" address=\S+:(\d+)', line)
            self.port = int(m.group(1)) if m else self.port
            if "Server is ready" in line:
                threading.Thread(target=self.process.stderr.read,
                                 daemon=True).start()
                return self
        raise AssertionError(f"prometheus does not start\n{seen}")

    def ask(self, path, **params):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            conn.request("GET", f"/api/v1/{path}?"
                         + urllib.parse.urlencode(params))
            answer = json.loads(conn.getresponse().read())
        finally:
            conn.close()
        if answer["status"] != "success":
            raise AssertionError(f"{path} {params}: {answer}")
        return answer["data"]

    def query(self, expression):
        """[(labels, value)]"""
        return [(r["metric"], float(r["value"][1])) for r in
                self.ask("query", query=expression)["result"]]

    def wait(self, expression, seconds=60):
        """What the expression gives, once it gives something; each question is
        a round trip."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            found = self.query(expression)
            if found:
                return found
        raise AssertionError(f"{expression}: nothing after {seconds} s")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
