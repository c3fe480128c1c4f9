# SPDX-License-Identifier: MIT
"""The standing story, its second night: a file declares bots of every kind (a
model behind Ollama and behind an OpenAI-compatible server, a bot that runs its
model itself, a script, a coding agent, a program elsewhere). Each gets into
trouble of its own kind; deiad is killed; in the morning everything is accounted
for, and applying the file again finds nothing to do.

The cases are chapters: they run in their order, over one hive.
"""

import os
import signal
import subprocess
import sys
import threading
import unittest

from hive import Hive, alive, descendants, program, wait_gone
from models import FOLDER, Models

HERE = os.path.dirname(os.path.abspath(__file__))
AGENTS = os.path.realpath(os.path.join(HERE, "..", "support", "agents"))
EXAMPLES = os.path.realpath(os.path.join(HERE, "..", "..", "examples"))
KINDS = ("ANNA", "CODA", "EDGE", "OPAL", "PIA", "TINY")

BOTS = """
defaults:
  ready_timeout_seconds: 30
bots:
  - id: ANNA
    adapter: ollama
    model: math
    base_url: {url}
    options: {{temperature: 0}}
    history_messages: 0
  - id: OPAL
    adapter: openai
    model: words
    base_url: {url}/v1
    options: {{temperature: 0}}
    history_messages: 0
    depends_on: [ANNA]
  - id: TINY
    adapter: process
    argv: [{tiny}, {model}]
    limits: {{memory_mib: 200, memory_seconds: 5}}
    history_messages: 0
  - id: PIA
    adapter: process
    type: script
    argv: [{python}, {examples}/bots/backwards.py]
    ping: {{interval_seconds: 1, timeout_seconds: 1}}
    depends_on: [OPAL]
  - id: CODA
    adapter: exec
    argv: [claude, -p, --output-format, stream-json, --verbose,
      --resume, "{{session}}"]
    options: {{format: claude-stream-json}}
  - id: EDGE
    adapter: external
    heartbeat_timeout_seconds: 600
  - id: ILL
    adapter: process
    argv: [sh, -c, "echo no key in the box >&2; exit 4"]
    restart: {{max_restarts: 1, window_seconds: 60}}
"""


class Edge(threading.Thread):
    """A program on another machine: claims turns and answers in capitals."""

    def __init__(self, hive):
        super().__init__(daemon=True)
        self.hive = hive
        self.ending = False
        self.error = None

    def run(self):
        try:
            while not self.ending:
                self.work()
        except Exception as e:  # told to the chapter that waits for it
            self.error = e

    def work(self):
        status, got = self.hive.call("POST", "/tasks/claim", {
            "bot": "EDGE", "wait_seconds": 1, "lease_seconds": 30})
        if status != 200:
            return
        task = got["task"]
        self.hive.must("POST", f"/tasks/{task['id']}/complete", {
            "lease_token": got["lease_token"],
            "text": task["content"].upper()})


class EveryKind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models().start()
        cls.addClassCleanup(cls.models.stop)
        cls.hive = Hive()
        cls.hive.env["PATH"] += ":" + AGENTS + ":" + os.environ["PATH"]
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.env["HOME"] = cls.hive.dir  # of the agent's sessions
        cls.hive.start()
        cls.file = os.path.join(cls.hive.dir, "night.yaml")
        with open(cls.file, "w", encoding="utf-8") as f:
            f.write(BOTS.format(
                url=cls.models.url, python=sys.executable, examples=EXAMPLES,
                tiny=program(os.environ["DEIA_BUILD"], "tiny-bot"),
                model=os.path.join(FOLDER, "all.gguf")))
        cls.asked = []

    def deia(self, *args):
        return subprocess.run(
            [program(os.environ["DEIA_BUILD"], "deia"), "--dir",
             self.hive.dir, *args], text=True, env=self.hive.env,
            capture_output=True, check=False, timeout=120)

    def ask(self, bot, question, answer):
        got = self.hive.say(bot, question)["content"].strip()
        self.assertEqual(got, answer)
        self.asked.append((bot, question, answer))

    def reasons(self, bot):
        page = self.hive.must("GET", f"/bots/{bot}/history?limit=100")
        return [(x["state"], x["reason"]) for x in page["items"]]

    def test_1_one_file_launches_bots_of_every_kind(self):
        p = self.deia("apply", "-f", self.file)
        self.assertEqual(p.returncode, 0, p.stderr)
        for bot in KINDS:
            self.hive.wait_state(bot, "ready")
        ready = {x["subject"]: x["seq"] for x in self.events("bot.state")
                 if x["data"]["state"] == "ready"}
        self.assertLess(ready["ANNA"], ready["OPAL"], "depends_on")
        self.assertLess(ready["OPAL"], ready["PIA"], "depends_on")

    def events(self, kind):
        found = []
        last = None
        with self.hive.stream("GET", "/events?after=0") as stream:
            for name, data, ident in stream:
                if name == "open":
                    last = data["last_seq"]
                    continue
                if name == kind:
                    found.append({"seq": int(ident), **data})
                if int(ident) >= last:
                    return found
        return found

    def test_2_each_answers(self):
        type(self).edge = Edge(self.hive)
        self.edge.start()
        self.ask("ANNA", "add 12 30", "42")
        self.ask("OPAL", "upper abc", "ABC")
        self.ask("TINY", "max 3 8", "8")
        self.ask("PIA", "one two", "two one")
        self.hive.say("CODA", "remember plum")
        self.ask("EDGE", "far away", "FAR AWAY")

    def test_3_one_that_cannot_live_says_why_and_disturbs_nobody(self):
        info = self.hive.wait_state("ILL", "failed")
        self.assertIn("exited with 4", info["state_reason"])
        self.assertIn("no key in the box", info["state_reason"])
        self.assertEqual(info["last_exit"]["code"], 4)
        p = self.deia("bot", "describe", "ILL")
        self.assertIn("no key in the box", p.stdout)
        self.ask("ANNA", "sub 9 4", "5")

    def test_4_one_that_stopped_itself_is_replaced(self):
        before = self.hive.must("GET", "/bots/PIA")["pid"]
        os.kill(before, signal.SIGSTOP)

        def is_back():
            info = self.hive.must("GET", "/bots/PIA")
            return info["state"] == "ready" and info["pid"] != before

        self.hive.wait(is_back)
        self.assertTrue(any("SIGSTOP" in r for _, r in self.reasons("PIA")))
        self.ask("PIA", "a b c", "c b a")

    def test_5_a_model_server_that_goes_away_is_named_and_waited_for(self):
        port = self.models.port
        self.models.process.send_signal(signal.SIGSTOP)
        self.models.process.kill()
        self.models.process.wait()
        status, problem = self.hive.call("POST", "/bots/OPAL/chat",
                                         {"content": "upper x"})
        self.assertGreaterEqual(status, 500)
        self.assertIn(str(port), problem["detail"])
        info = self.hive.must("GET", "/bots/OPAL")
        self.assertEqual(info["state"], "ready")
        self.assertIn(str(port), info["status_text"])
        self.restart_models(port)
        self.hive.wait(lambda: self.hive.must("GET", "/bots/OPAL")
                       ["status_text"] == "")
        self.ask("OPAL", "upper xyz", "XYZ")

    def restart_models(self, port):
        self.models.process.stdout.close()
        self.models.process = subprocess.Popen(
            ["node", "ollama-shim.mjs", str(port),
             *[f"{n}={n}.gguf" for n in self.models.names]], cwd=FOLDER,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.assertIn("listening", self.models.process.stdout.readline())

    def test_6_deiad_is_killed_and_nothing_runs_twice(self):
        self.edge.ending = True
        self.edge.join(30)
        self.assertIsNone(self.edge.error)
        below = self.hive.kill()
        self.assertEqual(wait_gone(below), [], "bots outlived deiad")
        self.hive.start()
        for bot in KINDS:
            self.hive.wait_state(bot, "ready")
        bots = self.hive.must("GET", "/bots")["items"]
        self.assertEqual([b["id"] for b in bots], sorted([*KINDS, "ILL"]))
        pids = [b["pid"] for b in bots if b["pid"]]
        self.assertEqual(len(pids), len(set(pids)))
        self.assertTrue(all(alive(pid) for pid in pids))

    def test_7_work_goes_on_where_it_was(self):
        type(self).edge = Edge(self.hive)
        self.edge.start()
        self.ask("CODA", "recall", "I know: plum")
        self.ask("EDGE", "still here", "STILL HERE")
        self.ask("TINY", "add 1 2", "3")
        self.edge.ending = True
        self.edge.join(30)
        self.assertIsNone(self.edge.error)

    def test_8_in_the_morning_everything_is_accounted_for(self):
        for bot, question, answer in self.asked:
            said = [x["content"].strip() for x in self.hive.lines(bot)]
            self.assertIn(question, said)
            self.assertIn(answer, said)
        self.assertIn("failed", [s for s, _ in self.reasons("ILL")])
        p = self.deia("apply", "-f", self.file, "--json")
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertNotIn('"create"', p.stdout)
        again = self.deia("bot", "export", "--all")
        self.assertEqual(again.returncode, 0, again.stderr)
        for bot in KINDS:
            self.assertIn(f"id: {bot}", again.stdout)

    def test_9_a_clean_stop_leaves_nothing_behind(self):
        below = descendants(self.hive.process.pid)
        self.assertEqual(self.hive.stop(), 0, self.hive.log())
        self.assertEqual(wait_gone(below), [])


if __name__ == "__main__":
    unittest.main()
