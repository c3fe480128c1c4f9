# SPDX-License-Identifier: MIT
"""What `meson install` puts on a machine is enough to embed libdeia.

Installs into an own folder, then compiles each example against that alone,
the way its head says, with gcc and clang, and runs it.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["DEIA_BUILD"]
SOURCE = os.environ["DEIA_SOURCE"]
PROGRAMS = ["deia", "deiad", "deia-bot", "deia-guard"]
PACKAGES = ["deia", "deia-messenger", "deia-scheduler", "deia-health"]
COMPILERS = ["gcc", "clang"]


def run(argv, **more):
    return subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False,
                          **more)


def headers_under(folder):
    return sorted(os.path.relpath(os.path.join(d, n), folder)
                  for d, _, names in os.walk(folder) for n in names
                  if n.endswith(".h"))


class Installed(unittest.TestCase):
    """One installation for all cases."""

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="deia-api-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        out = run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
                   "--destdir", cls.root])
        if out.returncode:
            raise AssertionError(out.stdout + out.stderr)
        cls.pc = next(os.path.join(d, "deia.pc")
                      for d, _, names in os.walk(cls.root)
                      if "deia.pc" in names)
        # The installation was moved by --destdir: tell its .pc files.
        for name in PACKAGES:
            path = cls.pc.replace("deia.pc", name + ".pc")
            with open(path, encoding="utf-8") as f:
                text = f.read()
            prefix = re.search(r"^prefix=(.*)$", text, re.M).group(1)
            cls.prefix = cls.root + prefix
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace(f"prefix={prefix}",
                                     f"prefix={cls.prefix}"))
        cls.bin = os.path.join(cls.prefix, "bin")

    def flags(self, *args, package="deia"):
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(self.pc))
        out = run(["pkg-config", "--static", *args, package], env=env)
        self.assertEqual(out.returncode, 0, out.stderr)
        return out.stdout.split()

    def compile(self, compiler, source, *more, package="deia"):
        """more: other sources and flags."""
        if not shutil.which(compiler):
            self.skipTest(f"{compiler} is not installed")
        name = os.path.splitext(os.path.basename(source))[0]
        program = os.path.join(self.root, f"{name}-{compiler}")
        out = run([compiler, "-Wall", "-Wextra", "-Werror", "-o", program,
                   source, *more,
                   *self.flags("--cflags", "--libs", package=package)],
                  cwd=self.root)
        self.assertEqual(out.returncode, 0, out.stderr)
        return program

    def example(self, name, *args):
        """What the example prints, the same whichever compiler built it."""
        texts = set()
        source = os.path.join(SOURCE, "examples", name + ".c")
        for compiler in COMPILERS:
            out = run([self.compile(compiler, source), self.bin, *args])
            self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
            self.assertEqual(out.stderr, "")
            texts.add(out.stdout)
        self.assertEqual(len(texts), 1, texts)
        return texts.pop().splitlines()

    def test_programs_are_installed_and_start(self):
        for name in PROGRAMS:
            with self.subTest(program=name):
                path = os.path.join(self.bin, name)
                self.assertTrue(os.access(path, os.X_OK), path)
        out = run([os.path.join(self.bin, "deia"), "version"])
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIn("0.1.0", out.stdout)

    def test_every_public_header_is_installed(self):
        self.assertEqual(
            headers_under(os.path.join(self.prefix, "include", "deia")),
            headers_under(os.path.join(SOURCE, "include", "deia")))

    def test_the_pkg_config_files_name_the_version(self):
        for package in PACKAGES:
            self.assertEqual(self.flags("--modversion", package=package),
                             ["0.1.0"])

    def test_supervise_program_sees_its_program_come_back(self):
        lines = self.example("supervise_program")
        # The first restart is at once: backoff is not more than a moment.
        states = [line.split(":")[1].strip() for line in lines]
        self.assertEqual(states[:2], ["stopped -> starting",
                                      "starting -> ready"])
        self.assertEqual(states[-2:], ["ready -> stopping",
                                       "stopping -> stopped"])
        self.assertEqual(states.count("starting -> ready"), 2, lines)

    def test_chat_with_bot_prints_the_echo(self):
        lines = self.example("chat_with_bot", "twenty two")
        self.assertEqual(lines[-1], "echo-1: twenty two")
        self.assertEqual(lines[0], "[answer] twenty two")

    def needed(self, program):
        """Names of the shared libraries that it asks for."""
        out = run(["readelf", "-dW", program])
        self.assertEqual(out.returncode, 0, out.stderr)
        return set(re.findall(r"NEEDED.*\[lib([a-z0-9_]+)", out.stdout))

    def messenger(self, compiler="gcc"):
        source = os.path.join(SOURCE, "examples", "messenger_alone.c")
        return self.compile(compiler, source, package="deia-messenger")

    def test_messenger_alone_links_without_the_hives_libraries(self):
        for compiler in COMPILERS:
            libs = self.needed(self.messenger(compiler))
            self.assertLessEqual(libs, {"event_core", "cjson", "sqlite3",
                                        "sodium", "m", "c"})
            self.assertIn("sqlite3", libs)
        # The look itself can see: the command line asks for more.
        self.assertIn("curl", self.needed(os.path.join(self.bin, "deia")))

    def test_messenger_alone_sends_each_order_once(self):
        for compiler in COMPILERS:
            program = self.messenger(compiler)
            mail = os.path.join(self.root, f"mail-{compiler}.db")
            for orders, fresh in ((2, [1, 2]), (2, []), (4, [3, 4])):
                out = run([program, mail, str(orders)])
                self.assertEqual((out.returncode, out.stderr), (0, ""))
                self.assertEqual(
                    sorted(out.stdout.splitlines()),
                    sorted([f'press got "{n} posters"' for n in fresh]
                           + [f'shop got "{n} POSTERS"' for n in fresh]))

    def test_messenger_alone_goes_on_after_it_was_killed(self):
        program = self.messenger()
        mail = os.path.join(self.root, "mail-killed.db")
        with subprocess.Popen([program, mail, "60"],
                              stdout=subprocess.PIPE, text=True) as p:
            first = [p.stdout.readline() for _ in range(40)]
            p.kill()
            first += p.stdout.readlines()
        out = run([program, mail, "60"])
        self.assertEqual((out.returncode, out.stderr), (0, ""))
        first = [line.strip() for line in first if line.endswith("\n")]
        second = out.stdout.splitlines()
        self.assertTrue(second)
        got = [line.replace(" (again)", "") for line in first + second]
        self.assertEqual({line for line in got if line.startswith("shop")},
                         {f'shop got "{n} POSTERS"' for n in range(1, 61)})
        # Of what was in hand at most one order and one answer came again.
        self.assertLessEqual(len(got), 2 * 60 + 2)

    def test_scheduler_alone_links_without_libraries_and_learns(self):
        source = os.path.join(SOURCE, "examples", "scheduler_alone.c")
        texts = set()
        for compiler in COMPILERS:
            alone = self.compile(compiler, source, package="deia-scheduler")
            self.assertLessEqual(self.needed(alone), {"m", "c"})
            out = run([alone])
            self.assertEqual((out.returncode, out.stderr), (0, ""))
            texts.add(out.stdout)
        self.assertEqual(len(texts), 1, texts)
        text = texts.pop()
        self.assertIn("quick did 10 letters", text)
        self.assertIn("letters: quick, confidence 0.", text)
        self.assertIn("numbers: careful, confidence 0.", text)

    def test_health_alone_links_without_the_hives_libraries(self):
        source = os.path.join(SOURCE, "examples", "health_alone.c")
        texts = set()
        for compiler in COMPILERS:
            alone = self.compile(compiler, source, package="deia-health")
            self.assertLessEqual(self.needed(alone), {"cjson", "m", "c"})
            out = run([alone])
            self.assertEqual((out.returncode, out.stderr), (0, ""))
            texts.add(out.stdout)
        self.assertEqual(len(texts), 1, texts)
        text = texts.pop()
        changes = re.findall(r"(\w+): too_hot, (\w+)", text)
        self.assertEqual(changes, [
            ("generated", "warning"), ("escalated", "critical"),
            ("acknowledged", "critical"), ("deescalated", "warning"),
            ("resolved", "warning")])
        self.assertEqual(text.count("call somebody: right: heat"), 2)
        self.assertIn("now HEALTHY, score 100;", text)

    def test_small_bot_answers_an_installed_hive_program(self):
        source = os.path.join(SOURCE, "examples", "bots", "backwards.c")
        for compiler in COMPILERS:
            self.trial(self.compile(compiler, source))

    def test_tiny_bot_is_built_from_its_folder_alone(self):
        folder = os.path.join(SOURCE, "examples", "tiny-bot")
        first, *rest = [os.path.join(folder, n)
                        for n in sorted(os.listdir(folder), reverse=True)
                        if n.endswith(".c")]
        for compiler in COMPILERS:
            self.trial(self.compile(compiler, first, "-O2", *rest),
                       os.path.join(SOURCE, "tests", "llm", "math.gguf"))

    def trial(self, *argv):
        out = run([os.path.join(self.bin, "deia"), "bot", "test", "--timeout",
                   "60", "--", *argv])
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)

    def test_a_program_of_one_line_links_without_the_examples_headers(self):
        source = os.path.join(self.root, "version.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write("#include <deia/deia.h>\n#include <stdio.h>\n"
                    "int main(void) { return puts(deia_version()) < 0; }\n")
        for compiler in COMPILERS:
            out = run([self.compile(compiler, source)])
            self.assertEqual(out.stdout, "0.1.0\n")


if __name__ == "__main__":
    unittest.main()
