# SPDX-License-Identifier: MIT
"""The test runner itself can fail: tap.py, summary.py and what ./dev says."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SUPPORT = os.path.join(ROOT, "tests", "support")


def run(*argv, **more):
    out = subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False, **more)
    return out.returncode, out.stdout, out.stderr


class InFolder(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="deia-runner-")
        self.addCleanup(shutil.rmtree, self.dir)

    def put(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text))
        return path


class Tap(InFolder):
    def tap(self, text, *args):
        path = self.put("test_x.py", "import os, unittest\n"
                        "class A(unittest.TestCase):\n"
                        + textwrap.indent(textwrap.dedent(text), "    "))
        return run(sys.executable, os.path.join(SUPPORT, "tap.py"), path,
                   *args)

    def test_a_passing_case_is_ok(self):
        status, out, _ = self.tap("def test_a(self): pass\n")
        self.assertEqual((status, out),
                         (0, "TAP version 13\nok 1 - A.test_a\n1..1\n"))

    def test_a_failing_case_is_not_ok_and_says_why(self):
        status, out, _ = self.tap("def test_a(self): self.assertEqual(1, 2)\n")
        self.assertEqual(status, 1)
        self.assertIn("not ok 1 - A.test_a\n", out)
        self.assertIn("# AssertionError: 1 != 2", out)

    def test_a_skip_carries_its_reason(self):
        status, out, _ = self.tap("def test_a(self): self.skipTest('no x')\n")
        self.assertEqual(status, 0)
        self.assertIn("ok 1 - A.test_a # SKIP no x\n", out)

    def test_failing_subtests_are_one_failure(self):
        status, out, _ = self.tap("""\
            def test_a(self):
                for i in range(3):
                    with self.subTest(i=i):
                        self.assertEqual(i, 1)
            """)
        self.assertEqual(status, 1)
        self.assertEqual(out.count("not ok"), 1)
        self.assertIn("# in (i=0)", out)
        self.assertIn("# in (i=2)", out)

    def test_output_of_tests_and_children_stays_out_of_the_tap(self):
        status, out, err = self.tap("""\
            def test_a(self):
                print("not ok 7")
                os.system("echo not ok 8")
            """)
        self.assertEqual((status, out.count("not ok")), (0, 0))
        self.assertIn("not ok 7", err)
        self.assertIn("not ok 8", err)

    def test_a_file_that_does_not_load_fails(self):
        path = self.put("test_x.py", "import nothing_like_this\n")
        status, out, _ = run(sys.executable, os.path.join(SUPPORT, "tap.py"),
                             path)
        self.assertEqual(status, 1)
        self.assertIn("not ok 1", out)

    def test_a_file_without_cases_fails(self):
        path = self.put("test_x.py", "")
        status, out, _ = run(sys.executable, os.path.join(SUPPORT, "tap.py"),
                             path)
        self.assertEqual(status, 1)
        self.assertIn("not ok 1 - the file has at least one case", out)

    def test_a_fault_in_set_up_class_fails(self):
        status, out, _ = self.tap("""\
            @classmethod
            def setUpClass(cls): raise ValueError("broken")
            def test_a(self): pass
            """)
        self.assertEqual(status, 1)
        self.assertIn("# ValueError: broken", out)

    def test_words_choose_cases(self):
        _, out, _ = self.tap("def test_a(self): pass\n"
                             "def test_b(self): pass\n", "-k", "test_b")
        self.assertIn("ok 1 - A.test_b\n1..1", out)


class Summary(InFolder):
    """summary.py over a log that meson itself wrote."""

    def summary(self, tests, suite="s"):
        self.put("meson.build", "project('x')\n" + "".join(
            f"test('{n}', find_program('sh'), args: ['-c', '''{script}'''], "
            f"protocol: '{protocol}', suite: '{suite}')\n"
            for n, protocol, script in tests))
        build = os.path.join(self.dir, "b")
        status, _, err = run("meson", "setup", build, self.dir)
        self.assertEqual(status, 0, err)
        run("meson", "test", "-C", build)
        return run(sys.executable, os.path.join(SUPPORT, "summary.py"),
                   f"x={build}/meson-logs/testlog")

    def test_cases_are_counted_one_by_one(self):
        status, out, _ = self.summary([
            ("good", "tap", r'printf "1..2\nok 1 a\nok 2 b # SKIP no c\n"'),
            ("plain", "exitcode", "exit 0")])
        self.assertEqual(out.splitlines()[-1],
                         "2 passed, 0 failed, 1 skipped")
        self.assertIn("2 b: no c", out)
        self.assertEqual(status, 0)

    def test_a_failed_case_is_shown_with_its_log(self):
        status, out, _ = self.summary([
            ("bad", "tap", r'printf "1..2\nok 1 a\nnot ok 2 b\n# why\n"')])
        self.assertEqual(out.splitlines()[-1],
                         "1 passed, 1 failed, 0 skipped")
        self.assertIn("    # why", out)
        self.assertEqual(status, 1)

    def test_a_program_that_dies_after_good_cases_is_a_failure(self):
        status, out, _ = self.summary([
            ("dies", "tap", r'printf "1..1\nok 1 a\n"; exit 3')])
        self.assertEqual(out.splitlines()[-1],
                         "1 passed, 1 failed, 0 skipped")
        self.assertEqual(status, 1)

    def test_a_plain_failure_counts_once(self):
        status, out, _ = self.summary([("bad", "exitcode", "exit 1")])
        self.assertEqual(out.splitlines()[-1],
                         "0 passed, 1 failed, 0 skipped")
        self.assertEqual(status, 1)

    def test_a_missing_log_is_a_failure(self):
        status, out, _ = run(sys.executable,
                             os.path.join(SUPPORT, "summary.py"),
                             f"x={self.dir}/nothing")
        self.assertEqual((status, out.splitlines()[-1]),
                         (1, "0 passed, 1 failed, 0 skipped"))


class Ollama(InFolder):
    """find_ollama.py, which ./dev run asks."""

    def find(self, host):
        env = dict(os.environ, OLLAMA_HOST=host)
        return run(sys.executable, os.path.join(SUPPORT, "find_ollama.py"),
                   env=env)

    def test_the_newest_model_that_chats_is_chosen(self):
        models = {"models": [
            {"name": "old:1b", "modified_at": "2024-01-01T00:00:00Z"},
            {"name": "new:8b", "modified_at": "2025-01-01T00:00:00Z"},
            {"name": "nomic-embed-text", "modified_at": "2026-01-01"}]}

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(models).encode())

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever,
                             daemon=True).start()
            address = f"127.0.0.1:{server.server_address[1]}"
            status, out, _ = self.find(address)
            server.shutdown()
        self.assertEqual((status, out), (0, f"http://{address} new:8b\n"))

    def test_none_is_said_when_none_answers(self):
        with socket.socket() as s:  # bound, but nobody listens
            s.bind(("127.0.0.1", 0))
            status, out, err = self.find(f"127.0.0.1:{s.getsockname()[1]}")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("OLLAMA_HOST is set, but", err)


class Dev(unittest.TestCase):
    def test_an_unknown_command_is_a_usage_error(self):
        status, _, err = run(os.path.join(ROOT, "dev"), "nothing")
        self.assertEqual(status, 2)
        self.assertIn("usage: ./dev COMMAND", err)

    def test_help_names_every_command(self):
        status, out, _ = run(os.path.join(ROOT, "dev"), "help")
        self.assertEqual(status, 0)
        for word in ("run", "test", "lint", "format", "bench", "fuzz", "soak"):
            self.assertIn(f"  {word} ", out)


if __name__ == "__main__":
    unittest.main()
