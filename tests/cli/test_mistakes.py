# SPDX-License-Identifier: MIT
"""Mistakes that newcomers make, with the real deiad: each gets a message that
names the fix, and its exit code."""

import http.server
import os
import shutil
import socket
import subprocess
import threading
import time
import unittest

import clilib
from clilib import CliCase
from hive import Hive, WAIT_SECONDS


class Mistakes(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.h = Hive()
        cls.h.start()
        cls.addClassCleanup(cls.h.__exit__)

    def setUp(self):
        super().setUp()
        self.env["PATH"] = self.h.env["PATH"]

    def at(self, *args, **kw):
        """deia with the hive that runs."""
        return self.deia("--dir", self.h.dir, *args, **kw)

    def launch(self, bot, *args):
        self.at("bot", "launch", bot, "--adapter", "echo", "--wait", *args,
                check=0)

    # ---- finding the hive ----------------------------------------------

    def test_no_hive_runs(self):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", 8000)) == 0:
                self.skipTest("a program listens on port 8000, the default")
        self.says(self.deia("status"), 3, "no hive runs here", "`deia serve`")
        self.says(self.deia("stop"), 3, "no hive runs here", "--dir")

    def test_wrong_port(self):
        p = self.deia("--url", "http://127.0.0.1:1", "bot", "list")
        self.says(p, 6, "no hive answers at http://127.0.0.1:1",
                  "`deia serve`")

    def test_port_of_another_program(self):
        server = http.server.HTTPServer(
            ("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        p = self.deia("--url", url, "bot", "list")
        server.shutdown()
        thread.join()
        server.server_close()
        self.says(p, 6, "no deia hive", "check host and port")

    def test_address_that_is_none(self):
        p = self.deia("--url", "127.0.0.1:8000:x", "bot", "list")
        self.says(p, 2, "is no address", "http://127.0.0.1:8000")

    def test_unknown_host(self):
        p = self.deia("--url", "http://nowhere.invalid", "bot", "list")
        self.says(p, 6, "no known address", "check the address")

    # ---- signing in ----------------------------------------------------

    def test_no_token(self):
        p = self.deia("--url", self.h.url, "bot", "list")
        self.says(p, 4, "deia login " + self.h.url)

    def test_wrong_token(self):
        p = self.deia("--url", self.h.url, "--token", "deia_wrong", "bot",
                      "list")
        self.says(p, 4, "--token is not valid there")

    def test_token_of_too_low_a_role(self):
        token = self.at("token", "create", "guest", "--role", "viewer",
                        "-q", check=0).out.strip()
        p = self.deia("--url", self.h.url, "--token", token, "bot", "launch",
                      "x", "--adapter", "echo")
        self.says(p, 4, "role is too low", "deia login")

    def test_login_without_token(self):
        self.says(self.deia("login", self.h.url), 2, "no token was given",
                  "< token")

    def test_login_without_home(self):
        p = self.deia("login", self.h.url, env={"HOME": None},
                      stdin=self.h.token.encode())
        self.says(p, 1, "HOME is not set", "--token")

    def test_login_and_logout(self):
        p = self.deia("login", self.h.url, stdin=self.h.token.encode(),
                      check=0)
        self.assertIn("signed in to " + self.h.url, p.out)
        path = os.path.join(self.home, ".config/deia/contexts.json")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.deia("bot", "list", check=0)
        self.deia("logout", check=0)
        self.says(self.deia("logout"), 3, "no current sign-in")

    # ---- typing --------------------------------------------------------

    def test_typo_in_a_command(self):
        self.says(self.deia("statsu"), 2, "did you mean `deia status`?")
        self.says(self.deia("bot", "lsit"), 2, "did you mean `deia bot list`")
        self.says(self.deia("ps"), 2, "did you mean `deia bot list`?")
        self.says(self.deia("zebra"), 2, "`deia --help`")

    def test_typo_in_an_option(self):
        p = self.deia("bot", "launch", "x", "--modle", "y")
        self.says(p, 2, "did you mean --model?")
        self.says(self.deia("serve", "--prot", "1"), 2, "--port?")

    def test_option_without_value(self):
        self.says(self.deia("bot", "launch", "x", "--model"), 2,
                  "--model needs a value")

    def test_missing_words(self):
        self.says(self.deia("bot", "show"), 2, "something is missing",
                  "usage: deia bot show BOT")
        self.says(self.deia("bot", "stop"), 2, "--all")
        self.says(self.deia("bot"), 2, "bot launch")

    # ---- bots ----------------------------------------------------------

    def test_typo_in_a_bots_id(self):
        self.launch("PARROT-1")
        self.says(self.at("chat", "PAROT-1", "hi"), 3,
                  "did you mean PARROT-1?")
        self.says(self.at("bot", "stop", "nobody-at-all"), 3,
                  "`deia bot list`")

    def test_id_that_is_none(self):
        p = self.at("bot", "launch", "my bot!", "--adapter", "echo")
        self.assertEqual(p.code, 1, p.err)
        self.assertIn("id", p.err)

    def test_launching_an_id_twice(self):
        self.launch("twice")
        p = self.at("bot", "launch", "twice", "--adapter", "echo")
        self.says(p, 5, "deia bot start twice", "deia bot remove twice")

    def test_launch_without_adapter(self):
        self.says(self.at("bot", "launch", "x"), 2, "--adapter echo",
                  "--adapter ollama")

    def test_unknown_adapter(self):
        p = self.at("bot", "launch", "x", "--adapter", "olama")
        self.says(p, 1, "adapter", "ollama")

    def test_no_ollama(self):
        self.at("bot", "launch", "lonely", "--adapter", "ollama",
                "--model", "llama3.2", "--base-url",
                "http://127.0.0.1:1", "--wait", check=0)
        # It is ready first, and then looks for its server.
        limit = time.monotonic() + WAIT_SECONDS
        p = self.at("bot", "show", "lonely", check=0)
        while "no model" not in p.out and time.monotonic() < limit:
            p = self.at("bot", "show", "lonely", check=0)
        self.assertIn("no model server answers at http://127.0.0.1:1", p.out)
        self.assertIn("ollama serve", p.out)
        self.says(self.at("chat", "lonely", "hi"), 1, "ollama serve")
        self.says(self.at("models", "--base-url", "http://127.0.0.1:1"), 1,
                  "ollama serve")

    def test_program_that_is_not_there(self):
        p = self.at("bot", "launch", "ghost", "--wait", "--restart", "never",
                    "--", "/no/such/program")
        self.says(p, 1, "/no/such/program", "deia bot describe ghost")

    def test_chat_with_a_stopped_bot(self):
        self.launch("asleep")
        self.at("bot", "stop", "asleep", "--wait", check=0)
        self.says(self.at("chat", "asleep", "hi"), 5,
                  "`deia bot start asleep`")

    def test_chat_with_a_paused_bot(self):
        self.launch("dozing")
        self.at("bot", "pause", "dozing", check=0)
        self.says(self.at("chat", "dozing", "hi"), 5,
                  "`deia bot resume dozing`")

    def test_removing_a_running_bot(self):
        self.launch("alive")
        self.says(self.at("bot", "remove", "alive"), 5, "deia bot remove alive --force")
        self.at("bot", "remove", "alive", "--force", check=0)

    # ---- terminals and pipes -------------------------------------------

    def test_chat_without_text_and_terminal(self):
        self.launch("silent")
        p = self.at("chat", "silent")
        self.says(p, 2, "standard input is empty",
                  'deia chat silent "hello"')

    def test_chat_into_a_pager(self):
        self.launch("piped")
        t = self.terminal("--dir", self.h.dir, "chat", "piped", "--json")
        t.finish()
        self.assertEqual(t.code, 2)
        self.assertIn("needs a terminal", t.out)

    # ---- the hive's directory ------------------------------------------

    def test_typo_in_the_configuration(self):
        d = os.path.join(self.dir, "d")
        self.deia("init", d, check=0)
        with open(os.path.join(d, "config.yaml"), "w",
                  encoding="utf-8") as f:
            f.write("server:\n  prot: 8000\n")
        self.says(self.deia("config", "check", d), 1, "config.yaml:2:3",
                  "port")
        self.says(self.deia("serve", "--dir", d), 1, "config.yaml:2:3")

    def test_no_directory(self):
        self.says(self.deia("config", "check"), 3, "`deia init`")

    def test_directory_that_is_a_file(self):
        path = os.path.join(self.dir, "file")
        with open(path, "w", encoding="utf-8"):
            pass
        p = self.deia("init", path)
        self.says(p, 1, path, "deia init DIR")

    def test_directory_that_may_not_be_made(self):
        self.says(self.deia("init", "/proc/hive"), 1, "/proc/hive",
                  "that you may write to")

    def test_port_taken(self):
        port = self.h.port
        p = self.deia("serve", "--dir", os.path.join(self.dir, "second"),
                      "--port", str(port))
        self.says(p, 1, str(port), "--port")

    def test_port_that_is_no_number(self):
        self.says(self.deia("serve", "--port", "http"), 2,
                  "not a whole number")

    def test_deiad_is_not_installed(self):
        alone = shutil.copy(clilib.DEIA, os.path.join(self.dir, "deia"))
        p = subprocess.run([alone, "serve"], capture_output=True, text=True,
                           env={"PATH": "/nonexistent"}, cwd=self.dir,
                           timeout=60)
        self.assertEqual(p.returncode, 1)
        self.assertIn("deiad is not installed", p.stderr)
        self.assertIn("PATH", p.stderr)

    def test_a_build_that_is_not_installed_finds_its_deiad(self):
        if not os.path.exists(os.path.join(os.path.dirname(clilib.DEIA), "..",
                                           "server", "deiad", "deiad")):
            self.skipTest("the programs are not in a build folder")
        d = os.path.join(self.dir, "built")
        p = self.deia("serve", "--dir", d, "--port", str(self.h.port),
                      env={"PATH": "/usr/bin:/bin"})
        self.says(p, 1, f"port {self.h.port} on 127.0.0.1 is taken")

    def test_the_hive_of_a_named_directory_is_down(self):
        d = os.path.join(self.dir, "down")
        self.says(self.deia("--dir", d, "bot", "list"), 6,
                  f"no hive runs from {d}", f"`deia --dir {d} serve`")
        self.says(self.deia("--dir", d, "status"), 3,
                  f"no hive runs from {d}")

    def test_unknown_conversation(self):
        self.launch("talker")
        p = self.at("chat", "talker", "-c", "nosuch", "--history")
        self.says(p, 3, "no conversation", "`deia chat talker --conv")
        self.assertNotIn("did you mean", p.err)

    def test_what_to_do_is_said_once(self):
        p = self.at("bot", "show", "somewhere-else")
        self.assertEqual(p.err.count("bot list"), 1, p.err)

    def test_revoke_by_name(self):
        self.at("token", "create", "somebody", check=0)
        self.says(self.at("token", "revoke", "somebody"), 3, "not the NAME")

    def test_export_where_nothing_may_be_written(self):
        self.launch("export")
        p = self.at("chat", "export", "--export", "/proc/x.txt")
        self.says(p, 1, "/proc/x.txt cannot be written")

    def test_import_of_something_else(self):
        self.launch("import")
        path = os.path.join(self.dir, "notes.txt")
        with open(path, "w", encoding="utf-8") as f:
            f.write("hello")
        p = self.at("chat", "import", "--import", path)
        self.says(p, 1, "notes.txt:1:1", "--export FILE.json")
        self.says(self.at("chat", "import", "--import", "/no/such"), 3,
                  "cannot be read")


class Life(CliCase):
    """serve, status, stop with a hive of its own."""

    def test_a_hive_from_start_to_stop(self):
        env = dict(self.env, PATH=Hive().env["PATH"])
        with subprocess.Popen(
                [os.environ["DEIA"], "serve", "--port", "0"], env=env,
                cwd=self.dir, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True) as p:
            self.assertIn("deiad listening on", p.stdout.readline())
            self.assertIn(".deia", self.deia("status", check=0).out)
            self.deia("bot", "launch", "b1", "--adapter", "echo", "--wait",
                      check=0)
            self.assertEqual(self.deia("chat", "b1", "hi", check=0).out,
                             "hi\n")
            self.assertIn("bot.state", self.deia("events", check=0).out)
            self.assertIn("/#code=", self.deia("login", "--link",
                                               check=0).out)
            self.assertIn("has stopped", self.deia("stop", check=0).out)
            self.assertEqual(p.wait(60), 0)
        self.says(self.deia("stop"), 3, "no hive runs from")


if __name__ == "__main__":
    unittest.main()
