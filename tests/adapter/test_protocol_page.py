# SPDX-License-Identifier: MIT
"""docs/bot-protocol.md: its example bot works, its session is what happens."""

import json
import os
import re
import shutil
import tempfile
import unittest

from botline import Bot

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "..", "..", "docs", "bot-protocol.md")
with open(PAGE, encoding="utf-8") as page:
    TEXT = page.read()


class Page(unittest.TestCase):
    def test_every_example_line_is_json_with_a_type(self):
        lines = re.findall(r"^[<>] (\{.*\})$", TEXT, re.M)
        self.assertGreater(len(lines), 5)
        for line in lines:
            self.assertIn("type", json.loads(line))

    def test_example_session_runs_with_a_built_in_bot(self):
        lines = re.findall(r"^> (\{.*\})$", TEXT, re.M)
        with Bot([os.environ["DEIA_BOT"], "--adapter", "echo"]) as bot:
            bot.raw("".join(line + "\n" for line in lines).encode())
            kinds = []
            while (line := bot.next()) is not None:
                kinds.append(line["type"])
            self.assertEqual(kinds, ["ready", "chunk", "done", "pong"])
            self.assertEqual(bot.stderr, [])

    def test_every_error_code_of_the_adapters_is_explained(self):
        root = os.path.join(os.path.dirname(PAGE), "..", "libdeia", "adapter")
        codes = set()
        for name in os.listdir(root):
            with open(os.path.join(root, name), encoding="utf-8") as file:
                codes |= set(re.findall(
                    r'(?:turn_fail|fault|refuse)\([^";{}]*?"([a-z_]+)",|'
                    r'\{ \d+, \d+, "([a-z_]+)"', file.read()))
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
