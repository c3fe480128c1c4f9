# SPDX-License-Identifier: MIT
"""A hive whose model servers fail: it stays quick, says why, keeps keys."""

import concurrent.futures
import os
import tempfile
import threading
import time
import unittest

from fake_model import DIALECTS, FakeModel
from hive import Hive, Refused

# A bound that says "not held up", whatever else the machine does; the figure
# that the loop must keep is measured by the benchmarks.
QUICK_SECONDS = 2.0
KEY = "sk-test-0123456789abcdefghijklmnopqrstuvw"

# model: the code that its turn ends with
FAULTS = {
    "hang": "first_token_timeout", "drip": "model_stalled",
    "drip-first": "first_token_timeout", "stall": "model_stalled",
    "close": "answer_cut", "reset": "answer_cut", "garbage": "bad_answer",
    "hundred-megabytes": "bad_answer", "huge-line": "bad_answer",
    "error-line": "model_failed", "missing": "model_not_found",
    "429-soon": "rate_limited", "500": "model_failed",
    "503": "model_server_busy", "redirect": "model_server_redirects",
    "too-long": "answer_too_long", "bad-utf8": None, "cut-utf8": None,
}


class Watch(threading.Thread):
    """Asks /health and talks with a healthy bot all the time."""

    def __init__(self, hive):
        super().__init__(daemon=True)
        self.hive = hive
        self.stopped = threading.Event()
        self.slowest = 0.0
        self.rounds = 0
        self.failure = None

    def run(self):
        try:
            while not self.stopped.is_set():
                began = time.monotonic()
                self.hive.call("GET", "/health")
                text = f"still there {self.rounds}?"
                answer = self.hive.say("HEALTHY", text)
                assert answer["content"] == text, answer
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.rounds += 1
        except BaseException as e:  # told by the test
            self.failure = e

    def end(self):
        self.stopped.set()
        self.join(60)


class Base(unittest.TestCase):
    def setUp(self):
        self.server = FakeModel()
        self.addCleanup(self.server.close)
        self.server.next_token.set()
        self.hive = Hive()
        self.addCleanup(self.hive.__exit__)
        self.hive.start()


class ModelFaults(Base):
    def suffer(self, dialect, model, code):
        bot = f"{dialect.adapter}-{model}"
        options = {"first_token_timeout_seconds": 2,
                   "stall_timeout_seconds": 2}
        if dialect.adapter == "ollama":
            options["num_ctx"] = 2048
        self.hive.launch(bot, dialect.adapter, model=model,
                         base_url=self.server.url, options=options)
        self.hive.wait_state(bot, "ready")
        status, answer = self.hive.call("POST", f"/bots/{bot}/chat",
                                        {"content": "hi"})
        # what was shown before is kept: 200 with "partial" and the error
        said = str(answer.get("error") or answer.get("detail"))
        if code is None:
            return None if status == 200 else f"{bot}: {said}"
        if code not in str(answer.get("code")) + said:
            return f"{bot}: {status} {said[:500]}, expected {code}"

        def shown():
            info = self.hive.must("GET", f"/bots/{bot}")
            return info["status_text"] and info
        info = self.hive.wait(shown)
        if info["state"] != "ready" or not (
                info["status_text"].startswith(code)
                or "is missing" in info["status_text"]):
            return f"{bot}: {info['state']}, {info['status_text']}"
        return None

    def test_faults_of_one_bot_are_no_concern_of_others(self):
        self.hive.launch("HEALTHY")
        self.hive.wait_state("HEALTHY", "ready")
        watch = Watch(self.hive)
        watch.start()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            problems = [p for p in pool.map(
                lambda c: self.suffer(*c),
                [(d, m, c) for d in DIALECTS for m, c in FAULTS.items()])
                if p]
        watch.end()
        self.assertIsNone(watch.failure)
        self.assertEqual(problems, [])
        self.assertGreater(watch.rounds, 20)
        self.assertLess(watch.slowest, QUICK_SECONDS)

    def test_key_is_nowhere_but_at_the_server(self):
        with tempfile.NamedTemporaryFile("w", suffix=".key") as key:
            key.write(KEY + "\n")
            key.flush()
            for dialect in DIALECTS[1:]:
                for model in ("echo-key", "echo-key-late"):
                    bot = f"{dialect.adapter}-{model}"
                    self.hive.launch(bot, dialect.adapter, model=model,
                                     base_url=self.server.url,
                                     api_key_file=key.name)
                    self.hive.wait_state(bot, "ready")
                    _, answer = self.hive.call(
                        "POST", f"/bots/{bot}/chat", {"content": "hi"})
                    shown = str(answer) + str(self.hive.must(
                        "GET", f"/bots/{bot}")) + str(self.hive.must(
                            "GET", f"/bots/{bot}/logs"))
                    self.assertNotIn(KEY[:12], shown)
        sent = [r[2] for r in self.server.requests if KEY in str(r[2])]
        self.assertGreater(len(sent), 3)
        for folder, _, names in os.walk(self.hive.dir):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(KEY.encode(), f.read(), name)

    def test_key_that_cannot_be_read_fails_the_bot_with_the_reason(self):
        self.hive.launch("NOKEY", "openai", model="ok",
                         base_url=self.server.url,
                         api_key_file="/nothing/there",
                         restart={"policy": "never"})
        info = self.hive.wait_state("NOKEY", "failed", "stopped")
        log = str(self.hive.must("GET", "/bots/NOKEY/logs"))
        self.assertIn("/nothing/there", log + info["state_reason"])


class ListOfModels(Base):
    """GET /models for each adapter."""

    def models(self, adapter, url):
        return self.hive.must(
            "GET", f"/models?adapter={adapter}&base_url={url}")["items"]

    def test_each_dialect_is_read(self):
        self.server.models = ["one", "two"]
        for adapter in ("ollama", "openai", "anthropic"):
            items = self.models(adapter, self.server.url)
            self.assertEqual([i["name"] for i in items], ["one", "two"])
        self.assertEqual(self.models("openai", self.server.url)[0],
                         {"name": "one", "size_bytes": None,
                          "modified_at": "1970-01-01T00:00:01.000Z"})
        self.assertEqual(
            [i["name"] for i in self.models("openai",
                                            self.server.url + "/v1")],
            ["one", "two"])

    def test_key_of_a_bot_goes_to_its_own_address_only(self):
        with tempfile.NamedTemporaryFile("w") as key, FakeModel() as other:
            key.write(KEY)
            key.flush()
            for adapter in ("openai", "anthropic"):
                self.hive.launch("K-" + adapter, adapter, model="ok",
                                 base_url=self.server.url,
                                 api_key_file=key.name)
            for server, expected in ((self.server, True), (other, False)):
                for adapter in ("openai", "anthropic"):
                    before = len(server.requests)
                    self.models(adapter, server.url)
                    asked = [r[2] for r in server.requests[before:]
                             if r[1] is None]
                    self.assertTrue(asked)
                    self.assertEqual(any(KEY in str(h) for h in asked),
                                     expected)

    def test_what_is_wrong_is_said(self):
        self.server.list_status = 401
        with self.assertRaises(Refused) as caught:
            self.models("openai", self.server.url)
        self.assertEqual(caught.exception.status, 502)
        self.assertIn("api_key_file", caught.exception.problem["detail"])
        for query in ("adapter=echo", "adapter=openai",
                      "adapter=openai&base_url=http://example.com"):
            with self.assertRaises(Refused) as caught:
                self.hive.must("GET", "/models?" + query)
            self.assertEqual(caught.exception.status, 422)


if __name__ == "__main__":
    unittest.main()
