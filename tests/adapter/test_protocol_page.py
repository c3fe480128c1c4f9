# SPDX-License-Identifier: MIT
"""docs/bot-protocol.md: its example bot works, its session is what happens."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from botline import Bot

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "..", "..", "docs", "bot-protocol.md")
with open(PAGE, encoding="utf-8") as page:
    TEXT = page.read()


# The blocks of > and < lines: [(">", line), ("<", line) ...] each.
SESSIONS = [[(line[0], line[2:]) for line in block.splitlines()]
            for block in re.findall(r"```\n((?:[<>] .*\n)+)```", TEXT)]


class Page(unittest.TestCase):
    def test_every_example_line_is_json_with_a_type(self):
        lines = re.findall(r"^[<>] (\{.*\})$", TEXT, re.M)
        self.assertGreater(len(lines), 5)
        for line in lines:
            self.assertIn("type", json.loads(line))

    def play(self, session, argv):
        """Says the > lines and compares what comes with the < lines. Chunks
        between, of a bot that is quicker than we are, do not count."""
        with Bot(argv) as bot:
            for way, text in session:
                line = json.loads(text)
                if way == ">":
                    bot.raw(text.encode() + b"\n")
                    continue
                got = bot.next()
                while got["type"] == "chunk" != line["type"]:
                    got = bot.next()
                self.assertEqual(got, line)
            self.assertIsNone(bot.next())
            self.assertEqual(bot.proc.wait(10), 0)
            self.assertEqual(bot.stderr, [])

    def test_session_of_the_built_in_bot_is_what_happens(self):
        self.play(SESSIONS[0], [os.environ["DEIA_BOT"], "--adapter", "echo"])

    def test_session_with_an_interrupt_is_what_happens(self):
        self.play(SESSIONS[1], ["python3", os.path.join(
            os.path.dirname(PAGE), "..", "examples", "bots", "backwards.py")])

    def test_session_with_mail_is_what_happens(self):
        self.play(SESSIONS[2], ["python3", os.path.join(
            os.path.dirname(PAGE), "..", "examples", "bots", "mailman.py")])

    def test_session_by_hand_with_cat_is_what_happens(self):
        command = re.search(r"^cat session\.txt.*$", TEXT, re.M).group(0)
        with tempfile.TemporaryDirectory(prefix="deia-page-") as folder:
            with open(os.path.join(folder, "session.txt"), "w",
                      encoding="utf-8") as file:
                file.writelines(text + "\n" for way, text in SESSIONS[0]
                                if way == ">")
            out = subprocess.run(
                ["sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=60, check=False,
                env=dict(os.environ, PATH=os.path.dirname(
                    os.environ["DEIA_BOT"]) + ":" + os.environ["PATH"]))
        self.assertEqual((out.returncode, out.stderr), (0, ""))
        self.assertEqual([json.loads(line) for line in
                          out.stdout.splitlines()],
                         [json.loads(text) for way, text in SESSIONS[0]
                          if way == "<"])

    def test_four_sessions_are_on_the_page(self):
        self.assertEqual(len(SESSIONS), 4)

    def test_checks_of_the_trial_are_those_on_the_page(self):
        out = subprocess.run(
            [os.environ["DEIA"], "bot", "test", "--json", "--",
             os.environ["DEIA_BOT"], "--adapter", "echo"],
            capture_output=True, text=True, timeout=60, check=False)
        listed = TEXT[TEXT.index("| check | what must hold |"):]
        listed = re.findall(r"^\| `(\w+)` \|", listed[:listed.index("\n\n")],
                            re.M)
        self.assertEqual([f["check"] for f in json.loads(out.stdout)["checks"]],
                         listed)

    def test_every_type_of_line_has_a_section_and_is_in_the_grammar(self):
        root = os.path.join(os.path.dirname(PAGE), "..", "libdeia")
        types = set()
        for name, pattern in (("bot/protocol.h", r'X\(DEIA__SAY_\w+, "(\w+)"'),
                              ("worker/in.c", r'\{ "(\w+)", on_')):
            with open(os.path.join(root, name), encoding="utf-8") as file:
                types |= set(re.findall(pattern, file.read()))
        self.assertEqual(len(types), 19, types)
        headings = set(re.findall(r"\w+", " ".join(
            re.findall(r"^### (.*)$", TEXT, re.M))))
        grammar = TEXT[TEXT.index("to-bot "):TEXT.index("later     =")]
        for name in types:
            self.assertIn(name, headings)
            self.assertIn(name, re.findall(r"\w+", grammar))

    def test_limits_are_those_of_the_header(self):
        path = os.path.join(os.path.dirname(PAGE), "..", "include", "deia",
                            "limits.h")
        with open(path, encoding="utf-8") as file:
            header = file.read()
        for name, value in (("MAX_LINE_BYTES", "(2u << 20)"),
                            ("MAX_CONTENT_BYTES", "(1u << 20)"),
                            ("MAX_ANSWER_BYTES", "(8u << 20)"),
                            ("MAX_DETAILS_BYTES", "(16u << 10)"),
                            ("MAX_METADATA_BYTES", "(16u << 10)"),
                            ("MAX_ID_LEN", "64"), ("MAX_NAME_BYTES", "256"),
                            ("MAX_CAPABILITIES_LEN", "64"),
                            ("MAX_CONCURRENT", "64"),
                            ("MAX_QUEUE_LEN", "16"),
                            ("MAX_JSON_DEPTH", "64"),
                            ("MAX_JSON_VALUES", "250000"),
                            ("MAX_PROTOCOL_FAULTS", "100"),
                            ("MAX_LOG_FILE_BYTES", "(8u << 20)"),
                            ("LOG_FILES_KEPT", "3")):
            self.assertRegex(header, rf"DEIA_{name} {re.escape(value)}(\s|$)")

    def test_every_error_code_of_the_adapters_is_explained(self):
        root = os.path.join(os.path.dirname(PAGE), "..", "libdeia")
        codes = set()
        for path in [os.path.join(root, folder, name)
                     for folder in ("adapter", "worker", "model", "exec")
                     for name in os.listdir(os.path.join(root, folder))]:
            with open(path, encoding="utf-8") as file:
                codes |= set(re.findall(
                    r'(?:turn_fail|fault|refuse)\([^";{}]*?"([a-z_]+)",|'
                    r'\{ "([a-z_]+)",\s+AGAIN_', file.read()))
        codes = {a or b for a, b in codes}
        self.assertGreater(len(codes), 15)
        for code in codes:
            self.assertTrue(f"| `{code}` |" in TEXT, code)

    def test_bot_in_ten_lines_of_shell_works(self):
        if not shutil.which("jq"):
            self.skipTest("jq is not installed")
        script = re.search(r"```sh\n(#!/bin/sh\n.*?)```", TEXT, re.S).group(1)
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
            file.write(script)
            file.flush()
            with Bot(["/bin/sh", file.name]) as bot:
                bot.init()
                bot.send(type="ping", n=3)
                self.assertEqual(bot.next(), {"type": "pong", "n": 3})
                bot.task("t", 'a "b" \\ c')
                self.assertEqual(bot.until_end("t")[-1],
                                 {"type": "done", "id": "t",
                                  "text": 'A "B" \\ C'})
                bot.send(type="shutdown")
                self.assertEqual(bot.proc.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
