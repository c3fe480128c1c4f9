# SPDX-License-Identifier: MIT
"""deia-bot with the echo adapter: the protocol itself, on the real program."""

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from botline import Bot, text_of

PROGRAM = os.environ["DEIA_BOT"]
ECHO = [PROGRAM, "--adapter", "echo"]
INIT = b'{"type":"init","bot":"b","protocol":1,"config":{}}\n'


def run(args, data=b""):
    return subprocess.run([PROGRAM, *args], input=data, capture_output=True,
                          timeout=30, check=False)


class CommandLine(unittest.TestCase):
    def test_version_is_printed(self):
        done = run(["--version"])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, rb"^deia-bot \d+\.\d+\.\d+\n$")

    def test_list_names_every_adapter(self):
        self.assertEqual(run(["--list"]).stdout.split(), [
            b"echo", b"exec", b"ollama", b"openai", b"anthropic"])

    def test_help_names_options_and_adapters(self):
        text = run(["--help"]).stdout
        for word in (b"--adapter", b"--list", b"--version", b"ollama"):
            self.assertIn(word, text)

    def test_unknown_adapter_is_a_usage_error_with_the_list(self):
        done = run(["--adapter", "nope"])
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"nope", done.stderr)
        self.assertIn(b"ollama", done.stderr)

    def test_missing_and_unknown_options_are_usage_errors(self):
        for args in ([], ["--adapter"], ["--zzz"], ["echo"],
                     ["--adapter", "echo", "more"]):
            with self.subTest(args=args):
                done = run(args)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"--help", done.stderr)

    def test_echo_links_neither_curl_nor_a_database(self):
        libs = subprocess.run(["ldd", PROGRAM], capture_output=True,
                              check=False).stdout
        for lib in (b"curl", b"sqlite", b"sodium", b"yaml", b"ssl"):
            self.assertNotIn(lib, libs)


class Turns(unittest.TestCase):
    def setUp(self):
        self.bot = Bot(ECHO)
        self.addCleanup(self.bot.close)

    def test_ready_follows_init(self):
        self.assertEqual(self.bot.init(), {"type": "ready"})

    def test_answer_is_the_message_unchanged(self):
        self.bot.init()
        for text in ("hello", "", "a\nb\tc", "\u2028 é 漢 😀", "\"\\/\x7f\x01"):
            with self.subTest(text=text):
                answer, last = self.bot.ask("t", text)
                self.assertEqual(answer, text)
                self.assertEqual(last, {"type": "done", "id": "t"})

    def test_one_chunk_then_done(self):
        self.bot.init()
        self.bot.task("t", "x" * 1000)
        kinds = [line["type"] for line in self.bot.until_end("t")]
        self.assertEqual(kinds, ["chunk", "done"])

    def test_a_megabyte_comes_back_in_lines_under_the_limit(self):
        self.bot.init()
        for text in ("y" * (1 << 20), "é" * (1 << 19), "\x01" * (300 << 10)):
            self.bot.task("t", text)
            lines = self.bot.until_end("t")
            self.assertEqual(text_of(lines), text)
            for line in lines:
                self.assertLess(len(json.dumps(line)), 2 << 20)

    def test_history_is_ignored_and_the_newest_message_echoed(self):
        self.bot.init()
        history = [{"role": "user", "content": "one"},
                   {"role": "assistant", "content": "two"}]
        self.assertEqual(
            self.bot.ask("t", "three", history=history)[0], "three")

    def test_a_thousand_turns_in_one_write(self):
        self.bot.init()
        lines = "".join(
            json.dumps({"type": "task", "id": f"t{i}", "kind": "task",
                        "content": str(i)}) + "\n" for i in range(1000))
        self.bot.raw(lines.encode())
        for i in range(1000):
            self.assertEqual(self.bot.until("chunk")["text"], str(i))
            self.bot.until("done", id=f"t{i}")

    def test_ping_is_answered_before_and_after_init(self):
        self.bot.send(type="ping", n=1)
        self.assertEqual(self.bot.next(), {"type": "pong", "n": 1})
        self.bot.init()
        self.bot.send(type="ping", n=2 ** 40)
        self.assertEqual(self.bot.next(), {"type": "pong", "n": 2 ** 40})

    def test_shutdown_ends_with_status_0(self):
        self.bot.init()
        self.bot.send(type="shutdown")
        self.assertIsNone(self.bot.next())
        self.assertEqual(self.bot.proc.wait(10), 0)

    def test_end_of_input_ends_with_status_0(self):
        self.bot.init()
        self.assertEqual(self.bot.close(), 0)

    def test_any_fragmentation_gives_the_same_answers(self):
        data = INIT + '{"type":"task","id":"1","content":"é漢"}\r\n\n'.encode()
        for byte in data:
            self.bot.raw(bytes([byte]))
        self.bot.until("ready")
        self.assertEqual(text_of(self.bot.until_end("1")), "é漢")

    def test_mail_is_held_and_answers_are_taken(self):
        self.bot.init()
        self.bot.send(type="message", id="m", priority="P1", content="hi",
                      **{"from": "BOT-002"})
        self.bot.send(type="sent", ref="r", id="m")
        self.bot.send(type="result", ref="r", id="m", status="ok", text="")
        self.bot.send(type="interrupt", id="nobody")
        self.bot.send(type="ping", n=1)
        self.assertEqual(self.bot.next(), {"type": "pong", "n": 1})
        self.assertEqual(self.bot.stderr, [])


class BadLines(unittest.TestCase):
    def setUp(self):
        self.bot = Bot(ECHO)
        self.addCleanup(self.bot.close)

    def bad(self, data, word):
        """The line is noted, and the bot goes on."""
        self.bot.raw(data + b"\n")
        self.bot.until_logged(word)
        self.bot.send(type="ping", n=1)
        self.bot.until("pong", n=1)

    def test_garbage_is_noted_and_survived(self):
        self.bad(b"junk", "bad line")
        self.bad(b'{"type":"ping","n":1', "bad line")
        self.bad(b'{"type":"ping","n":01}', "bad line")
        self.bad(b'{"a":1,"a":2}', "bad line")
        self.bad(b'{"type":"ping\xff","n":1}', "bad line")
        self.bad(b'{"type":"x\x00y"}', "bad line")
        self.bad(b"[" * 100 + b"]" * 100, "bad line")
        self.bad(b"[]", 'a text "type"')
        self.bad(b'{"type":7}', 'a text "type"')
        self.bad(b'{"type":"ping"}', "ping needs")

    def test_log_lines_hold_no_control_characters(self):
        self.bad(b'{"type":"\\u001b[31m"}', "unknown type")
        self.assertNotIn("\x1b", "".join(self.bot.stderr))

    def test_unknown_type_is_ignored_with_a_note(self):
        self.bad(b'{"type":"tomorrow"}', 'unknown type "tomorrow"')

    def test_task_before_init_is_noted(self):
        self.bad(b'{"type":"task","id":"1","content":"x"}', "must be init")

    def test_second_init_is_noted(self):
        self.bot.init()
        self.bad(INIT.strip(), "second init")

    def test_line_over_two_megabytes_is_thrown_away(self):
        self.bad(b'"' + b"a" * (3 << 20) + b'"', "longer than 2 MiB")

    def test_invalid_task_is_answered_with_an_error(self):
        self.bot.init()
        cases = ({}, {"content": 7}, {"content": "x", "timeout_seconds": 0},
                 {"content": "x", "timeout_seconds": "1"},
                 {"content": "x", "history": {}},
                 {"content": "x", "history": [{"role": "user"}]},
                 {"content": "x", "history": [7]})
        for fields in cases:
            with self.subTest(fields=fields):
                self.bot.send(type="task", id="t", kind="chat", **fields)
                error = self.bot.until("error", id="t")
                self.assertEqual(error["code"], "invalid_task")
                self.assertFalse(error["retryable"])
                self.assertTrue(error["message"])

    def test_task_without_a_usable_id_is_noted(self):
        self.bot.init()
        self.bad(b'{"type":"task","content":"x"}', "1 to 64 bytes")
        self.bad(b'{"type":"task","id":"","content":"x"}', "1 to 64 bytes")
        self.bad(b'{"type":"task","id":"%s","content":"x"}' % (b"a" * 65),
                 "1 to 64 bytes")

    def test_a_hundred_bad_lines_end_the_bot(self):
        self.bot.raw(b"junk\n" * 100)
        self.assertIsNone(self.bot.next())
        self.assertEqual(self.bot.proc.wait(10), 1)

    def test_other_protocol_version_ends_the_bot(self):
        self.bot.send(type="init", bot="b", protocol=2, config={})
        self.assertIsNone(self.bot.next())
        self.assertEqual(self.bot.proc.wait(10), 1)
        self.bot.until_logged("protocol 1")


class Streams(unittest.TestCase):
    """What stdin and stdout may be, and a hive that does not read."""

    def test_input_from_a_file_and_from_nothing(self):
        with tempfile.TemporaryFile() as file:
            file.write(INIT + b'{"type":"task","id":"1","content":"x"}')
            file.seek(0)
            done = subprocess.run(ECHO, stdin=file, capture_output=True,
                                  timeout=30, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'"done"', done.stdout)
        done = subprocess.run(ECHO, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, b"", b""))

    def test_output_to_a_file(self):
        with tempfile.TemporaryFile() as file:
            subprocess.run(ECHO, input=INIT, stdout=file, timeout=30,
                           check=True)
            file.seek(0)
            self.assertEqual(file.read(), b'{"type":"ready"}\n')

    def test_one_socket_for_both_directions(self):
        ours, its = socket.socketpair()
        with ours, its:
            proc = subprocess.Popen(ECHO, stdin=its, stdout=its)
            its.close()
            ours.sendall(INIT)
            self.assertEqual(ours.recv(100), b'{"type":"ready"}\n')
            ours.close()
            self.assertEqual(proc.wait(10), 0)

    def test_closed_stdin_and_stdout_are_errors_not_crashes(self):
        for redirect in ("<&-", ">&-"):
            with self.subTest(redirect=redirect):
                done = subprocess.run(
                    ["/bin/sh", "-c", f'exec "$0" --adapter echo {redirect}',
                     PROGRAM], input=INIT, capture_output=True, timeout=30,
                    check=False)
                self.assertIn(done.returncode, (0, 1))

    def test_hive_that_closes_its_end_ends_the_bot_quietly(self):
        bot = Bot(ECHO, read=False)
        bot.proc.stdout.close()
        bot.raw(INIT)
        self.assertEqual(bot.proc.wait(10), 0)
        self.assertEqual(bot.stderr, [])
        bot.close()

    def test_hive_that_does_not_read_stops_the_bot_reading(self):
        """Bounded memory, nothing lost, in order, once it reads again."""
        bot = Bot(ECHO, read=False)
        self.addCleanup(bot.close)
        bot.raw(INIT)
        pipe = bot.proc.stdin.fileno()
        os.set_blocking(pipe, False)
        task = (b'{"type":"task","id":"%d","content":"' + b"z" * 65536 +
                b'"}\n')
        sent, rest = 0, b""
        while sent < 1000:
            rest = rest or task % sent
            if not select.select([], [pipe], [], 2)[1]:
                break
            try:
                rest = rest[os.write(pipe, rest):]
            except BlockingIOError:
                continue
            sent += not rest
        self.assertLess(sent, 100, "the bot never stopped reading")
        self.assertLess(self.resident_kib(bot), 16 << 10)
        bot.start_reading()
        os.set_blocking(pipe, True)
        os.write(pipe, rest) if rest else None
        for i in range(sent):
            bot.until("done", id=str(i))

    def test_nobody_reads_and_the_input_ends(self):
        """The bot gives up writing after a while instead of staying."""
        bot = Bot(ECHO, read=False)
        bot.raw(INIT)
        bot.send(type="task", id="1", content="z" * 500000)
        bot.proc.stdin.close()
        self.assertEqual(bot.proc.wait(20), 0)
        bot.start_reading()
        bot.close()

    @staticmethod
    def resident_kib(bot):
        with open(f"/proc/{bot.proc.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def test_flags_of_the_pipe_are_put_back(self):
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as out, os.fdopen(write_end) as keep:
            subprocess.run(ECHO, input=INIT, stdout=write_end, timeout=30,
                           check=True)
            flags = fcntl.fcntl(keep, fcntl.F_GETFL)
            self.assertFalse(flags & os.O_NONBLOCK)
            self.assertEqual(out.readline(), b'{"type":"ready"}\n')


class Footprint(unittest.TestCase):
    def test_start_and_memory_are_reported(self):
        """Figures, not a gate: exec to ready, and private memory."""
        times = []
        for _ in range(20):
            began = time.monotonic()
            with Bot(ECHO) as bot:
                bot.init()
                times.append((time.monotonic() - began) * 1000)
                with open(f"/proc/{bot.proc.pid}/smaps_rollup",
                          encoding="ascii") as file:
                    private = sum(int(l.split()[1]) for l in file
                                  if l.startswith("Private_"))
        times.sort()
        print(f"exec to ready: median {times[10]:.1f} ms (Python included), "
              f"private memory {private} KiB", file=sys.stderr)
        self.assertGreater(private, 0)


if __name__ == "__main__":
    unittest.main()
