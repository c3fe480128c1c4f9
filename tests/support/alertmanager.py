# SPDX-License-Identifier: MIT
"""A real Alertmanager of the test's own.

    with Alertmanager() as am:
        am.url                      # for who sends alerts
        am.wait("few_bots")         # the alert of this name, once it fires
        am.wait("few_bots", gone=True)

Its configuration may be given; without one it receives and tells nobody.
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

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which(
    "alertmanager")
QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class Alertmanager:
    def __init__(self, config=QUIET, *args):
        self.args = args
        self.dir = tempfile.mkdtemp(prefix="deia-alertmanager-")
        self.config = os.path.join(self.dir, "alertmanager.yml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(config)
        self.process = self.port = self.url = None

    def start(self):
        """Returns when it takes questions."""
        self.process = subprocess.Popen(
            [PROGRAM, f"--config.file={self.config}",
             f"--storage.path={self.dir}/data", "--cluster.listen-address=",
             "--web.listen-address=127.0.0.1:0", *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, cwd=self.dir)
        seen = ""
        for line in self.process.stderr:
            seen += line
            m = re.search(r'"Listening on" address=\S+:(\d+)', line)
            if m:
                self.port = int(m.group(1))
                self.url = f"http://127.0.0.1:{self.port}"
                threading.Thread(target=self.process.stderr.read,
                                 daemon=True).start()
                return self
        raise AssertionError(f"alertmanager does not start\n{seen}")

    def call(self, method, path, body=None):
        """One request of its API v2; the parsed answer."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            conn.request(method, f"/api/v2/{path}",
                         None if body is None else json.dumps(body),
                         {"Content-Type": "application/json"})
            reply = conn.getresponse()
            text = reply.read().decode()
        finally:
            conn.close()
        if reply.status != 200:
            raise AssertionError(f"{path}: {reply.status} {text}")
        return json.loads(text) if text else None

    def alerts(self):
        """Those that fire now."""
        return self.call("GET", "alerts")

    def wait(self, name, gone=False, seconds=60):
        """The alert of this name once it fires, or None once it does not; each
        question is a round trip."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            found = next((a for a in self.alerts()
                          if a["labels"]["alertname"] == name), None)
            if (found is None) == gone:
                return found
        raise AssertionError(f"{name}: not {'gone' if gone else 'there'}"
                             f" after {seconds} s")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)
