# SPDX-License-Identifier: MIT
"""deia-bot with the exec adapter and coding agents: recorded streams of
`claude` and `codex`, replayed by fake commands."""

import os
import tempfile
import unittest
from random import Random

from botline import Bot, text_of

PROGRAM = os.environ["DEIA_BOT"]
AGENTS = os.path.realpath(os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "support", "agents"))
CLAUDE = ["claude", "-p", "--output-format", "stream-json", "--verbose",
          "--permission-mode", "plan", "--model", "{model}",
          "--append-system-prompt", "{system_prompt}", "--resume",
          "{session}"]
CODEX = ["codex", "exec", "--json", "--skip-git-repo-check", "-s",
         "read-only", "-m", "{model}"]


class Agents(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="deia-agents-")
        self.addCleanup(self.place.cleanup)
        self.dir = os.path.join(os.path.realpath(self.place.name), "work")
        os.mkdir(self.dir)

    def bot(self, argv, format, config=None, **options):
        bot = Bot([PROGRAM, "--adapter", "exec"], env={
            **os.environ, "HOME": self.place.name,
            "PATH": AGENTS + ":" + os.environ["PATH"]})
        self.addCleanup(bot.close)
        bot.init(work_dir=self.dir, argv=argv,
                 options={"format": format, **options}, **(config or {}))
        return bot

    def claude(self, **more):
        return self.bot(CLAUDE, "claude-stream-json", **more)

    def codex(self, **more):
        return self.bot(CODEX + ["-"], "codex-json", resume_argv=CODEX + [
            "resume", "{session}", "-"], **more)

    def play(self, bot, name):
        """Replays a recording; the turn's lines."""
        bot.task(name, "play " + name)
        return bot.until_end(name)

    def ends(self, bot, name, code, retryable, words):
        end = self.play(bot, name)[-1]
        self.assertEqual((end["type"], end.get("code"), end.get("retryable")),
                         ("error", code, retryable), end)
        self.assertIn(words, end["message"])
        return end


class Claude(Agents):
    def test_answer_thinking_and_tools_go_to_their_channels(self):
        lines = self.play(self.claude(), "tools")
        self.assertEqual(text_of(lines),
                         "I'll look at the test first.\n\nThere is no `check` "
                         "target.\n\nAdd one to the Makefile.")
        self.assertEqual(text_of(lines, "thinking"),
                         "The user wants the tests to pass. Look first.\n")
        tools = text_of(lines, "tool")
        self.assertIn("[Read] src/main.c\n", tools)
        self.assertIn("[Bash] make check\n", tools)
        self.assertIn("failed: Exit code 2\n", tools)
        self.assertIn("not allowed: [Bash] rm -rf build\n", tools)

    def test_usage_cost_and_session_come_with_the_end(self):
        end = self.play(self.claude(), "tools")[-1]
        self.assertEqual(end["type"], "done")
        self.assertNotIn("text", end)
        self.assertEqual(end["usage"], {"prompt_tokens": 44009,
                                        "completion_tokens": 351})
        self.assertRegex(end["session"], r"^[0-9a-f-]{36}$")
        self.assertEqual(end["details"], {
            "exit_code": 0, "cost_usd": 0.023145, "turns": 4,
            "denied": ["Bash"], "files": []})

    def test_partial_messages_do_not_double_the_text(self):
        lines = self.play(self.claude(), "partial")
        self.assertEqual([l["text"] for l in lines if l["type"] == "chunk"
                          and "channel" not in l],
                         ["Hel", "lo, w\u00f6rld", "\n\n", "One file."])
        self.assertEqual(text_of(lines, "thinking"), "Say hello.")
        self.assertIn("[Bash] ls\n", text_of(lines, "tool"))

    def test_subagents_are_tools(self):
        lines = self.play(self.claude(), "subagent")
        self.assertEqual(text_of(lines), "f is called once.")
        tools = text_of(lines, "tool")
        self.assertIn("[Task] Find all callers of f\n", tools)
        self.assertIn("Searching for callers.\n", tools)
        self.assertIn("One caller: a.c:3\n", tools)
        self.assertNotIn("not shown twice", tools)

    def test_failures_have_codes(self):
        bot = self.claude()
        self.ends(bot, "max-turns", "max_turns", False, "--max-turns")
        self.ends(bot, "budget", "max_budget", False, "--max-budget-usd")
        self.ends(bot, "overloaded", "model_server_busy", True, "529")
        self.ends(bot, "login", "model_server_denied", False, "/login")
        self.ends(bot, "during", "agent_failed", False, "ENOENT")
        end = self.ends(bot, "limit", "rate_limited", True, "usage limit")
        self.assertGreater(end["retry_after_seconds"], 600000)

    def test_failed_turn_keeps_session_and_facts(self):
        end = self.play(self.claude(), "max-turns")[-1]
        self.assertRegex(end["session"], r"^[0-9a-f-]{36}$")
        self.assertEqual(end["details"]["turns"], 6)

    def test_retries_are_the_bots_status(self):
        bot = self.claude()
        bot.task("1", "play overloaded")
        self.assertIn("attempt 1 of 10", bot.until("status")["text"])
        self.assertEqual(bot.until("status")["text"], "")
        self.assertEqual(text_of(bot.until_end("1")), "")

    def test_structured_output_is_the_answer(self):
        end = self.play(self.claude(), "structured")[-1]
        self.assertEqual(end["text"], '{"verdict":"good","score":3}')

    def test_unknown_lines_and_wrong_types_are_passed_over(self):
        lines = self.play(self.claude(), "unknown")
        self.assertEqual(text_of(lines), "Still here.")
        self.assertEqual(lines[-1]["type"], "done")

    def test_noise_and_crlf_do_no_harm(self):
        bot = self.claude()
        lines = self.play(bot, "noise")
        self.assertEqual((text_of(lines), lines[-1]["type"]),
                         ("Fine.", "done"))
        bot.until_logged("stdout: npm notice")

    def test_last_line_without_newline_counts(self):
        lines = self.play(self.claude(), "no-newline")
        self.assertEqual((text_of(lines), lines[-1]["type"]),
                         ("Whole.", "done"))

    def test_stream_that_is_cut_is_no_success(self):
        end = self.ends(self.claude(), "cut", "answer_cut", True,
                        "without a result line")
        self.assertIn("session", end)

    def test_crash_in_the_middle_says_its_last_words(self):
        end = self.ends(self.claude(), "crash", "command_failed", False,
                        "TypeError: Cannot read")
        self.assertEqual(end["details"]["exit_code"], 1)

    def test_wrong_option_says_its_last_words(self):
        bot = self.bot(["claude", "-p", "--no-such"], "claude-stream-json")
        self.assertIn("unknown option '--no-such'",
                      bot.ask("1", "hi")[1]["message"])
        bot = self.bot(["claude", "-p", "--output-format", "stream-json"],
                       "claude-stream-json")
        self.assertIn("requires --verbose", bot.ask("1", "hi")[1]["message"])

    def test_bare_without_a_key_is_denied(self):
        bot = self.bot([*CLAUDE, "--bare"], "claude-stream-json")
        self.assertEqual(bot.ask("1", "hi")[1]["code"], "model_server_denied")

    def test_session_continues_in_another_process(self):
        bot = self.claude()
        _, end = bot.ask("1", "remember plum")
        bot.close()
        bot = self.claude()
        text, end = bot.ask("2", "recall", session=end["session"])
        self.assertEqual(text, "I know: plum")

    def test_lost_session_is_begun_anew_with_the_transcript(self):
        bot = self.claude(history="transcript")
        history = [{"role": "user", "content": "My name is Ada."}]
        text, end = bot.ask("1", "hello", session="gone-1", history=history)
        self.assertEqual(end["type"], "done")
        self.assertIn("My name is Ada.", text)
        self.assertNotEqual(end["session"], "gone-1")
        bot.until_logged("a new one is begun")

    def test_system_prompt_and_model_are_options(self):
        bot = self.claude(config={"system_prompt": "Be brief.", "model": "m"})
        self.assertEqual(bot.ask("1", "system")[0], "Be brief.")
        self.assertEqual(self.claude().ask("1", "system")[0], "none")

    def test_interrupt_keeps_the_session(self):
        bot = self.claude()
        bot.task("1", "hang")
        bot.until("chunk")
        home = os.path.join(self.place.name, ".fake-agent")
        bot.send(type="interrupt", id="1")
        line = bot.until_end("1")[-1]
        self.assertEqual(line["code"], "interrupted")
        self.assertEqual(line["session"], os.listdir(home)[0])


class Codex(Agents):
    def test_items_go_to_their_channels(self):
        lines = self.play(self.codex(), "tools")
        self.assertEqual(text_of(lines),
                         "I'll run the tests first.\n\nFixed: the loop ran "
                         "once too often.")
        self.assertEqual(text_of(lines, "thinking"),
                         "**Looking at the tests**\n")
        self.assertEqual(text_of(lines, "tool"), (
            "$ bash -lc 'make check'\n1 test failed\nexit status 2\n"
            "update src/main.c\nadd src/new.c\n[docs.search]\n"
            "failed: server is gone\n[web search] make check target\n"
            "error: the model is slower than usual\n[x] Run the tests\n"
            "[x] Fix them\n"))

    def test_usage_and_session_come_with_the_end(self):
        end = self.play(self.codex(), "tools")[-1]
        self.assertEqual(end["usage"], {"prompt_tokens": 24763,
                                        "completion_tokens": 122})
        self.assertRegex(end["session"], r"^[0-9a-f-]{36}$")
        self.assertEqual(end["details"], {"exit_code": 0, "files": []})

    def test_connection_that_comes_back_is_no_failure(self):
        bot = self.codex()
        bot.task("1", "play reconnect")
        self.assertEqual(bot.until("status")["text"], "Reconnecting... 1/5")
        lines = bot.until_end("1")
        self.assertEqual((text_of(lines), lines[-1]["type"]),
                         ("Here again.", "done"))

    def test_failures_have_codes(self):
        bot = self.codex()
        self.ends(bot, "401", "model_server_denied", False, "401")
        self.ends(bot, "window", "prompt_too_long", False, "window")
        self.ends(bot, "dropped", "model_server_failed", True, "disconnected")
        self.ends(bot, "refused", "agent_failed", False, "no reason")
        self.ends(bot, "cut", "answer_cut", True, "result line")
        end = self.ends(bot, "limit", "rate_limited", True, "usage limit")
        self.assertEqual(end["retry_after_seconds"], 7201)
        end = self.ends(bot, "rate", "rate_limited", True, "Rate limit")
        self.assertEqual(end["retry_after_seconds"], 4)

    def test_unknown_items_are_passed_over(self):
        lines = self.play(self.codex(), "odd")
        self.assertEqual((text_of(lines), lines[-1]["type"]), ("ok", "done"))

    def test_session_continues_by_resume_argv(self):
        bot = self.codex()
        _, end = bot.ask("1", "remember fig")
        session = end["session"]
        text, end = bot.ask("2", "recall", session=session)
        self.assertEqual((text, end["session"]), ("I know: fig", session))

    def test_lost_session_is_begun_anew(self):
        bot = self.codex()
        text, end = bot.ask("1", "hello", session="gone-1")
        self.assertEqual((text, end["type"]), ("You said: hello", "done"))

    def test_system_prompt_goes_before_the_first_prompt_only(self):
        bot = self.codex(config={"system_prompt": "Be brief."})
        text, end = bot.ask("1", "hello")
        self.assertEqual(text, "You said: Be brief.\n\nhello")
        self.assertEqual(bot.ask("2", "hello", session=end["session"])[0],
                         "You said: hello")


class Garbled(Agents):
    ROUNDS = int(os.environ.get("DEIA_GARBLED_ROUNDS", "60"))

    def garble(self, random, data):
        data = bytearray(data)
        for _ in range(random.randint(1, 8)):
            at = random.randrange(len(data))
            how = random.randrange(5)
            if how == 0:
                data[at] = random.randrange(256)
            elif how == 1:
                del data[at:at + random.randint(1, 60)]
            elif how == 2:
                data[at:at] = data[at:at + random.randint(1, 200)]
            elif how == 3:
                data[at:at] = random.choice((b"null", b"[", b"}", b'"',
                                             b"-1e999", b"\n", b"\xff", b"{}"))
            else:
                del data[at:]
            if not data:
                data = bytearray(b"{}")
        return bytes(data)

    def streams(self, agent):
        folder = os.path.join(AGENTS, "recordings")
        for name in sorted(os.listdir(folder)):
            if name.startswith(agent):
                with open(os.path.join(folder, name), "rb") as file:
                    yield file.read()

    def test_garbled_streams_end_each_turn_once_and_harm_nothing(self):
        for agent, format in (("claude", "claude-stream-json"),
                              ("codex", "codex-json")):
            random = Random(agent)
            streams = list(self.streams(agent))
            bot = self.bot(["cat", "stream"], format, files=False)
            for i in range(self.ROUNDS):
                data = self.garble(random, random.choice(streams))
                with open(os.path.join(self.dir, "stream"), "wb") as file:
                    file.write(data)
                lines = bot.ask(str(i), "go")
                self.assertIn(lines[-1]["type"], ("done", "error"), data)
            bot.send(type="ping", n=1)
            bot.until("pong", n=1)


if __name__ == "__main__":
    unittest.main()
