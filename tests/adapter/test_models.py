# SPDX-License-Identifier: MIT
"""deia-bot with real language models, through the front of tests/llm."""

import os
import unittest

from botline import Bot, text_of
from models import Models


class RealModels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Models(pace=5).start()
        cls.addClassCleanup(cls.server.stop)

    def start(self, model, adapter="ollama", **options):
        bot = Bot([os.environ["DEIA_BOT"], "--adapter", adapter])
        self.addCleanup(bot.close)
        bot.init(adapter=adapter, model=model, base_url=self.server.url,
                 options={"temperature": 0, **options})
        return bot

    def test_sums_are_right(self):
        bot = self.start("math")
        for n, (a, b) in enumerate(((12, 30), (7, 8), (50, 49))):
            answer, last = bot.ask(f"t{n}", f"add {a} {b}")
            self.assertEqual(answer, str(a + b))
            self.assertGreater(last["usage"]["prompt_tokens"], 5)
            self.assertGreater(last["usage"]["completion_tokens"], 0)

    def test_words_are_reversed(self):
        bot = self.start("words")
        self.assertEqual(bot.ask("t", "reverse abc")[0], "cba")
        self.assertEqual(bot.ask("u", "upper fox")[0], "FOX")

    def test_story_is_streamed(self):
        bot = self.start("all")
        bot.task("t", "tell a story about a fox")
        lines = bot.until_end("t")
        self.assertEqual(lines[-1]["type"], "done")
        self.assertGreater(len(lines), 20)
        self.assertRegex(text_of(lines), r"^A \w+ fox lived by the")

    def test_history_reaches_the_model(self):
        bot = self.start("all")
        history = []
        for n, question in enumerate(("hello", "add 2 3", "opposite of hot")):
            answer, last = bot.ask(f"t{n}", question, history=history)
            self.assertTrue(answer)
            history += [{"role": "user", "content": question},
                        {"role": "assistant", "content": answer}]
            tokens = last["usage"]["prompt_tokens"]
            self.assertGreater(tokens, sum(len(h["content"])
                                           for h in history[:-2]))

    def test_long_conversation_never_exceeds_the_window(self):
        """The front refuses above 256 tokens; these have one byte each."""
        bot = self.start("all")
        history = []
        for i in range(30):
            answer, last = bot.ask(f"t{i}", f"add {i} {i}", history=history)
            self.assertEqual(last["type"], "done", last)
            history += [{"role": "user", "content": f"add {i} {i}"},
                        {"role": "assistant", "content": "x" * 40}]

    def test_interrupt_in_the_middle_of_the_story(self):
        bot = self.start("all")
        bot.task("t", "tell a story about a fox")
        bot.until("chunk")
        bot.send(type="interrupt", id="t")
        self.assertEqual(bot.until_end("t")[-1]["code"], "interrupted")
        self.assertTrue(bot.ask("u", "hello")[0])

    def test_missing_model_names_those_present(self):
        bot = self.start("llama3.2")
        _, error = bot.ask("t", "hello")
        self.assertEqual(error["code"], "model_not_found")
        for word in ("ollama pull llama3.2", "math:latest", "words:latest"):
            self.assertIn(word, error["message"])

    def test_unloaded_model_is_shown_loading_again(self):
        """keep_alive 0: it leaves memory after every answer."""
        self.start("words", keep_alive=0).ask("t", "reverse abc")
        bot = self.start("words", keep_alive=0)
        bot.task("t", "reverse abc")
        lines = bot.until_end("t")
        self.assertEqual(text_of(lines), "cba")
        texts = [l["text"] for l in bot.seen if l["type"] == "status"]
        self.assertEqual(texts, ["loading model words ...", ""])

    def test_sums_are_right_in_other_dialects(self):
        for adapter in ("openai", "anthropic"):
            bot = self.start("math", adapter)
            for n, (a, b) in enumerate(((12, 30), (7, 8), (50, 49))):
                answer, last = bot.ask(f"t{n}", f"add {a} {b}")
                self.assertEqual(answer, str(a + b), adapter)
                self.assertGreater(last["usage"]["prompt_tokens"], 5)
                self.assertGreater(last["usage"]["completion_tokens"], 0)
            self.assertNotIn("status", [line["type"] for line in bot.seen])

    def test_other_dialects_stream_and_can_be_interrupted(self):
        for adapter in ("openai", "anthropic"):
            bot = self.start("all", adapter)
            bot.task("t", "tell a story about a fox")
            lines = bot.until_end("t")
            self.assertGreater(len(lines), 20)
            self.assertRegex(text_of(lines), r"^A \w+ fox lived by the")
            bot.task("u", "tell a story about a fox")
            bot.until("chunk")
            bot.send(type="interrupt", id="u")
            self.assertEqual(bot.until_end("u")[-1]["code"], "interrupted")
            self.assertTrue(bot.ask("v", "hello")[0])

    def test_other_dialects_learn_how_much_fits(self):
        """The window is not 32,768 or 200,000 tokens, but 256."""
        for adapter in ("openai", "anthropic"):
            bot = self.start("all", adapter)
            history = []
            for i in range(20):
                answer, last = bot.ask(f"t{i}", f"add {i} {i}",
                                       history=history)
                self.assertEqual(last["type"], "done", last)
                history += [{"role": "user", "content": f"add {i} {i}"},
                            {"role": "assistant", "content": "x" * 40}]

    def test_other_dialects_name_a_missing_model(self):
        for adapter in ("openai", "anthropic"):
            _, error = self.start("llama3.2", adapter).ask("t", "hello")
            self.assertEqual(error["code"], "model_not_found")
            self.assertIn("math:latest", error["message"])

    def test_two_bots_share_the_server(self):
        bots = [self.start("math"), self.start("words")]
        for n in range(5):
            bots[0].task(f"t{n}", f"add {n} 4")
            bots[1].task(f"t{n}", "length abc")
        for n in range(5):
            self.assertEqual(text_of(bots[0].until_end(f"t{n}")), str(n + 4))
            self.assertEqual(text_of(bots[1].until_end(f"t{n}")), "3")


if __name__ == "__main__":
    unittest.main()
