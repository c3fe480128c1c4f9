# SPDX-License-Identifier: MIT
"""`deia bot test` finds what a program gets wrong, and names it."""

import json
import os
import subprocess
import tempfile
import textwrap
import unittest

from models import Models

DEIA = os.environ["DEIA"]
BOT = os.environ["DEIA_BOT"]

# A right bot. Each test changes one thing by putting code in its place.
RIGHT = """
import json, os, sys, threading, time
def say(**line):
    print(json.dumps(line), flush=True)
def on_init(line):
    say(type="ready")
def on_ping(line):
    say(type="pong", n=line["n"])
def on_task(line):
    say(type="chunk", id=line["id"], text=line["content"][:9])
    say(type="done", id=line["id"])
def on_interrupt(line):
    pass
def on_shutdown(line):
    sys.exit(0)
def at_end():
    pass
def unreadable(text):
    pass
%s
for text in sys.stdin.buffer:
    try:
        line = json.loads(text)
        kind = line["type"]
    except Exception:
        unreadable(text)
        continue
    heed = globals().get("on_%%s" %% kind)
    if heed:
        heed(line)
at_end()
"""


def run(*args):
    return subprocess.run([DEIA, "bot", "test", *args], timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)


class Trial(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="deia-trial-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def judge(self, argv, *options, code=None):
        """The trial's findings by check; all but ok ones are lists."""
        if "--timeout" not in options:
            options = ("--timeout", "2", *options)
        out = run("--json", *options, "--", *argv)
        answer = json.loads(out.stdout)
        self.assertEqual(out.returncode, 1 if answer["failed"] else 0)
        self.assertEqual(out.stderr, "")
        self.assertEqual(answer["argv"], list(argv))
        counts = dict.fromkeys(("ok", "warning", "failed", "skipped"), 0)
        for found in answer["checks"]:
            counts[found["verdict"]] += 1
            if found["verdict"] == "failed":
                self.assertTrue(found["advice"], found)
        self.assertEqual(counts, {"ok": answer["ok"],
                                  "warning": answer["warnings"],
                                  "failed": answer["failed"],
                                  "skipped": answer["skipped"]})
        if code is not None:
            self.assertEqual(out.returncode, code, out.stdout)
        return answer["checks"]

    def bot(self, change="", *options, code=None):
        path = os.path.join(self.dir, "bot.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(RIGHT % textwrap.dedent(change))
        return self.judge(["python3", path], *options, code=code)

    def bad(self, change, check, detail, advice="", line=None,
            verdict="failed", others=()):
        """One fault makes this check fail, and no others."""
        found = self.bot(change)
        wrong = [f for f in found if f["verdict"] in ("failed", "warning")
                 and f["check"] not in others]
        self.assertEqual({f["check"] for f in wrong}, {check}, wrong)
        hit = [f for f in wrong if detail in f["detail"]]
        self.assertTrue(hit, wrong)
        self.assertEqual(hit[0]["verdict"], verdict)
        self.assertIn(advice, hit[0]["advice"])
        if line is not None:
            self.assertEqual(hit[0]["line"], line)
        return found

    # ---- right ---------------------------------------------------------------

    def test_right_bot_passes_every_check(self):
        found = self.bot(code=0)
        self.assertEqual(
            [f["check"] for f in found],
            ["start", "ready", "ping", "task", "history", "text", "large",
             "session", "unknown", "several", "busy_ping", "interrupt",
             "mail", "garbage", "shutdown", "end_of_input", "lines", "turns"])
        self.assertFalse([f for f in found if f["verdict"] in
                          ("failed", "warning")])

    def test_built_in_bot_passes_every_check(self):
        self.judge([BOT, "--adapter", "echo"], code=0)

    def test_bot_that_runs_a_command_passes_every_check(self):
        found = self.judge(
            [BOT, "--adapter", "exec"], "--cwd", self.dir, "--timeout", "30",
            "--config", json.dumps({"adapter": "exec", "work_dir": self.dir,
                                    "argv": ["/bin/cat"]}), code=0)
        self.assertFalse([f for f in found if f["verdict"] == "warning"])

    def test_bot_with_a_real_model_passes_every_check(self):
        with Models(["all"], pace=5) as server:
            found = self.judge(
                [BOT, "--adapter", "ollama"], "--prompt",
                "tell a story about a fox", "--timeout", "30", "--config",
                json.dumps({"adapter": "ollama", "model": "all",
                            "base_url": server.url}), code=0)
        self.assertEqual({f["verdict"] for f in found}, {"ok"}, found)

    def test_stderr_is_free(self):
        found = self.bot("""
            os.write(2, b"\\xff\\x1b[31m\\n" * 300)
            """, code=0)
        self.assertIn("on stderr go to the bot's log", found[-2]["detail"])

    def test_environment_folder_config_and_prompt_reach_the_bot(self):
        found = self.bot("""
            assert os.environ["COLOUR"] == "blue" and "DEIA" not in os.environ
            assert os.environ["DEIA_BOT_ID"] == "TRIAL"
            def on_init(line):
                assert line["config"] == {"model": "m"}, line
                assert line["bot"] == "TRIAL" and line["protocol"] == 1
                say(type="ready")
            def on_task(line):
                say(type="done", id=line["id"], text=os.getcwd()
                    if line["content"] == "where" else "no")
            """, "--env", "COLOUR=blue", "--cwd", self.dir, "--config",
                         '{"model":"m"}', "--prompt", "where", code=0)
        self.assertIn(os.path.realpath(self.dir), found[3]["detail"])

    def test_two_turns_at_once_where_the_bot_says_so(self):
        found = self.bot("""
            held = []
            def on_init(line):
                say(type="ready", max_concurrent=2)
            def answer(line):
                say(type="done", id=line["id"], text="x")
            def on_task(line):
                threading.Timer(0.05, answer, [line]).start()
            """, code=0)
        self.assertIn("2 turns at a time", found[1]["detail"])
        self.assertEqual(found[9]["detail"], "two turns at once")

    # ---- start and ready -------------------------------------------------------

    def test_missing_program_is_named(self):
        found = self.judge(["/nowhere/bot"], code=1)
        self.assertEqual(len(found), 1)
        self.assertIn("/nowhere/bot", found[0]["detail"])
        self.assertIn("whole path", found[0]["advice"])

    def test_program_that_is_not_executable_is_named(self):
        path = os.path.join(self.dir, "bot")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        self.assertIn("chmod +x", self.judge([path])[0]["advice"])

    def test_missing_folder_is_named(self):
        found = self.judge(["true"], "--cwd", "/nowhere", code=1)
        self.assertIn("cannot enter the folder /nowhere", found[0]["detail"])

    def test_exit_before_ready_shows_status_and_last_words(self):
        found = self.judge(["sh", "-c", "echo no model >&2; exit 3"], code=1)
        self.assertIn("exited with 3; it last said: no model",
                      found[-1]["detail"])

    def test_silent_bot_is_not_waited_for_for_ever(self):
        found = self.judge(["sleep", "1000"], "--timeout", "1", code=1)
        self.assertEqual(found[-1]["detail"], "no ready line within 1 s")

    def test_output_that_is_not_flushed_is_recognised(self):
        found = self.bot("""
            def say(**line):
                print(json.dumps(line))
            """, "--timeout", "1", code=1)
        self.assertIn("came only when its input was closed",
                      found[1]["detail"])
        self.assertIn("flush", found[1]["advice"])

    def test_bot_that_talks_plain_text_is_told_so(self):
        found = self.judge(["sh", "-c", "echo Hello; cat >/dev/null"],
                           "--timeout", "1", code=1)
        self.assertEqual(found[-1]["line"], "Hello")
        self.assertIn("stderr", found[-1]["advice"])

    # ---- lines -------------------------------------------------------------------

    def test_noise_on_stdout_is_named_with_its_line(self):
        self.bad("print('Loading model...')", "lines", "not JSON",
                 "stderr", "Loading model...")

    def test_each_kind_of_wrong_line_is_told_once(self):
        found = self.bot("""
            for n in range(40):
                print("noise", n)
                say(type="chunk", id="", text="x")
                say(type="no_such_type")
            """)
        wrong = [f["detail"] for f in found if f["verdict"] == "failed"]
        self.assertEqual(len(wrong), len(set(wrong)))
        self.assertIn('there is no line of type "no_such_type"', wrong)

    def test_line_above_the_limit_is_named(self):
        self.bad("say(type='status', text='x' * (3 << 20))", "lines",
                 "2 MiB")

    def test_invalid_utf8_is_named(self):
        self.bad(r"""os.write(1, b'{"type":"status","text":"\xff"}\n')""",
                 "lines", "UTF-8")

    def test_second_ready_line_is_named(self):
        self.bad("""
            def on_init(line):
                say(type="ready")
                say(type="ready")
            """, "lines", "a second ready line")

    # ---- ping ------------------------------------------------------------------

    def test_bot_that_answers_no_ping_fails(self):
        self.bad("def on_ping(line): pass", "ping", "no pong within 2 s",
                 others=("busy_ping",))

    def test_pong_with_another_number_fails(self):
        found = self.bot("""
            def on_ping(line):
                say(type="pong", n=line["n"] + 7)
            """, "--timeout", "1")
        self.assertIn("a pong with a number that no ping had",
                      [f["detail"] for f in found])

    def test_ping_that_waits_for_the_turns_end_is_a_warning(self):
        self.bad("""
            def on_task(line):
                time.sleep(1.2 if "count" in line["content"] else 0)
                say(type="done", id=line["id"], text="x")
            """, "busy_ping", "waited for its end", "during a turn",
                 verdict="warning", others=("interrupt",))

    # ---- turns -----------------------------------------------------------------

    def test_turn_that_never_ends_fails(self):
        found = self.bot("""
            def on_task(line):
                say(type="chunk", id=line["id"], text="...")
            """, "--timeout", "1")
        self.assertIn("1 chunks, but no done or error within 1 s",
                      found[3]["detail"])

    def test_answer_to_another_id_is_named(self):
        found = self.bot("""
            def on_task(line):
                say(type="done", id="1", text="x")
            """, "--timeout", "1")
        self.assertEqual(found[-1]["detail"],
                         "a done line with an id that no task had")
        self.assertEqual(found[-1]["line"],
                         '{"type": "done", "id": "1", "text": "x"}')

    def test_output_after_done_is_named(self):
        self.bad("""
            def on_task(line):
                say(type="done", id=line["id"], text="x")
                say(type="chunk", id=line["id"], text="more")
            """, "turns", "a chunk line for a turn that was over already")

    def test_two_ends_of_one_turn_are_named(self):
        self.bad("""
            def on_task(line):
                say(type="done", id=line["id"], text="x")
                say(type="error", id=line["id"], code="c", message="m")
            """, "turns", "an error line for a turn that was over already")

    def test_error_as_the_answer_is_a_warning_with_its_text(self):
        self.bad("""
            def on_task(line):
                say(type="error", id=line["id"], code="no_model",
                    message="pull it first", retryable=False)
            """, "task", "no_model: pull it first", verdict="warning",
                 others=("interrupt",))

    def test_empty_answer_is_a_warning(self):
        self.bad("""
            def on_task(line):
                say(type="done", id=line["id"])
            """, "task", "the answer is empty", verdict="warning")

    def test_answer_above_the_limit_is_named(self):
        self.bad("""
            def on_task(line):
                big = line["content"] == "hello" and not globals().get("was")
                globals()["was"] = True
                for n in range(9 if big else 1):
                    say(type="chunk", id=line["id"], text="x" * (1 << 20))
                say(type="done", id=line["id"])
            """, "turns", "an answer above 8 MiB")

    def test_death_in_a_turn_fails_that_check_and_the_rest_goes_on(self):
        self.bad("""
            def on_task(line):
                if len(line["content"]) > 100000:
                    sys.exit("too much")
                say(type="done", id=line["id"], text="x")
            """, "large", "exited with 1; it last said: too much")

    def test_death_by_a_signal_is_named(self):
        self.bad("""
            def on_task(line):
                if line.get("session"):
                    os.kill(os.getpid(), 11)
                say(type="done", id=line["id"], text="x")
            """, "session", "signal 11 (SIGSEGV)")

    def test_bot_without_patience_for_the_unknown_fails(self):
        self.bad("""
            def on_task(line):
                if "from_a_later_version" in line:
                    sys.exit(9)
                say(type="done", id=line["id"], text="x")
            """, "unknown", "exited with 9", "ignore types")

    def test_history_that_is_too_long_for_a_bot_is_told(self):
        self.bad("""
            def on_task(line):
                assert len(line["history"]) < 100, "that is long"
                say(type="done", id=line["id"], text="x")
            """, "history", "that is long")

    def test_text_that_breaks_a_bot_is_told(self):
        self.bad("""
            def on_task(line):
                line["content"].encode("ascii")
                say(type="done", id=line["id"], text="x")
            """, "text", "UnicodeEncodeError")

    def test_broken_lines_must_not_end_a_bot(self):
        self.bad("def unreadable(text): sys.exit(4)", "garbage",
                 "exited with 4", "drop a line")

    # ---- mail ----------------------------------------------------------------

    MAIL = """
def on_init(line):
    say(type="ready", capabilities=["mail"])
"""

    def test_bot_that_deals_with_mail_passes(self):
        found = self.bot(self.MAIL + """
def on_message(line):
    if line["redelivered"]:
        say(type="nack", id=line["id"], delay_seconds=3)
    else:
        say(type="send", ref=line["id"], to=line["from"], content="x")
def on_sent(line):
    assert line["id"]
    say(type="ack", id=line["ref"])
""", code=0)
        self.assertIn("says nack", [f["detail"] for f in found
                                    if f["check"] == "mail"][0])

    def test_mail_that_is_never_acknowledged_is_named(self):
        self.bad(self.MAIL, "mail", "no ack or nack of a message within 2 s")

    def test_mail_that_is_ignored_when_it_comes_again_is_named(self):
        self.bad(self.MAIL + """
def on_message(line):
    if line["attempt"] == 1:
        say(type="ack", id=line["id"])
""", "mail", "no ack or nack of a message within 2 s")

    def test_ack_with_another_id_is_named(self):
        self.bad(self.MAIL + """
def on_message(line):
    say(type="ack", id="x" + line["id"])
""", "mail", "no message had", 'repeat the "id"')

    # ---- interrupt ---------------------------------------------------------------

    def test_ignored_interrupt_is_a_warning(self):
        self.bad("""
            def late(line):
                say(type="done", id=line["id"], text="x")
            def on_task(line):
                if "count" not in line["content"]:
                    return late(line)
                threading.Timer(1.8, late, [line]).start()
            """, "interrupt", "it went on for", "interrupted",
                 verdict="warning")

    def test_interrupt_with_a_code_of_its_own_is_a_warning(self):
        self.bad("""
            def on_task(line):
                if "count" not in line["content"]:
                    say(type="done", id=line["id"], text="x")
            def on_ping(line):
                say(type="pong", n=line["n"])
                if line["n"] > 1:
                    say(type="done", id=last)
            def on_task(line, inner=on_task):
                globals()["last"] = line["id"]
                inner(line)
            def on_interrupt(line):
                say(type="error", id=line["id"], code="stop", message="m")
            """, "interrupt", "ended with the error stop", verdict="warning")

    # ---- the end -----------------------------------------------------------------

    def test_shutdown_with_a_status_is_told(self):
        self.bad("def on_shutdown(line): sys.exit(7)", "shutdown",
                 "exited with 7", "status 0")

    def test_shutdown_that_is_ignored_is_a_warning_when_input_ends_it(self):
        self.bad("def on_shutdown(line): pass", "shutdown",
                 "not on shutdown", verdict="warning")

    def test_bot_that_outlives_its_input_fails_and_is_ended(self):
        found = self.bad("""
            def at_end():
                print(os.getpid(), file=sys.stderr)
                time.sleep(1000)
            """, "end_of_input", "still runs 5 s after its input ended")
        pid = int(found[0]["detail"].rpartition(" ")[2])
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_flood_ends_with_the_trial(self):
        found = self.bot("""
            def on_task(line):
                while True:
                    say(type="status", text="x" * 1000)
            """, "--timeout", "1", code=1)
        self.assertIn("no answer within 1 s", found[3]["detail"])

    # ---- the command -------------------------------------------------------------

    def test_text_output_is_one_line_a_check_with_advice_below(self):
        out = run("--timeout", "1", "--", "sh", "-c",
                  r"printf 'a\033[2Jb\n'; cat >/dev/null")
        self.assertEqual(out.returncode, 1)
        lines = out.stdout.splitlines()
        self.assertRegex(lines[0], r"^ok +start +it runs, pid \d+$")
        self.assertRegex(lines[1], r"^FAIL +ready +no ready line within 1 s")
        self.assertIn("-> ", lines[2])
        self.assertRegex(out.stdout, r"it wrote: a.*\[2Jb")
        self.assertNotIn("\033", out.stdout)
        self.assertEqual(lines[-1], "1 ok, 2 failed, 0 warnings, 0 skipped")

    def test_quiet_prints_only_what_is_not_ok(self):
        out = run("-q", "--", BOT, "--adapter", "echo")
        self.assertEqual(out.returncode, 0)
        self.assertNotRegex(out.stdout, "(?m)^ok|FAIL")

    def test_mistakes_of_use_are_told_with_status_2(self):
        for args, word in (([], "missing"), (["x", "--", "y"], "before --"),
                           (["--timeout", "0", "--", "y"], "3600"),
                           (["--env", "A", "--", "y"], "NAME=VALUE"),
                           (["--config", "[1]", "--", "y"], "JSON object"),
                           (["--config", "{", "--", "y"], "JSON object")):
            out = run(*args)
            self.assertEqual(out.returncode, 2, args)
            self.assertIn(word, out.stderr)
            self.assertEqual(out.stdout, "")


if __name__ == "__main__":
    unittest.main()
