# SPDX-License-Identifier: MIT
"""The bots of examples/bots: one bot in four languages, and one that deals with
mail. Each passes `deia bot test` without a warning, and works in a real hive."""

import json
import os
import shutil
import subprocess
import unittest

from hive import Hive

DEIA = os.environ["DEIA"]
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "..", "..", "examples", "bots")


def argv_of(name):
    return {
        "c": [os.environ["BACKWARDS"]],
        "python": ["python3", os.path.join(FOLDER, "backwards.py")],
        "node": ["node", os.path.join(FOLDER, "backwards.mjs")],
        "sh": ["sh", os.path.join(FOLDER, "backwards.sh")],
        "mailman": ["python3", os.path.join(FOLDER, "mailman.py")],
    }[name]


class Examples(unittest.TestCase):
    def need(self, *programs):
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")

    def trial(self, name, *quick):
        out = subprocess.run([DEIA, "bot", "test", "--json", "--timeout",
                              "60", "--", *argv_of(name)], timeout=280,
                             stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, check=False)
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
        for found in json.loads(out.stdout)["checks"]:
            self.assertIn(found["verdict"], ("ok", "skipped")
                          if found["check"] in quick else ("ok",), found)

    def chat(self, name):
        with Hive() as hive:
            hive.launch("BACK", "process",
                        argv=[os.path.realpath(shutil.which(argv_of(name)[0])),
                              *map(os.path.realpath, argv_of(name)[1:])])
            hive.wait_state("BACK", "ready")
            answer = hive.say("BACK", "the quick brown  fox\n \U0001f98a")
            self.assertEqual(answer["content"], "\U0001f98a fox brown quick "
                             "the")
            info = hive.must("GET", "/bots/BACK")
            self.assertEqual((info["restarts"], info["state"]), (0, "ready"))
            hive.must("POST", "/bots/BACK/stop")
            stopped = hive.wait_state("BACK", "stopped")
            self.assertNotIn("SIG", stopped["state_reason"])

    def test_c_bot_passes_the_trial(self):
        self.trial("c")

    def test_c_bot_chats_in_a_hive(self):
        self.chat("c")

    def test_python_bot_passes_the_trial(self):
        self.trial("python")

    def test_python_bot_chats_in_a_hive(self):
        self.chat("python")

    def test_node_bot_passes_the_trial(self):
        self.need("node")
        self.trial("node")

    def test_node_bot_chats_in_a_hive(self):
        self.need("node")
        self.chat("node")

    def test_shell_bot_passes_the_trial(self):
        self.need("jq")
        self.trial("sh")

    def test_shell_bot_chats_in_a_hive(self):
        self.need("jq")
        self.chat("sh")

    def test_mailman_passes_the_trial(self):
        self.trial("mailman", "interrupt", "busy_ping")
        # it answers at once

    def test_mailman_answers_mail_in_a_hive(self):
        with Hive() as hive:
            argv = argv_of("mailman")
            hive.launch("MAN", "process",
                        argv=[os.path.realpath(shutil.which(argv[0])),
                              os.path.realpath(argv[1])])
            hive.wait_state("MAN", "ready")
            sent = hive.must("POST", "/messages",
                             {"to": "MAN", "content": "stressed"})
            got = hive.must("POST", "/bots/system/inbox/receive",
                            {"wait_seconds": 30})["items"]
            self.assertEqual(len(got), 1)
            self.assertEqual((got[0]["content"], got[0]["from"],
                              got[0]["reply_to"]),
                             ("desserts", "MAN", sent["id"]))


if __name__ == "__main__":
    unittest.main()
