# SPDX-License-Identifier: MIT
"""What the openai and anthropic adapters send and how they read answers; keys.

Faults are in test_faults.py, what all dialects share in test_ollama.py.
"""

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest

from botline import Bot, text_of
from fake_model import Anthropic, FakeModel, OpenAI

KEY = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz"


class Base(unittest.TestCase):
    dialect = OpenAI()

    def setUp(self):
        self.server = FakeModel()
        self.addCleanup(self.server.close)
        self.dir = tempfile.mkdtemp(prefix="deia-dialects-")
        self.addCleanup(shutil.rmtree, self.dir)

    def file(self, data, name="key"):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def run_bot(self, env=None):
        bot = Bot([os.environ["DEIA_BOT"], "--adapter",
                   self.dialect.adapter], env=env)
        self.addCleanup(bot.close)
        return bot

    def start(self, model="ok", env=None, **config):
        bot = self.run_bot(env)
        config.setdefault("base_url", self.server.url)
        bot.init(adapter=self.dialect.adapter, model=model, **config)
        return bot

    def sent(self, model="ok", content="hi", task=None, **config):
        """(body, headers) of a turn."""
        bot = self.start(model, **config)
        bot.ask("t", content, **(task or {}))
        found = [r for r in self.server.requests
                 if r[0] == self.dialect.chat]
        return found[-1][1], found[-1][2]

    def stream(self, *events):
        """The lines of a turn that is answered with these bytes."""
        self.server.script = events
        bot = self.start("script")
        bot.task("t", "hi")
        return bot.until_end("t")

    def refused(self, *words, env=None, **config):
        """The bot ends and its log says why."""
        bot = self.run_bot(env)
        bot.send(type="init", bot="b", protocol=1,
                 config={"model": "m", **config})
        self.assertIsNone(bot.next())
        self.assertEqual(bot.proc.wait(10), 78)
        for word in words:
            bot.until_logged(word)
        return "".join(bot.stderr)


class Both:
    """Runs in each dialect."""

    def test_chunks_usage_and_thinking(self):
        bot = self.start("think")
        bot.task("t", "hi")
        lines = bot.until_end("t")
        self.assertEqual(text_of(lines, "thinking"), "Hmm")
        self.assertEqual(text_of(lines), "Yes")
        self.assertEqual(lines[-1], {
            "type": "done", "id": "t",
            "usage": {"prompt_tokens": 11, "completion_tokens": 3}})

    def test_last_event_without_an_empty_line(self):
        answer, last = self.start("no-newline").ask("t", "hi")
        self.assertEqual((answer, last["type"]), ("x", "done"))

    def test_answer_counts_when_the_server_does_not_hang_up(self):
        self.assertEqual(self.start("done-hangs").ask("t", "hi")[1]["type"],
                         "done")
        self.assertTrue(self.server.gone.wait(10))

    def test_lines_may_end_in_cr_lf(self):
        d = self.dialect
        data = (d.head() + d.text("a") + d.text("b") + d.last())
        self.assertEqual(text_of(self.stream(data.replace(b"\n", b"\r\n"))),
                         "ab")

    def test_comments_ids_and_a_mark_at_the_beginning(self):
        d = self.dialect
        lines = self.stream(b"\xef\xbb\xbf: hi\n\n", b"id: 1\nretry: 5\n",
                            d.text("a"), b": wait\n\n", d.last())
        self.assertEqual(text_of(lines), "a")

    def test_data_in_two_lines_is_one_event(self):
        d = self.dialect
        one = d.text("ab").replace(b', "', b',\ndata: "', 1)
        self.assertEqual(text_of(self.stream(d.head(), one, d.last())), "ab")

    def test_comments_do_not_keep_a_silent_model_alive(self):
        bot = self.start("comments", options={"stall_timeout_seconds": 1})
        bot.task("t", "hi")
        self.assertEqual(bot.until_end("t")[-1]["code"], "model_stalled")

    def test_text_arrives_exactly(self):
        text = "\"\\\n\t\x01\u2028 é 😀"
        body, _ = self.sent("echo", text)
        self.assertEqual(body["messages"][-1]["content"], text)

    def test_options_go_to_the_server_but_for_our_own(self):
        body, _ = self.sent(options={
            "temperature": 0.25, "top_p": 0.5, "max_tokens": 77, "seed": 4,
            "context_tokens": 9000, "first_token_timeout_seconds": 9,
            "stall_timeout_seconds": 9})
        for key, value in (("temperature", 0.25), ("top_p", 0.5),
                           ("max_tokens", 77), ("seed", 4)):
            self.assertEqual(body[key], value)
        for key in ("context_tokens", "first_token_timeout_seconds",
                    "stall_timeout_seconds"):
            self.assertNotIn(key, body)

    def test_mistakes_name_the_key(self):
        self.refused('"model"', model="")
        self.refused("base_url", base_url="ftp://x")
        for key, value in (("context_tokens", 0), ("context_tokens", "x"),
                           ("messages", []), ("stream", False), ("model", 1),
                           ("ca_file", "x.pem"), ("stall_timeout_seconds", 0)):
            self.refused("options." + key, options={key: value})

    def test_history_is_cut_to_context_tokens(self):
        history = [{"role": ("user", "assistant")[i % 2],
                    "content": f"{i:03}" + "x" * 297} for i in range(40)]
        body, _ = self.sent(task={"history": history},
                            options={"context_tokens": 1024,
                                     "max_tokens": 256})
        self.assertEqual([m["content"][:3] for m in body["messages"]],
                         ["034", "035", "036", "037", "038", "039", "hi"])

    def test_prompt_that_is_too_long_is_sent_shorter_until_it_fits(self):
        history = [{"role": ("user", "assistant")[i % 2],
                    "content": f"{i:03}" + "x" * 997} for i in range(40)]
        bot = self.start("window")
        self.assertEqual(bot.ask("t", "hi", history=history)[0],
                         "Hello, world")
        sizes = [len(b["messages"]) for b in
                 self.server.bodies(self.dialect.chat)]
        self.assertEqual(sizes, sorted(set(sizes), reverse=True))
        bot.ask("u", "hi", history=history)  # it was learned
        self.assertEqual(self.server.count(self.dialect.chat),
                         len(sizes) + 1)

    def test_prompt_that_never_fits_is_refused(self):
        bot = self.start("too-long-prompt")
        history = [{"role": "user", "content": "a"}] * 9
        _, error = bot.ask("t", "hi", history=history)
        self.assertEqual((error["code"], error["retryable"]),
                         ("model_refused", False))
        self.assertLess(self.server.count(self.dialect.chat), 12)

    def test_base_url_with_and_without_version(self):
        for more in ("", "/", "/v1", "/v1/"):
            with self.subTest(more):
                bot = self.start(base_url=self.server.url + more)
                self.assertEqual(bot.ask("t", "hi")[0], "Hello, world")
        self.start(base_url=self.server.url + "/api/paas/v4").ask("t", "hi")
        path = "/api/paas/v4" + self.dialect.chat.removeprefix("/v1")
        self.assertEqual(self.server.count(path), 1)
        self.start(base_url=self.server.url + "/proxy").ask("t", "hi")
        self.assertEqual(self.server.count("/proxy" + self.dialect.chat), 1)

    def test_server_without_a_list_of_models_is_fine(self):
        self.server.list_status = 404
        bot = self.start()
        self.assertEqual(bot.ask("t", "hi")[0], "Hello, world")
        self.assertNotIn("status", [line["type"] for line in bot.seen])
        _, error = self.start("missing").ask("t", "hi")
        self.assertEqual(error["code"], "model_not_found")

    def test_model_that_is_not_listed_is_shown_until_it_answers(self):
        self.server.models = ["other"]
        bot = self.start()
        self.assertIn("model ok is missing", bot.until("status")["text"])
        self.assertEqual(bot.ask("t", "hi")[0], "Hello, world")
        self.assertIn({"type": "status", "text": ""}, bot.seen)

    def test_missing_model_names_those_present(self):
        self.server.models = ["other", "another"]
        _, error = self.start("missing").ask("t", "hi")
        self.assertEqual(error["code"], "model_not_found")
        self.assertIn("present: other, another", error["message"])

    def test_key_that_is_not_accepted_is_shown_at_once(self):
        self.server.list_status = 401
        self.assertIn("key", self.start().until("status")["text"])

    # ---- keys ----------------------------------------------------------------

    def key_of(self, headers):
        if self.dialect.adapter == "anthropic":
            return headers.get("x-api-key")
        return headers.get("Authorization", "").removeprefix("Bearer ")

    def test_key_from_the_environment(self):
        env = dict(os.environ, MY_KEY=KEY)
        _, headers = self.sent(env=env, api_key_env="MY_KEY")
        self.assertEqual(self.key_of(headers), KEY)

    def test_key_from_a_file_loses_its_newline(self):
        for end in ("", "\n", "\r\n"):
            _, headers = self.sent(
                api_key_file=self.file((KEY + end).encode()))
            self.assertEqual(self.key_of(headers), KEY)

    def test_no_key_no_header(self):
        _, headers = self.sent()
        for name in ("Authorization", "x-api-key"):
            self.assertNotIn(name, headers)

    def test_key_that_cannot_be_had_is_said(self):
        env = dict(os.environ, EMPTY_KEY="", BAD_KEY=KEY + "\nX: y")
        env.pop("NO_KEY", None)
        missing = os.path.join(self.dir, "none")
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo)
        for words, config in (
                (("NO_KEY", "not set"), {"api_key_env": "NO_KEY"}),
                (("EMPTY_KEY", "empty"), {"api_key_env": "EMPTY_KEY"}),
                (("BAD_KEY", "no key"), {"api_key_env": "BAD_KEY"}),
                ((missing, "No such file"), {"api_key_file": missing}),
                ((fifo, "regular"), {"api_key_file": fifo}),
                ((self.dir, "cannot be read"), {"api_key_file": self.dir}),
                (("empty",), {"api_key_file": self.file(b"\n", "a")}),
                (("no key",), {"api_key_file": self.file(
                    (KEY + " " + KEY).encode(), "b")}),
                (("binary",), {"api_key_file": self.file(
                    KEY.encode() + b"\0x", "c")}),
                (("no key",), {"api_key_file": self.file(b"x" * 9000, "d")}),
                (("both",), {"api_key_env": "BAD_KEY",
                             "api_key_file": missing})):
            with self.subTest(config):
                self.assertNotIn(KEY, self.refused(*words, env=env, **config))

    def test_key_is_never_shown_even_if_the_server_repeats_it(self):
        for model in ("echo-key", "echo-key-late"):
            bot = self.start(model, api_key_file=self.file(KEY.encode()))
            bot.task("t", "hi")
            lines = bot.until_end("t")
            bot.send(type="ping", n=1)
            bot.until("pong")
            shown = json.dumps(bot.seen) + "".join(bot.stderr)
            # nor a piece of it that is long enough to matter
            for at in range(0, len(KEY) - 8):
                self.assertNotIn(KEY[at:at + 8], shown)
            self.assertIn("[key]", lines[-1]["message"]
                          if model == "echo-key" else "[key]")
            with open(f"/proc/{bot.proc.pid}/cmdline", "rb") as f:
                self.assertNotIn(KEY.encode(), f.read())

    def test_key_does_not_follow_a_redirect(self):
        bot = self.start("redirect", api_key_file=self.file(KEY.encode()))
        self.assertEqual(bot.ask("t", "hi")[1]["code"],
                         "model_server_redirects")
        self.assertEqual(self.server.count("/elsewhere"), 0)

    # ---- TLS -----------------------------------------------------------------

    def test_certificates_are_checked(self):
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed")
        cert = os.path.join(self.dir, "cert.pem")
        key = os.path.join(self.dir, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", key, "-out", cert], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        with FakeModel(tls=context) as server:
            url = f"https://localhost:{server.port}"
            bot = self.start(base_url=url, options={"ca_file": cert})
            self.assertEqual(bot.ask("t", "hi")[0], "Hello, world")
            for options, base in (({}, url),
                                  ({"ca_file": cert},
                                   f"https://127.0.0.1:{server.port}"),
                                  ({"ca_file": "/nothing"}, url)):
                bot = self.start(base_url=base, options=options)
                _, error = bot.ask("t", "hi")
                self.assertEqual(error["code"], "model_server_unreachable")
                self.assertIn("certificate", error["message"].lower())


class OpenAITest(Both, Base):
    def test_plain_request(self):
        body, headers = self.sent(system_prompt="Be brief.", task={
            "history": [{"role": "user", "content": "a"},
                        {"role": "assistant", "content": "b"}]})
        self.assertEqual(body, {
            "model": "ok", "stream": True,
            "stream_options": {"include_usage": True}, "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "hi"}]})
        self.assertIn("text/event-stream", headers["Accept"])

    def test_stream_options_can_be_changed_and_left_out(self):
        body, _ = self.sent(options={"stream_options": {"x": 1}})
        self.assertEqual(body["stream_options"], {"x": 1})
        body, _ = self.sent(options={"stream_options": None})
        self.assertIsNone(body["stream_options"])

    def test_stream_without_done_mark(self):
        d = self.dialect
        lines = self.stream(d.text("a"), d.chunk({}, "stop"))
        self.assertEqual((text_of(lines), lines[-1]["type"]), ("a", "done"))

    def test_answer_that_is_not_streamed(self):
        body = {"object": "chat.completion", "choices": [{
            "index": 0, "finish_reason": "stop", "message": {
                "role": "assistant", "content": "all"}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 6}}
        lines = self.stream(json.dumps(body).encode())
        self.assertEqual(text_of(lines), "all")
        self.assertEqual(lines[-1]["usage"], {"prompt_tokens": 5,
                                              "completion_tokens": 6})

    def test_other_ways_to_think_and_to_answer(self):
        d = self.dialect
        lines = self.stream(
            d.chunk({"reasoning": "a"}), d.chunk({"content": [
                {"type": "thinking", "thinking": [
                    {"type": "text", "text": "b"}]},
                {"type": "text", "text": "c"}]}),
            d.chunk({"refusal": "d", "content": None}), d.last())
        self.assertEqual(text_of(lines, "thinking"), "ab")
        self.assertEqual(text_of(lines), "cd")

    def test_answer_that_was_filtered_away(self):
        d = self.dialect
        lines = self.stream(d.chunk({}, "content_filter"), d.last())
        self.assertEqual(lines[-1]["code"], "model_refused")

    def test_error_without_its_frame(self):
        d = self.dialect
        lines = self.stream(d.text("a"), b'{"error":"broken"}\n')
        self.assertEqual(lines[-1]["code"], "model_failed")
        self.assertIn("broken", lines[-1]["message"])

    def test_window_is_taken_from_the_list_where_it_is_said(self):
        self.server.list_more = {"max_model_len": 1024}
        history = [{"role": ("user", "assistant")[i % 2],
                    "content": "x" * 300} for i in range(40)]
        bot = self.start()
        self.server.wait_for(self.dialect.models)
        bot.ask("s", "hi")  # by now the list was read
        bot.ask("t", "hi", history=history)
        body = self.server.bodies(self.dialect.chat)[-1]
        self.assertEqual(len(body["messages"]), 7)


class AnthropicTest(Both, Base):
    dialect = Anthropic()

    def test_plain_request(self):
        body, headers = self.sent(system_prompt="Be brief.", task={
            "history": [{"role": "assistant", "content": "z"},
                        {"role": "user", "content": "a"},
                        {"role": "assistant", "content": ""},
                        {"role": "system", "content": "It is May."},
                        {"role": "assistant", "content": "b"}]})
        self.assertEqual(body, {
            "model": "ok", "stream": True, "max_tokens": 4096,
            "system": "Be brief.\n\nIt is May.", "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "hi"}]})
        self.assertEqual(headers["anthropic-version"], "2023-06-01")

    def test_no_system_prompt_no_member(self):
        self.assertNotIn("system", self.sent()[0])

    def test_tokens_of_a_cache_count(self):
        d = self.dialect
        lines = self.stream(
            d.event("message_start", message={"usage": {
                "input_tokens": 1, "cache_read_input_tokens": 20,
                "cache_creation_input_tokens": 300, "output_tokens": 0}}),
            d.text("a"), d.last())
        self.assertEqual(lines[-1]["usage"]["prompt_tokens"], 321)

    def test_stream_that_ends_before_message_stop(self):
        d = self.dialect
        lines = self.stream(d.text("a"), d.event("message_delta", delta={
            "stop_reason": "end_turn"}))
        self.assertEqual((text_of(lines), lines[-1]["type"]), ("a", "done"))

    def test_answer_that_is_not_streamed(self):
        body = {"type": "message", "role": "assistant", "content": [
            {"type": "thinking", "thinking": "h"},
            {"type": "text", "text": "all"}],
            "usage": {"input_tokens": 5, "output_tokens": 6}}
        lines = self.stream(json.dumps(body).encode())
        self.assertEqual(text_of(lines), "all")
        self.assertEqual(text_of(lines, "thinking"), "h")
        self.assertEqual(lines[-1]["usage"], {"prompt_tokens": 5,
                                              "completion_tokens": 6})

    def test_events_of_unknown_types_are_ignored(self):
        d = self.dialect
        lines = self.stream(d.head(), d.event("new_thing", x=1), d.text("a"),
                            d.last())
        self.assertEqual(text_of(lines), "a")

    def test_model_that_declines(self):
        d = self.dialect
        lines = self.stream(d.event("message_delta", delta={
            "stop_reason": "refusal"}), d.event("message_stop"))
        self.assertEqual(lines[-1]["code"], "model_refused")


if __name__ == "__main__":
    unittest.main()
