# SPDX-License-Identifier: MIT
"""Help, completions and the manual agree with the commands there are."""

import os
import re
import shutil
import subprocess
import unittest

from clilib import CliCase

MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                   "..", "..", "docs", "man")


class Words(CliCase):
    def commands(self):
        out = self.deia("--help", check=0).out
        part = out.split("Commands:\n")[1].split("\n\n")[0]
        return [line[2:20].strip() for line in part.splitlines()]

    def manual(self):
        with open(os.path.join(MAN, "deia.1"), encoding="utf-8") as f:
            return re.sub(r"\\f[BIR]|\\", "", f.read())

    def test_every_command_has_help_with_an_example(self):
        for name in self.commands():
            p = self.deia(*name.split(), "--help", check=0)
            self.assertTrue(p.out.startswith(f"deia {name}: "), name)
            self.assertIn("Usage: deia " + name, p.out)
            if name != "version":
                self.assertIn("Example", p.out, name)
            self.assertEqual(self.deia("help", *name.split()).out, p.out)

    def test_version_is_also_a_flag(self):
        self.assertEqual(self.deia("--version", check=0).out,
                         self.deia("version", check=0).out)

    def test_no_help_is_wider_than_a_terminal(self):
        for name in self.commands():
            for line in self.deia(*name.split(), "--help").out.splitlines():
                self.assertLessEqual(len(line), 90, line)

    def test_manual_names_every_command_and_option(self):
        text = self.manual()
        for name in self.commands():
            last = name.split()[-1]
            self.assertTrue(name in text or f"|{last}" in text, name)
            out = self.deia(*name.split(), "--help").out
            own = out.split("Common options:")[0]
            for option in re.findall(r"  (?:-\w, )?(--[\w-]+)", own):
                self.assertIn(option, text, f"{name} {option}")

    def test_manual_is_clean(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        p = subprocess.run(["mandoc", "-Tlint", os.path.join(MAN, "deia.1"),
                            os.path.join(MAN, "deia-bots.yaml.5"),
                            os.path.join(MAN, "deiad.8")],
                           capture_output=True, text=True, check=False)
        self.assertEqual(p.stdout + p.stderr, "")

    def test_bash_completes_commands_options_and_values(self):
        script = os.path.join(self.dir, "deia.bash")
        with open(script, "w", encoding="utf-8") as f:
            f.write(self.deia("completion", "bash", check=0).out)

        def complete(*words):
            quoted = " ".join(f"'{w}'" for w in words)
            return subprocess.run(
                ["bash", "-c", f"source {script}; COMP_WORDS=({quoted}); "
                 f"COMP_CWORD={len(words) - 1}; _deia; "
                 "printf '%s\\n' \"${COMPREPLY[@]}\""],
                capture_output=True, text=True, check=True,
                env=self.env).stdout.split()
        self.assertEqual(complete("deia", "sta"), ["status"])
        self.assertEqual(complete("deia", "bot", "la"), ["launch"])
        self.assertEqual(complete("deia", "bot", "launch", "--mod"),
                         ["--model"])
        self.assertEqual(complete("deia", "bot", "launch", "x", "--adapter",
                                  "ol"), ["ollama"])
        self.assertEqual(complete("deia", "token", "create", "--role",
                                  "adm"), ["admin"])

    def test_other_shells_get_a_script(self):
        fish = self.deia("completion", "fish", check=0).out
        for name in self.commands():
            self.assertIn(name.split()[-1], fish)
        self.assertTrue(self.deia("completion", "zsh", check=0)
                        .out.startswith("#compdef deia"))
        self.says(self.deia("completion", "tcsh"), 2, "bash, zsh, fish")


if __name__ == "__main__":
    unittest.main()
