# SPDX-License-Identifier: MIT
"""deia-bot with the ollama adapter against a model server that misbehaves."""

import os
import socket
import time
import unittest

from botline import Bot, text_of
from fake_model import FakeModel

OLLAMA = [os.environ["DEIA_BOT"], "--adapter", "ollama"]


class Base(unittest.TestCase):
    def setUp(self):
        self.server = FakeModel()
        self.addCleanup(self.server.close)

    def start(self, model, read=True, env=None, **config):
        bot = Bot(OLLAMA, read=read, env=env)
        self.addCleanup(bot.close)
        config.setdefault("base_url", self.server.url)
        bot.send(type="init", bot="BOT-001", protocol=1,
                 config={"adapter": "ollama", "model": model, **config})
        if read:
            bot.until("ready")
        return bot

    def fails(self, model, code, retryable=True, content="hi", **config):
        """One turn that must end with this error; (error, its lines)."""
        bot = self.start(model, **config)
        bot.task("t", content)
        lines = bot.until_end("t")
        error = lines[-1]
        self.assertEqual(error["type"], "error", lines)
        self.assertEqual(error["code"], code, error)
        self.assertEqual(error["retryable"], retryable, error)
        self.assertNotRegex(error["message"], r"[\x00-\x1f]")
        return error, lines


class Answers(Base):
    def test_chunks_and_usage(self):
        bot = self.start("ok")
        bot.task("t", "hi")
        lines = bot.until_end("t")
        self.assertEqual([l.get("text") for l in lines[:-1]],
                         ["Hello", ", ", "world"])
        self.assertEqual(lines[-1], {
            "type": "done", "id": "t",
            "usage": {"prompt_tokens": 11, "completion_tokens": 3}})

    def test_thinking_goes_to_its_own_channel(self):
        bot = self.start("think")
        bot.task("t", "hi")
        lines = bot.until_end("t")
        self.assertEqual(text_of(lines, "thinking"), "Hmm")
        self.assertEqual(text_of(lines), "Yes")

    def test_usage_is_left_out_where_the_server_says_none(self):
        self.assertEqual(self.start("no-usage").ask("t", "hi")[1],
                         {"type": "done", "id": "t"})

    def test_stream_in_single_bytes(self):
        self.assertEqual(self.start("fragments").ask("t", "hi")[0],
                         "Hello, world")

    def test_last_line_without_newline(self):
        answer, last = self.start("no-newline").ask("t", "hi")
        self.assertEqual((answer, last["type"]), ("x", "done"))

    def test_done_does_not_wait_for_the_connection_to_close(self):
        bot = self.start("done-hangs", options={"stall_timeout_seconds": 60})
        self.assertEqual(bot.ask("t", "hi")[1]["type"], "done")
        self.assertTrue(self.server.gone.wait(10))

    def test_character_cut_between_lines_is_put_together(self):
        bot = self.start("cut-utf8")
        bot.task("t", "hi")
        self.assertEqual(text_of(bot.until_end("t")), "5 €!")

    def test_invalid_utf8_is_replaced(self):
        answer, last = self.start("bad-utf8").ask("t", "hi")
        self.assertEqual((answer, last["type"]), ("a\ufffd\ufffd(b", "done"))

    def test_character_that_never_ends_is_replaced(self):
        answer, last = self.start("half-utf8").ask("t", "hi")
        self.assertRegex(answer, "^x\ufffd+$")
        self.assertEqual(last["type"], "done")

    def test_turns_run_side_by_side(self):
        bot = self.start("paced")
        for i in range(4):
            bot.task(f"t{i}", "hi")
        for i in range(4):
            bot.until("chunk", text="one ")
        self.server.next_token.set()
        for i in range(4):
            bot.until("done")

    def test_connection_is_used_again(self):
        bot = self.start("ok", options={"num_ctx": 2048})
        for i in range(20):
            bot.ask(f"t{i}", "hi")
        self.assertLess(bot.fds(), 25)


class Request(Base):
    def sent(self, model="ok", content="hi", task=None, **config):
        bot = self.start(model, **config)
        bot.ask("t", content, **(task or {}))
        return self.server.bodies()[-1]

    def test_plain_request(self):
        self.assertEqual(self.sent(), {
            "model": "ok", "stream": True,
            "messages": [{"role": "user", "content": "hi"}]})

    def test_own_options_are_taken_out_and_the_rest_is_passed_on(self):
        body = self.sent(system_prompt="Be brief.", options={
            "keep_alive": "10m", "think": False, "format": {"type": "object"},
            "first_token_timeout_seconds": 9, "stall_timeout_seconds": 8,
            "temperature": 0.25, "stop": ["a", "b"], "num_ctx": 8192})
        self.assertEqual(body, {
            "model": "ok", "stream": True, "keep_alive": "10m",
            "think": False, "format": {"type": "object"},
            "options": {"temperature": 0.25, "stop": ["a", "b"],
                        "num_ctx": 8192},
            "messages": [{"role": "system", "content": "Be brief."},
                         {"role": "user", "content": "hi"}]})

    def test_history_goes_between_system_prompt_and_message(self):
        history = [{"role": "user", "content": "a"},
                   {"role": "assistant", "content": "b"}]
        body = self.sent(system_prompt="s", task={"history": history})
        self.assertEqual([m["content"] for m in body["messages"]],
                         ["s", "a", "b", "hi"])

    def test_text_arrives_exactly(self):
        text = "\"\\\n\t\x01\u2028 é 😀"
        body = self.sent("echo", text)
        self.assertEqual(body["messages"][0]["content"], text)

    def test_window_of_the_model_is_asked_once_and_capped(self):
        bot = self.start("ok")
        for i in range(3):
            bot.ask(f"t{i}", "hi")
        self.assertEqual(self.server.count("/api/show"), 1)

    def long_talk(self, n=40, size=300):
        return [{"role": ("user", "assistant")[i % 2],
                 "content": f"{i:03}" + "x" * (size - 3)} for i in range(n)]

    def kept(self, body):
        return [m["content"][:3] for m in body["messages"]]

    def test_history_is_cut_to_num_ctx(self):
        body = self.sent(task={"history": self.long_talk()},
                         options={"num_ctx": 1024})
        kept = self.kept(body)
        self.assertEqual(kept, ["034", "035", "036", "037", "038", "039", "hi"])
        self.assertEqual(body["messages"][0]["role"], "user")

    def test_history_is_cut_to_the_trained_window(self):
        self.server.shown = {"model_info": {
            "general.architecture": "llama", "clip.context_length": 77,
            "llama.context_length": 1024}}
        body = self.sent(task={"history": self.long_talk()})
        self.assertEqual(len(body["messages"]), 7)

    def test_history_is_cut_to_what_the_modelfile_sets(self):
        self.server.shown = {
            "parameters": "stop    \"<|x|>\"\nnum_ctx                 1024",
            "model_info": {"general.architecture": "llama",
                           "llama.context_length": 131072}}
        body = self.sent(task={"history": self.long_talk()})
        self.assertEqual(len(body["messages"]), 7)

    def test_without_show_the_default_window_counts(self):
        self.server.shown = []
        body = self.sent(task={"history": self.long_talk(200)})
        self.assertEqual(len(body["messages"]), 29)

    def test_newest_message_always_goes(self):
        body = self.sent(content="y" * 100000,
                         task={"history": self.long_talk()},
                         options={"num_ctx": 128})
        self.assertEqual(self.kept(body), ["yyy"])

    def test_prompt_that_was_too_long_is_sent_shorter(self):
        bot = self.start("window", options={"num_ctx": 1500})
        answer, _ = bot.ask("t", "hi", history=self.long_talk(12))
        self.assertEqual(answer, "Hello, world")
        sizes = [len(b["messages"]) for b in self.server.bodies()]
        self.assertEqual(len(sizes), 2)
        self.assertLess(sizes[1], sizes[0])
        bot.ask("u", "hi", history=self.long_talk(12))
        self.assertEqual(self.server.count("/api/chat"), 3)

    def test_proxy_of_the_environment_is_not_used(self):
        env = dict(os.environ, http_proxy="http://127.0.0.1:9",
                   all_proxy="http://127.0.0.1:9", HTTP_PROXY="")
        self.assertEqual(self.start("ok", env=env).ask("t", "hi")[0],
                         "Hello, world")

    def test_base_url_with_path_slash_and_password(self):
        url = self.server.url.replace("http://", "http://me:secret@") + "/"
        bot = self.start("401", base_url=url)
        _, error = bot.ask("t", "hi")
        self.assertNotIn("secret", error["message"])
        headers = [r[2] for r in self.server.requests if r[0] == "/api/chat"]
        self.assertTrue(headers[0]["Authorization"].startswith("Basic "))


class Faults(Base):
    def test_missing_model_names_the_fix_and_what_is_there(self):
        self.server.models = ["ok:latest"] + self.server.models
        error, _ = self.fails("missing", "model_not_found", False)
        self.assertIn("ollama pull missing", error["message"])
        self.assertIn("ok:latest", error["message"])
        self.assertIn(", ...)", error["message"])  # not all of them
        self.assertLess(len(error["message"]), 450)

    def test_missing_model_is_shown_as_status(self):
        bot = self.start("missing")
        self.assertIn("ollama pull missing", bot.until("status")["text"])

    def test_no_model_at_all(self):
        self.server.models = []
        error, _ = self.fails("missing", "model_not_found", False)
        self.assertIn("present: none", error["message"])

    def test_server_that_is_away(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            began = time.monotonic()
            bot = self.start("ok", base_url=url)
            self.assertIn(url, bot.until("status")["text"])
            _, error = bot.ask("t", "hi")
        self.assertGreaterEqual(time.monotonic() - began, 1.15)
        self.assertEqual(error["code"], "model_server_unreachable")
        self.assertTrue(error["retryable"])
        self.assertIn(url, error["message"])
        self.assertIn("ollama serve", error["message"])
        self.assertIn("refused", error["message"])

    def test_server_that_comes_back_clears_the_status(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            bot = self.start("ok", base_url=f"http://127.0.0.1:{port}")
            bot.until("status")
        with FakeModel(port):
            self.assertEqual(bot.ask("t", "hi")[0], "Hello, world")
            self.assertIn({"type": "status", "text": ""}, bot.seen)

    def test_server_that_comes_back_is_noticed_without_a_turn(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            bot = self.start("ok", base_url=f"http://127.0.0.1:{port}")
            bot.until("status")
        with FakeModel(port):
            self.assertEqual(bot.until("status")["text"], "")

    def test_name_that_does_not_resolve(self):
        bot = self.start("ok", base_url="http://no-such-host.invalid:1")
        _, error = bot.ask("t", "hi")
        self.assertEqual(error["code"], "model_server_unreachable")

    def test_no_first_token_in_time(self):
        error, _ = self.fails("hang", "first_token_timeout",
                              options={"first_token_timeout_seconds": 1})
        self.assertIn("first_token_timeout_seconds", error["message"])
        self.assertTrue(self.server.gone.wait(10))

    def test_silence_in_the_middle(self):
        error, lines = self.fails("stall", "model_stalled",
                                  options={"stall_timeout_seconds": 1})
        self.assertEqual(text_of(lines), "Hel")
        self.assertIn("stall_timeout_seconds", error["message"])
        self.assertTrue(self.server.gone.wait(10))

    def test_bytes_that_drip_do_not_count_as_progress(self):
        self.fails("drip", "model_stalled",
                   options={"stall_timeout_seconds": 1})

    def test_timeout_of_the_turn(self):
        bot = self.start("hang")
        bot.send(type="task", id="t", kind="chat", content="hi",
                 timeout_seconds=1)
        self.assertEqual(bot.until_end("t")[-1]["code"], "timed_out")

    def test_closed_in_the_middle(self):
        _, lines = self.fails("close", "answer_cut")
        self.assertEqual(text_of(lines), "Hel")

    def test_closed_before_an_answer(self):
        self.fails("close-at-once", "model_server_failed")
        # a connection that was kept open may have gone stale: asked twice
        self.assertLessEqual(self.server.count("/api/chat"), 2)

    def test_reset_in_the_middle_is_not_tried_again(self):
        bot = self.start("reset")
        bot.task("t", "hi")
        bot.until("chunk", text="Hel")
        self.server.next_token.set()
        self.assertEqual(bot.until_end("t")[-1]["code"], "answer_cut")
        self.assertEqual(self.server.count("/api/chat"), 1)

    def test_end_without_done(self):
        self.fails("no-done", "answer_cut")

    def test_empty_answer(self):
        self.fails("empty", "model_server_failed")

    def test_garbage_line(self):
        _, lines = self.fails("garbage", "bad_answer")
        self.assertEqual(text_of(lines), "Hel")

    def test_line_that_is_no_object(self):
        self.fails("scalar", "bad_answer")

    def test_page_of_something_else(self):
        self.fails("html", "bad_answer")

    def test_huge_line(self):
        self.fails("huge-line", "bad_answer")

    def test_answer_over_eight_megabytes(self):
        _, lines = self.fails("too-long", "answer_too_long", False)
        self.assertLessEqual(len(text_of(lines)), 8 << 20)

    def test_error_in_the_middle(self):
        error, lines = self.fails("error-line", "model_failed")
        self.assertIn("the runner was killed", error["message"])
        self.assertEqual(text_of(lines), "Hel")
        self.assertEqual(self.server.count("/api/chat"), 1)

    def test_error_text_loses_its_control_characters(self):
        error, _ = self.fails("error-first", "model_failed")
        self.assertIn("out of memory", error["message"])

    def test_status_codes(self):
        cases = (("400", "model_refused", False, "invalid options"),
                 ("401", "model_server_denied", False, "sign-in"),
                 ("429", "rate_limited", True, "slow down"),
                 ("500", "model_failed", True, "has terminated"),
                 ("500-text", "model_failed", True, "answered 500"),
                 ("redirect", "model_server_redirects", False, "base_url"),
                 ("plain-404", "model_server_wrong", False, "base_url"))
        for model, code, retryable, word in cases:
            with self.subTest(model=model):
                error, _ = self.fails(model, code, retryable)
                self.assertIn(word, error["message"])
        self.assertEqual(self.server.count("/elsewhere"), 0)

    def test_retry_after_is_passed_on(self):
        error, _ = self.fails("429", "rate_limited")
        self.assertEqual(error["retry_after_seconds"], 7)

    def test_busy_is_tried_three_times_then_said(self):
        error, _ = self.fails("503", "model_server_busy")
        self.assertEqual(self.server.count("/api/chat"), 3)
        self.assertEqual(error["retry_after_seconds"], 5)
        self.assertIn("maximum pending", error["message"])

    def test_busy_once_is_not_noticed(self):
        self.assertEqual(self.start("503-once").ask("t", "hi")[0],
                         "Hello, world")

    def test_faults_leave_no_descriptors(self):
        bot = self.start("close")
        bot.ask("t", "hi")
        before = bot.fds()
        for i in range(30):
            bot.ask(f"t{i}", "hi")
        self.assertLessEqual(bot.fds(), before + 2)


class Steering(Base):
    def test_interrupt_closes_the_connection(self):
        bot = self.start("stall")
        bot.task("t", "hi")
        bot.until("chunk")
        bot.send(type="interrupt", id="t")
        error = bot.until_end("t")[-1]
        self.assertEqual((error["code"], error["retryable"]),
                         ("interrupted", False))
        self.assertTrue(self.server.gone.wait(10))

    def test_interrupt_before_the_first_token(self):
        bot = self.start("hang")
        bot.task("t", "hi")
        self.server.wait_for("/api/chat")
        bot.send(type="interrupt", id="t")
        self.assertEqual(bot.until_end("t")[-1]["code"], "interrupted")
        self.assertTrue(self.server.gone.wait(10))

    def test_interrupt_between_tries(self):
        bot = self.start("503")
        bot.task("t", "hi")
        self.server.wait_for("/api/chat")
        bot.send(type="interrupt", id="t")
        self.assertEqual(bot.until_end("t")[-1]["code"], "interrupted")

    def test_interrupt_ends_one_turn_only(self):
        bot = self.start("paced")
        bot.task("a", "hi")
        bot.task("b", "hi")
        bot.until("chunk")
        bot.until("chunk")
        bot.send(type="interrupt", id="a")
        bot.until("error", id="a")
        self.server.next_token.set()
        bot.until("done", id="b")

    def test_shutdown_ends_open_turns_and_the_process(self):
        bot = self.start("stall")
        bot.task("t", "hi")
        bot.until("chunk")
        bot.send(type="shutdown")
        self.assertEqual(bot.until_end("t")[-1]["code"], "shutting_down")
        self.assertIsNone(bot.next())
        self.assertEqual(bot.proc.wait(10), 0)

    def test_cold_model_is_shown_as_loading(self):
        self.server.loaded = []
        bot = self.start("cold")
        bot.task("t", "hi")
        self.assertEqual(bot.until("status")["text"],
                         "loading model cold ...")
        self.server.next_token.set()
        self.assertEqual(bot.until("status")["text"], "")
        self.assertEqual(bot.until("chunk")["text"], "warm")

    def test_interrupt_while_loading_clears_the_status(self):
        self.server.loaded = []
        bot = self.start("cold")
        bot.task("t", "hi")
        bot.until("status")
        bot.send(type="interrupt", id="t")
        self.assertEqual(bot.until("status")["text"], "")

    def test_loaded_model_shows_nothing(self):
        bot = self.start("ok")
        bot.ask("t", "hi")
        self.assertNotIn("status", [line["type"] for line in bot.seen])

    def test_hive_that_does_not_read_slows_the_model_down(self):
        bot = self.start("endless", read=False)
        bot.task("t", "hi")
        self.server.wait_for("/api/chat")
        before = -1
        while before != self.server.bytes_sent:
            before = self.server.bytes_sent
            self.server.stopping.wait(1)
        self.assertLess(before, 16 << 20)  # mostly socket buffers
        bot.start_reading()
        error = bot.until_end("t")[-1]
        self.assertEqual(error["code"], "answer_too_long")


class Config(Base):
    def refused(self, word, **config):
        bot = Bot(OLLAMA)
        self.addCleanup(bot.close)
        bot.send(type="init", bot="b", protocol=1, config=config)
        self.assertIsNone(bot.next())
        self.assertEqual(bot.proc.wait(10), 78)
        bot.until_logged(word)

    def test_mistakes_name_the_key(self):
        self.refused('"model"')
        self.refused('"model"', model="")
        self.refused('"model"', model=7)
        for url in ("ftp://x", "http://", "://", "file:///etc/passwd"):
            self.refused("base_url", model="m", base_url=url)
        self.refused("options must be", model="m", options=[])
        for key, value in (("keep_alive", {}), ("think", 1), ("format", 1),
                           ("first_token_timeout_seconds", "1"),
                           ("first_token_timeout_seconds", 0),
                           ("stall_timeout_seconds", 1e9),
                           ("num_ctx", "big")):
            self.refused("options." + key, model="m", options={key: value})


if __name__ == "__main__":
    unittest.main()
