# SPDX-License-Identifier: MIT
"""deia-bot with the exec adapter: commands, their output, their end."""

import os
import signal
import stat
import tempfile
import time
import unittest

from botline import Bot, text_of
from hive import alive, wait_gone

PROGRAM = os.environ["DEIA_BOT"]
SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "support")


class Folder(unittest.TestCase):
    """Each test has a folder of its own, where its commands run."""

    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="deia-exec-")
        self.addCleanup(self.place.cleanup)
        self.dir = os.path.realpath(self.place.name)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def bot(self, argv, ready=True, env=None, config=None, **options):
        bot = Bot([PROGRAM, "--adapter", "exec"],
                  env={**os.environ, **(env or {})})
        self.addCleanup(bot.close)
        config = {"work_dir": self.dir, **(config or {})}
        if options:
            config["options"] = options
        if argv is not None:
            config["argv"] = argv
        if ready:
            bot.init(**config)
        else:
            bot.send(type="init", bot="BOT-001", protocol=1, config=config)
        return bot

    def sh(self, script, **more):
        return self.bot(["/bin/sh", "-c", script], **more)

    def refused(self, argv, word, **more):
        """The bot ends at once with status 1 and says why."""
        bot = self.bot(argv, ready=False, **more)
        self.assertEqual(bot.proc.wait(20), 78)
        bot.until_logged(word)


class Text(Folder):
    def test_prompt_goes_by_stdin_and_stdout_is_the_answer(self):
        bot = self.bot(["cat"])
        self.assertEqual(bot.ask("1", "hello")[0], "hello")

    def test_answer_is_streamed_while_the_command_runs(self):
        bot = self.sh("echo one; read x < fifo; echo two")
        os.mkfifo(self.path("fifo"))
        bot.task("1", "go")
        self.assertEqual(bot.until("chunk")["text"], "one")
        with open(self.path("fifo"), "w", encoding="ascii") as f:
            f.write("x\n")
        self.assertEqual(text_of(bot.until_end("1")), "\ntwo")

    def test_newlines_at_the_end_are_not_part_of_the_answer(self):
        bot = self.sh("printf 'a\\n\\nb\\n\\n\\n'")
        self.assertEqual(bot.ask("1", "")[0], "a\n\nb")

    def test_characters_cut_between_writes_arrive_whole(self):
        bot = self.bot(["cat"])
        text = "caf\u00e9 \U0001f600 \u20ac" * 30000
        self.assertEqual(bot.ask("1", text)[0], text)

    def test_bytes_that_are_no_utf8_are_replaced(self):
        bot = self.sh("printf 'a\\377b'")
        self.assertEqual(bot.ask("1", "")[0], "a\ufffdb")

    def test_stderr_goes_to_the_log_and_not_to_the_answer(self):
        bot = self.sh("echo warning >&2; echo fine")
        text, end = bot.ask("1", "")
        self.assertEqual((text, end["type"]), ("fine", "done"))
        bot.until_logged("stderr: warning")

    def test_exit_status_is_an_error_with_the_last_words(self):
        bot = self.sh("for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; "
                      "exit 3")
        text, end = bot.ask("1", "")
        self.assertEqual(end["code"], "command_failed")
        self.assertFalse(end["retryable"])
        self.assertEqual(end["message"],
                         "sh exited with status 3: line 3 | line 4 | line 5 "
                         "| line 6 | line 7")
        self.assertEqual(end["details"]["exit_code"], 3)
        self.assertEqual(text, "")

    def test_temporary_failure_may_be_tried_again(self):
        self.assertTrue(self.sh("exit 75").ask("1", "")[1]["retryable"])

    def test_death_by_signal_is_named(self):
        _, end = self.sh("kill -SEGV $$").ask("1", "")
        self.assertEqual(end["code"], "command_failed")
        self.assertIn("signal 11", end["message"])

    def test_command_that_does_not_read_its_prompt_is_fine(self):
        bot = self.sh("exec <&-; echo ok")
        self.assertEqual(bot.ask("1", "x" * 900000)[0], "ok")

    def test_megabyte_flood_of_stderr_is_bounded_in_the_log(self):
        bot = self.sh("yes warning | head -n 100000 >&2; echo ok")
        self.assertEqual(bot.ask("1", "")[0], "ok")
        bot.until_logged("more of this turn is not logged")
        self.assertLess(len(bot.stderr), 1100)

    def test_answer_over_8_mib_ends_the_command(self):
        bot = self.sh("yes deia")
        bot.task("1", "go")
        lines = bot.until_end("1")
        self.assertEqual(lines[-1]["code"], "answer_too_long")
        self.assertLessEqual(len(text_of(lines)), 8 << 20)

    def test_hive_that_does_not_read_stops_the_command_not_the_memory(self):
        bot = Bot([PROGRAM, "--adapter", "exec"], read=False)
        self.addCleanup(bot.close)
        bot.send(type="init", bot="b", protocol=1, config={
            "work_dir": self.dir,
            "argv": ["/bin/sh", "-c", "head -c 7000000 /dev/zero | tr '\\0' x;"
                     " echo > done; cat fifo"]})
        os.mkfifo(self.path("fifo"))
        bot.task("1", "go")
        # It is stopped in the middle: our reading lets it go on to its end.
        bot.start_reading()
        with open(self.path("fifo"), "w", encoding="ascii") as f:
            f.write("end")
        text = text_of(bot.until_end("1"))
        self.assertEqual(len(text), 7000003)
        with open(f"/proc/{bot.proc.pid}/status", encoding="ascii") as f:
            peak = [l for l in f if l.startswith("VmHWM")][0].split()[1]
        self.assertLess(int(peak), 200000)


class Words(Folder):
    def test_placeholders_are_filled_in_and_no_shell_is_involved(self):
        bot = self.bot(["printf", "%s|", "--", "<{prompt}>", "{bot}",
                        "{conversation}", "{system_prompt}", "{model}",
                        "{other}", "$HOME"],
                       config={"model": "m1", "system_prompt": "be; brief"})
        nasty = "'; rm -rf / \" $(id) `id` {model} \\ \n*"
        self.assertEqual(
            bot.ask("1", nasty, conversation="c1")[0],
            f"--|<{nasty}>|BOT-001|c1|be; brief|m1|{{other}}|$HOME|")

    def test_argument_without_a_value_is_left_out_with_its_option(self):
        bot = self.bot(["printf", "%s|", "a", "--model", "{model}", "b",
                        "--x={system_prompt}", "{session}", "{prompt}"])
        self.assertEqual(bot.ask("1", "p")[0], "a|b|p|")

    def test_session_is_filled_in_when_there_is_one(self):
        bot = self.bot(["printf", "%s|", "go", "--resume", "{session}",
                        "{prompt}"])
        self.assertEqual(bot.ask("1", "p")[0], "go|p|")
        self.assertEqual(bot.ask("2", "p", session="s-1")[0],
                         "go|--resume|s-1|p|")

    def test_resume_argv_takes_the_place_of_argv_in_a_session(self):
        bot = self.bot(["printf", "new %s", "{prompt}"],
                       resume_argv=["printf", "%s again %s", "{session}",
                                    "{prompt}"])
        self.assertEqual(bot.ask("1", "p")[0], "new p")
        self.assertEqual(bot.ask("2", "p", session="s:1")[0], "s:1 again p")

    def test_session_that_looks_like_no_name_is_not_used(self):
        bot = self.bot(["printf", "%s|", "{session}", "{prompt}"])
        for session in ("--help", "a b", "x;y", "../z"):
            self.assertEqual(bot.ask(session, "p", session=session)[0], "p|")

    def test_prompt_cannot_become_an_option(self):
        bot = self.bot(["printf", "%s", "{prompt}"])
        _, end = bot.ask("1", "--help")
        self.assertEqual(end["code"], "prompt_refused")
        self.assertIn("stdin", end["message"])
        bot = self.bot(["printf", "--", "%s", "{prompt}"])
        self.assertEqual(bot.ask("1", "--help")[0], "--help")

    def test_prompt_too_long_for_an_argument_points_to_stdin(self):
        bot = self.bot(["printf", "%s", "{prompt}"])
        self.assertEqual(bot.ask("1", "x" * 131071)[0], "x" * 131071)
        _, end = bot.ask("2", "x" * 131072)
        self.assertEqual(end["code"], "prompt_too_long")
        self.assertFalse(end["retryable"])
        self.assertIn("stdin", end["message"])

    def test_arguments_too_long_together_are_said(self):
        bot = self.bot(["true"] + ["x{prompt}"] * 100)
        _, end = bot.ask("1", "x" * 100000)
        self.assertEqual(end["code"], "prompt_too_long")

    def test_system_prompt_without_a_place_goes_before_the_prompt(self):
        bot = self.bot(["cat"], config={"system_prompt": "Be kind."})
        self.assertEqual(bot.ask("1", "hi")[0], "Be kind.\n\nhi")

    def test_transcript_goes_before_the_prompt(self):
        history = [{"role": "user", "content": "one"},
                   {"role": "assistant", "content": "two"}]
        bot = self.bot(["cat"], history="transcript")
        self.assertEqual(bot.ask("1", "three", history=history)[0],
                         '<conversation>\n<message role="user">\none\n'
                         '</message>\n<message role="assistant">\ntwo\n'
                         '</message>\n</conversation>\n\nthree')
        bot = self.bot(["cat"])
        self.assertEqual(bot.ask("1", "three", history=history)[0], "three")

    def test_transcript_keeps_the_newest_that_fits(self):
        history = [{"role": "user", "content": "x" * 200000},
                   {"role": "assistant", "content": "y" * 200000}]
        bot = self.bot(["cat"], history="transcript")
        text, _ = bot.ask("1", "now", history=history)
        self.assertNotIn("x", text)
        self.assertIn("y" * 200000, text)

    def test_command_runs_in_the_working_folder_with_the_bots_environment(self):
        bot = self.sh('pwd; echo "$DEIA_PROBE"; ls /proc/self/fd | wc -l; '
                      'trap', env={"DEIA_PROBE": "yes"})
        self.assertEqual(bot.ask("1", "")[0].split("\n"),
                         [self.dir, "yes", "4"])


class Config(Folder):
    def test_missing_program_is_said_at_once(self):
        self.refused(["no-such-program-here"], "no program")
        self.refused(["/no/such/program"], "No such file")
        self.refused(["./here"], "No such file")

    def test_program_that_is_not_executable_is_said_at_once(self):
        with open(self.path("script"), "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho hi\n")
        self.refused(["./script"], "chmod")
        self.refused([self.path("script")], "chmod")
        self.refused([self.dir], "not executable")

    def test_wrong_options_are_said_at_once(self):
        self.refused(["cat"], "options.format must be", format="xml")
        self.refused(["cat"], "options.history must be", history="all")
        self.refused(["cat"], "options.formt is not known", formt="text")
        self.refused(["cat"], "options.files must be", files="yes")
        self.refused(["cat"], "resume_argv must be", resume_argv=[])
        self.refused(["cat"], "resume_argv must be", resume_argv=[1])
        self.refused(["cat"], "silence_timeout",
                     silence_timeout_seconds=-1)
        self.refused([], "argv must be")
        self.refused(None, "argv must be")
        self.refused(["{prompt}"], "without placeholders")
        self.refused(["cat"], "model must not", config={"model": "-x"})

    def test_program_that_vanishes_is_an_error_of_the_turn(self):
        path = self.path("tool")
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho hi\n")
        os.chmod(path, stat.S_IRWXU)
        bot = self.bot([path])
        self.assertEqual(bot.ask("1", "")[0], "hi")
        os.unlink(path)
        _, end = bot.ask("2", "")
        self.assertEqual(end["code"], "command_not_found")
        with open(path, "w", encoding="ascii") as f:
            f.write("echo no first line\n")
        os.chmod(path, stat.S_IRWXU)
        _, end = bot.ask("3", "")
        self.assertEqual(end["code"], "command_not_found")
        self.assertIn("#!/bin/sh", end["message"])

    def test_script_whose_interpreter_is_missing_is_an_error(self):
        path = self.path("tool")
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/no/such/interpreter\n")
        os.chmod(path, stat.S_IRWXU)
        _, end = self.bot([path]).ask("1", "")
        self.assertEqual(end["code"], "command_not_found")


class End(Folder):
    def pids(self, *names):
        """What the command wrote into these files, once it is there."""
        found = []
        for name in names:
            with open(self.path(name), encoding="ascii") as f:
                found.append(int(f.read()))
        return found

    def test_interrupt_is_sigint_first(self):
        bot = self.sh("trap 'echo bye; exit 0' INT; echo go; "
                      "while :; do read x < fifo; done")
        os.mkfifo(self.path("fifo"))
        bot.task("1", "")
        bot.until("chunk")
        bot.send(type="interrupt", id="1")
        lines = bot.until_end("1")
        self.assertEqual(lines[-1]["code"], "interrupted")

    def test_command_that_ignores_sigint_gets_more(self):
        bot = self.sh("trap '' INT; echo $$ > pid; echo go; sleep 1000")
        bot.task("1", "")
        bot.until("chunk")
        bot.send(type="interrupt", id="1")
        self.assertEqual(bot.until_end("1")[-1]["code"], "interrupted")
        self.assertEqual(wait_gone(self.pids("pid"), 10), [])

    def test_command_that_ignores_sigterm_is_killed(self):
        bot = self.sh("trap '' INT TERM; echo $$ > pid; echo go; "
                      "while :; do sleep 1; done")
        bot.task("1", "")
        bot.until("chunk")
        begin = time.monotonic()
        bot.send(type="interrupt", id="1")
        self.assertEqual(bot.until_end("1")[-1]["code"], "interrupted")
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(wait_gone(self.pids("pid"), 10), [])

    def test_stopped_command_is_ended_all_the_same(self):
        bot = self.sh("echo $$ > pid; echo go; kill -STOP $$")
        bot.task("1", "")
        bot.until("chunk")
        bot.send(type="interrupt", id="1")
        self.assertEqual(bot.until_end("1")[-1]["code"], "interrupted")
        self.assertEqual(wait_gone(self.pids("pid"), 10), [])

    def test_what_the_command_leaves_behind_is_ended(self):
        bot = self.sh("sleep 1000 & echo $! > a; "
                      "setsid sh -c 'sleep 1000 & echo $! > b; "
                      "echo $$ > c; wait' > /dev/null 2>&1 & "
                      "while [ ! -s c ]; do :; done; echo done")
        text, end = bot.ask("1", "")
        self.assertEqual((text, end["type"]), ("done", "done"))
        self.assertEqual([p for p in self.pids("a", "b", "c") if alive(p)],
                         [])

    def test_survivor_that_ignores_sigterm_is_killed(self):
        bot = self.sh("sh -c 'trap \"\" TERM; echo $$ > a; "
                      "while :; do sleep 1; done' & "
                      "while [ ! -s a ]; do :; done; echo done")
        self.assertEqual(bot.ask("1", "")[0], "done")
        self.assertEqual([p for p in self.pids("a") if alive(p)], [])

    def test_programs_of_others_are_left_alone(self):
        mine = self.sh("echo $$ > mine; echo go; exec sleep 1000")
        mine.task("1", "")
        mine.until("chunk")
        other = self.sh("echo done")
        self.assertEqual(other.ask("1", "")[0], "done")
        self.assertTrue(alive(self.pids("mine")[0]))

    def test_turn_over_its_time_ends_with_its_command(self):
        bot = self.sh("echo $$ > pid; echo go; exec sleep 1000")
        bot.send(type="task", id="1", kind="chat", content="",
                 timeout_seconds=1)
        end = bot.until_end("1")[-1]
        self.assertEqual(end["code"], "timed_out")
        self.assertTrue(end["retryable"])
        self.assertEqual(wait_gone(self.pids("pid"), 10), [])

    def test_silent_command_is_ended_when_so_configured(self):
        bot = self.sh("echo go; exec sleep 1000", silence_timeout_seconds=1)
        end = bot.ask("1", "")[1]
        self.assertEqual(end["code"], "command_silent")

    def test_shutdown_ends_the_commands(self):
        bot = self.sh("echo $$ > pid; sleep 1000 & echo $! > a; echo go; wait")
        bot.task("1", "")
        bot.until("chunk")
        bot.send(type="shutdown")
        self.assertEqual(bot.until_end("1")[-1]["code"], "shutting_down")
        self.assertEqual(bot.proc.wait(20), 0)
        self.assertEqual(wait_gone(self.pids("pid", "a"), 10), [])

    def test_shutdown_does_not_wait_for_a_command_that_ignores_it(self):
        bot = self.sh("trap '' TERM INT; echo $$ > pid; echo go; "
                      "while :; do sleep 1; done")
        bot.task("1", "")
        bot.until("chunk")
        begin = time.monotonic()
        bot.send(type="shutdown")
        self.assertEqual(bot.proc.wait(20), 0)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(wait_gone(self.pids("pid"), 10), [])

    def test_end_of_input_ends_the_commands(self):
        bot = self.sh("echo $$ > pid; echo go; exec sleep 1000")
        bot.task("1", "")
        bot.until("chunk")
        bot.close()
        self.assertEqual(wait_gone(self.pids("pid"), 10), [])

    def test_command_that_dies_of_an_outside_signal_is_an_error(self):
        bot = self.sh("echo $$ > pid; echo go; exec sleep 1000")
        bot.task("1", "")
        bot.until("chunk")
        os.kill(self.pids("pid")[0], signal.SIGKILL)
        end = bot.until_end("1")[-1]
        self.assertEqual(end["code"], "command_failed")
        self.assertIn("signal 9", end["message"])

    def test_turns_above_max_concurrent_wait(self):
        bot = self.sh("read name; echo $name; read x < $name",
                      config={"max_concurrent": 2})
        for name in "abc":
            os.mkfifo(self.path(name))
            bot.task(name, name + "\n")
        first = {bot.until("chunk")["id"], bot.until("chunk")["id"]}
        self.assertEqual(first, {"a", "b"})
        for name in "abc":
            with open(self.path(name), "w", encoding="ascii") as f:
                f.write("go\n")
        self.assertEqual({bot.until("done")["id"] for _ in "abc"},
                         set("abc"))

    def test_turn_that_waits_can_be_interrupted(self):
        bot = self.sh("echo go; read x < fifo")
        os.mkfifo(self.path("fifo"))
        bot.task("1", "")
        bot.until("chunk")
        bot.task("2", "")
        bot.send(type="interrupt", id="2")
        self.assertEqual(bot.until("error")["id"], "2")
        with open(self.path("fifo"), "w", encoding="ascii") as f:
            f.write("go\n")
        bot.until("done", id="1")

    def test_pings_are_answered_and_no_descriptor_leaks(self):
        bot = self.sh("echo go")
        bot.ask("0", "")
        before = bot.fds()
        for i in range(1, 30):
            bot.ask(str(i), "")
        bot.send(type="ping", n=7)
        self.assertEqual(bot.next(), {"type": "pong", "n": 7})
        self.assertEqual(bot.fds(), before)


class JsonLines(Folder):
    def lines(self, text, **more):
        with open(self.path("lines"), "w", encoding="utf-8") as f:
            f.write(text)
        return self.bot(["cat", "lines"], format="jsonl", **more)

    def test_lines_of_a_simple_bot_are_understood(self):
        bot = self.lines('{"type":"status","text":"thinking ..."}\n'
                         '{"type":"chunk","text":"hm","channel":"thinking"}\n'
                         '{"type":"chunk","text":"hel"}\r\n'
                         '{"type":"chunk","text":"lo"}\n'
                         '{"type":"future"}\n'
                         '{"type":"done","usage":{"prompt_tokens":3},'
                         '"session":"s1","details":{"x":1}}')
        bot.task("1", "")
        self.assertEqual(bot.until("status")["text"], "thinking ...")
        lines = [bot.until("chunk", channel="thinking")]
        self.assertEqual(bot.until("status")["text"], "")
        lines += bot.until_end("1")
        self.assertEqual(text_of(lines, "thinking"), "hm")
        self.assertEqual(lines[-1], {
            "type": "done", "id": "1", "usage": {"prompt_tokens": 3},
            "session": "s1", "details": {"x": 1}})
        self.assertEqual(text_of(bot.seen), "hello")

    def test_text_of_done_takes_the_place_of_chunks(self):
        bot = self.lines('{"type":"chunk","text":"draft"}\n'
                         '{"type":"done","text":"final"}\n')
        self.assertEqual(bot.ask("1", "")[1]["text"], "final")

    def test_error_line_is_the_error(self):
        bot = self.lines('{"type":"error","code":"busy_now","message":"no",'
                         '"retryable":true,"retry_after_seconds":9}\n')
        _, end = bot.ask("1", "")
        self.assertEqual((end["code"], end["message"], end["retryable"],
                          end["retry_after_seconds"]),
                         ("busy_now", "no", True, 9))

    def test_noise_is_logged_and_passed_over(self):
        bot = self.lines('Welcome!\n\n[1]\n{"type":\n{"type":"chunk",'
                         '"text":"ok"}\n')
        text, end = bot.ask("1", "")
        self.assertEqual((text, end["type"]), ("ok", "done"))
        bot.until_logged("stdout: Welcome!")

    def test_giant_line_is_left_out_and_the_rest_still_counts(self):
        bot = self.sh("head -c 9000000 /dev/zero | tr '\\0' x; echo; "
                      "echo '{\"type\":\"chunk\",\"text\":\"ok\"}'",
                      format="jsonl")
        self.assertEqual(bot.ask("1", "")[0], "ok")
        bot.until_logged("above 8 MiB")

    def test_line_of_7_mib_is_read(self):
        with open(self.path("lines"), "w", encoding="utf-8") as f:
            f.write('{"type":"chunk","text":"' + "y" * 7000000 + '"}\n')
        bot = self.bot(["cat", "lines"], format="jsonl")
        self.assertEqual(len(bot.ask("1", "")[0]), 7000000)

    def test_command_that_stays_after_its_result_is_ended(self):
        bot = self.sh("echo '{\"type\":\"done\",\"text\":\"ok\"}'; "
                      "exec sleep 1000", format="jsonl")
        self.assertEqual(bot.ask("1", "")[1]["text"], "ok")


if __name__ == "__main__":
    unittest.main()
