# SPDX-License-Identifier: MIT
"""Exec bots in a real hive: the templates of examples/coding-agents.yaml with
fake agents, sessions over a restart, worktrees, the end of commands."""

import os
import shutil
import subprocess
import tempfile
import unittest

from hive import Hive, Refused, alive, program, wait_gone

HERE = os.path.dirname(os.path.abspath(__file__))
AGENTS = os.path.realpath(os.path.join(HERE, "..", "support", "agents"))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "coding-agents.yaml")
TEMPLATES = ("claude-plan", "claude-edit", "codex-read", "codex-write")


class InHive(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="deia-home-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        with open(EXAMPLE, encoding="utf-8") as file:
            config = file.read()
        path = AGENTS + ":" + os.environ["PATH"]
        self.hive = Hive(config=config, env={
            "HOME": self.home, "CODEX_API_KEY": "canary",
            "GIT_CONFIG_GLOBAL": "/dev/null"})
        self.hive.env["PATH"] += ":" + path
        self.hive.__enter__()
        self.addCleanup(self.hive.__exit__)

    def launch(self, bot, **more):
        self.hive.must("POST", "/bots", {"id": bot, **more})
        self.hive.wait_state(bot, "ready")

    def sh(self, bot, script, **more):
        self.launch(bot, adapter="exec", argv=["/bin/sh", "-c", script],
                    **more)

    def pid_in(self, bot, name):
        path = os.path.join(self.hive.dir, "work", bot, name)
        with open(path, encoding="ascii") as file:
            return int(file.read())

    def begin(self, bot, content="go"):
        """A turn whose first output is there; its stream."""
        stream = self.hive.stream("POST", f"/bots/{bot}/chat",
                                  {"content": content})
        self.addCleanup(stream.close)
        events = iter(stream)
        for event, _, _ in events:
            if event == "chunk":
                break
        return events

    def repo(self):
        repo = os.path.join(self.home, "repo")
        run = ["git", "-C", repo, "-c", "user.name=t", "-c",
               "user.email=t@example.org"]
        os.mkdir(repo)
        subprocess.run([*run, "init", "-q"], check=True)
        subprocess.run([*run, "commit", "-q", "--allow-empty", "-m", "first"],
                       check=True)
        return repo


class Templates(InHive):
    def test_template_in_the_written_configuration_works(self):
        folder = os.path.join(self.home, "new")
        subprocess.run([program(self.hive.build, "deia"), "init", "--dir",
                        folder], check=True, env=self.hive.env,
                       capture_output=True, timeout=60)
        with open(os.path.join(folder, "config.yaml"),
                  encoding="utf-8") as file:
            text = file.read().partition("\n  #claude-plan:\n")[2]
        text = "  claude-plan:\n" + text.replace("  #", "  ")
        self.assertEqual(self.hive.stop(), 0)
        with open(os.path.join(self.hive.dir, "config.yaml"), "w",
                  encoding="utf-8") as file:
            file.write("templates:\n" + text)
        self.hive.start()
        self.launch("A", template="claude-plan")
        self.assertEqual(self.hive.say("A", "hello")["content"],
                         "You said: hello")

    def test_every_template_launches_and_answers(self):
        for i, template in enumerate(TEMPLATES):
            bot = f"BOT-{i}"
            self.launch(bot, template=template, system_prompt="Be brief.")
            self.assertIn("hello", self.hive.say(bot, "hello")["content"])

    def test_permission_modes_hold(self):
        for i, (template, files) in enumerate(zip(
                TEMPLATES, ([], ["f.txt"], [], ["f.txt"]))):
            bot = f"BOT-{i}"
            self.launch(bot, template=template)
            answer = self.hive.say(bot, "write f.txt")
            self.assertEqual(answer["details"]["files"], files, template)
        self.assertEqual(self.hive.say("BOT-0", "write f.txt")["details"]
                         ["denied"], ["Edit"])

    def test_chat_continues_over_a_restart_of_the_hive(self):
        for bot, template in (("CLAUDE", "claude-edit"),
                              ("CODEX", "codex-write")):
            self.launch(bot, template=template)
            self.hive.say(bot, "remember plum")
        self.assertEqual(self.hive.stop(), 0)
        self.hive.start()
        for bot in ("CLAUDE", "CODEX"):
            self.hive.wait_state(bot, "ready")
            self.assertEqual(self.hive.say(bot, "recall")["content"],
                             "I know: plum")

    def test_conversations_have_sessions_of_their_own(self):
        self.launch("A", template="claude-plan")
        self.hive.say("A", "remember plum")
        other = self.hive.must("POST", "/bots/A/conversations", {})["id"]
        answer = self.hive.must("POST", "/bots/A/chat", {
            "content": "recall", "conversation": other})
        self.assertEqual(answer["content"], "I know: ")

    def test_session_outlives_an_interrupted_turn(self):
        self.launch("A", template="claude-plan")
        events = self.begin("A", "hang")
        self.hive.must("POST", "/bots/A/interrupt")
        self.assertIn([e for e, _, _ in events][-1], ("error", "done"))
        self.hive.wait_state("A", "ready")
        self.hive.say("A", "remember fig")
        self.assertEqual(self.hive.say("A", "recall")["content"],
                         "I know: fig")


class Commands(InHive):
    def deia(self, *args):
        return subprocess.run(
            [program(self.hive.build, "deia"), *args], check=True,
            capture_output=True, text=True, timeout=60, env={
                **self.hive.env, "DEIA_URL": self.hive.url,
                "DEIA_TOKEN": self.hive.token}).stdout

    def test_command_lines_of_the_page_work(self):
        self.deia("bot", "launch", "SHOUT", "--adapter", "exec", "--", "tr",
                  "a-z", "A-Z")
        self.assertIn("HELLO", self.deia("chat", "SHOUT", "hello"))
        self.deia("bot", "launch", "BOT-001", "--template", "claude-edit")
        self.assertIn("You said: hello",
                      self.deia("chat", "BOT-001", "hello"))

    def test_secrets_reach_only_the_bots_they_are_passed_to(self):
        self.sh("A", "echo ${CODEX_API_KEY:-none}")
        self.assertEqual(self.hive.say("A", "go")["content"], "none")
        self.sh("B", "echo ${CODEX_API_KEY:-none}",
                pass_env=["CODEX_API_KEY"])
        self.assertEqual(self.hive.say("B", "go")["content"], "canary")

    def test_bots_work_in_worktrees_of_their_own(self):
        repo = self.repo()
        for bot in ("A", "B"):
            self.launch(bot, template="codex-write", worktree_of=repo)
        self.hive.say("A", "commit f.txt")
        answer = self.hive.say("B", "write f.txt")
        self.assertEqual(answer["details"]["files"], ["f.txt"])
        log = subprocess.run(
            ["git", "-C", repo, "log", "--format=%s", "deia/A"], check=True,
            capture_output=True, text=True).stdout
        self.assertEqual(log, "work\nfirst\n")
        self.assertEqual(os.listdir(repo), [".git"])

    def test_missing_program_is_the_bots_reason(self):
        self.hive.must("POST", "/bots", {
            "id": "A", "adapter": "exec", "argv": ["no-such-program"]})
        info = self.hive.wait_state("A", "failed")
        self.assertEqual((info["restarts"], info["exit_code"]), (0, 78))
        self.assertIn('there is no program "no-such-program"',
                      str(info))

    def test_turn_timeout_of_the_bot_ends_the_command(self):
        self.sh("A", "echo $$ > pid; exec sleep 1000",
                turn_timeout_seconds=1)
        with self.assertRaises(Refused):
            self.hive.say("A", "go")
        self.hive.wait_state("A", "ready")
        self.assertEqual(wait_gone([self.pid_in("A", "pid")], 10), [])

    def test_stop_of_the_bot_ends_the_command_and_what_it_started(self):
        self.sh("A", "setsid sleep 1000 & echo $! > child; echo $$ > pid; "
                     "echo go; wait")
        self.begin("A")
        pids = [self.pid_in("A", name) for name in ("pid", "child")]
        self.hive.must("POST", "/bots/A/stop")
        self.hive.wait_state("A", "stopped")
        self.assertEqual(wait_gone(pids, 10), [])

    def test_death_of_deiad_ends_the_command(self):
        self.sh("A", "setsid sleep 1000 & echo $! > child; echo $$ > pid; "
                     "echo go; wait")
        self.begin("A")
        pids = [self.pid_in("A", name) for name in ("pid", "child")]
        self.assertTrue(all(alive(pid) for pid in pids))
        self.hive.kill()
        self.assertEqual(wait_gone(pids, 10), [])

    def test_partial_answer_of_an_interrupted_command_is_kept(self):
        self.sh("A", "echo half; exec sleep 1000")
        events = self.begin("A")
        self.hive.must("POST", "/bots/A/interrupt")
        list(events)
        self.hive.wait_state("A", "ready")
        line = self.hive.lines("A")[-1]
        self.assertEqual((line["content"], line["status"]),
                         ("half", "partial"))


if __name__ == "__main__":
    unittest.main()
