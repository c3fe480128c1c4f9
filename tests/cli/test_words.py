# SPDX-License-Identifier: MIT
"""Help, completions and the manual agree with the commands there are."""

import os
import re
import shutil
import subprocess
import unittest

from clilib import CliCase, Terminal, bot, page

MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                   "..", "..", "docs", "man")


class Words(CliCase):
    def commands(self):
        out = self.deia("--help", check=0).out
        part = out.split("Commands:\n")[1].split("\n\n")[0]
        return [line[2:22].strip() for line in part.splitlines()]

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

    def completions(self, shell):
        """The script in a file, and a hive with two bots to complete."""
        script = os.path.join(self.dir, "deia." + shell)
        with open(script, "w", encoding="utf-8") as f:
            f.write(self.deia("completion", shell, check=0).out)
        h = self.hive()
        h.on("GET", "/api/v1/bots", page(bot("BOT-001"), bot("helper")))
        self.env["DEIA_URL"] = h.url
        self.env["PATH"] = (os.path.dirname(os.environ["DEIA"]) + ":"
                            + os.environ["PATH"])
        for name in ("bots.yaml", "other.txt"):
            open(os.path.join(self.dir, name), "w").close()
        return script

    # What is typed, and what completes the last word of it.
    TYPED = (
        ("deia sta", ["status"]),
        ("deia bot la", ["launch"]),
        ("deia bot exp", ["export"]),
        ("deia app", ["apply"]),
        ("deia --dir /tmp bot la", ["launch"]),
        ("deia bot launch --mod", ["--model"]),
        ("deia bot launch x --adapter ol", ["ollama"]),
        ("deia bot launch x --depends-on h", ["helper"]),
        ("deia bot stop h", ["helper"]),
        ("deia bot export B", ["BOT-001"]),
        ("deia bot stop --state fa", ["failed"]),
        ("deia bot list --state off", ["offline"]),
        ("deia apply --pr", ["--prune"]),
        ("deia apply -f bo", ["bots.yaml"]),
        ("deia send h", ["helper"]),
        ("deia send helper --pri", ["--priority"]),
        ("deia send helper -p P0", ["P0"]),
        ("deia inbox --status ex", ["expired"]),
        ("deia messages requ", ["requeue"]),
        ("deia messages requeue --bot h", ["helper"]),
        ("deia alerts si", ["silence"]),
        ("deia alerts list --level cr", ["critical"]),
        ("deia alerts rules --set bo", ["bots.yaml"]),
        ("deia scale hi", ["history"]),
        ("deia scale set x --mi", ["--min"]),
        ("deia converse B", ["BOT-001"]),
        ("deia converse --det", ["--detach"]),
        ("deia token create --role adm", ["admin"]))

    def test_bash_completes(self):
        script = self.completions("bash")
        for typed, wanted in self.TYPED:
            quoted = " ".join(f"'{w}'" for w in typed.split())
            p = subprocess.run(
                ["bash", "-c", f"source {script}; COMP_WORDS=({quoted}); "
                 f"COMP_CWORD={len(typed.split()) - 1}; _deia; "
                 "printf '%s\\n' \"${COMPREPLY[@]}\""],
                capture_output=True, text=True, check=True,
                env=self.env, cwd=self.dir)
            self.assertEqual((p.stdout.split(), p.stderr), (wanted, ""),
                             typed)

    def test_fish_completes(self):
        if not shutil.which("fish"):
            self.skipTest("fish is not installed")
        script = self.completions("fish")
        for typed, wanted in self.TYPED:
            p = subprocess.run(
                ["fish", "--no-config", "-c",
                 f"source {script}; complete -C '{typed}'"],
                capture_output=True, text=True, check=True, env=self.env,
                cwd=self.dir)
            got = [line.split("\t")[0] for line in p.stdout.splitlines()]
            self.assertEqual((got, p.stderr), (wanted, ""), typed)

    def test_zsh_completes(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        script = self.completions("zsh")
        self.env["PS1"] = "$ "
        t = Terminal([shutil.which("zsh"), "-f", "-i"], self.env, self.dir,
                     columns=200)
        self.addCleanup(t.close)
        t.send("autoload -U compinit; compinit -u -D; "
               f"source {script}; echo so''urced\n")
        t.read_until("sourced")
        for typed, wanted in self.TYPED:
            # "#" before it would not complete; Ctrl-A and echo keep it from
            # running.
            t.send(typed + "\t\x01echo '\x05'\n")
            t.read_until("\n" + re.escape(
                " ".join(typed.split()[:-1] + wanted)) + " ?\r")

    def test_other_shells_get_a_script(self):
        fish = self.deia("completion", "fish", check=0).out
        for name in self.commands():
            self.assertIn(name.split()[-1], fish)
        self.assertTrue(self.deia("completion", "zsh", check=0)
                        .out.startswith("#compdef deia"))
        self.says(self.deia("completion", "tcsh"), 2, "bash, zsh, fish")


if __name__ == "__main__":
    unittest.main()
