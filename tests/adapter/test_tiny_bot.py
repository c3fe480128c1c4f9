# SPDX-License-Identifier: MIT
"""examples/tiny-bot: a bot that runs the small models itself. Needs neither
node nor a network."""

import array
import json
import os
import random
import struct
import subprocess
import tempfile
import unittest

from botline import Bot, text_of
from hive import Hive
from models import FOLDER, Models

TINY = os.environ["TINY_BOT"]
DAMAGE = os.environ["TINY_DAMAGE"]
DEIA = os.environ["DEIA"]


def model(name):
    return os.path.realpath(os.path.join(FOLDER, name + ".gguf"))


class Answers(unittest.TestCase):
    def start(self, name, **options):
        bot = Bot([TINY, model(name)])
        self.addCleanup(bot.close)
        bot.init(adapter="process", options=options)
        return bot

    def test_two_hundred_additions_are_right(self):
        bot, chance = self.start("math"), random.Random(1)
        for n in range(200):
            a, b = chance.randrange(100), chance.randrange(100)
            answer, last = bot.ask(f"t{n}", f"add {a} {b}")
            self.assertEqual(answer, str(a + b), f"add {a} {b}")
            self.assertEqual(last["usage"]["completion_tokens"], len(answer))

    def test_forty_words_are_reversed(self):
        bot, chance = self.start("words"), random.Random(2)
        for n in range(40):
            word = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz",
                                          k=chance.randrange(2, 8)))
            self.assertEqual(bot.ask(f"t{n}", f"reverse {word}")[0],
                             word[::-1])

    def test_story_is_streamed_token_by_token(self):
        bot = self.start("all")
        bot.task("t", "tell a story about a fox")
        lines = bot.until_end("t")
        self.assertRegex(text_of(lines), r"^A \w+ fox lived by the .*\.$")
        self.assertGreater(len(lines), 50)

    def test_answers_are_those_of_llama_cpp(self):
        questions = [("all", q) for q in (
            "hello", "who are you?", "what is the capital of Peru?",
            "opposite of hot", "tell a story about a king", "reverse deia",
            "bye", "sub 90 31", "what is this", "\U0001f98a\n")]
        questions += [("math", f"max {n} {97 - n}") for n in range(0, 97, 8)]
        questions += [("words", "reverse abc"), ("words", "add 1 2")]
        with Models() as server:
            for n, (name, question) in enumerate(questions):
                there = Bot([os.environ["DEIA_BOT"], "--adapter", "ollama"])
                self.addCleanup(there.close)
                there.init(adapter="ollama", model=name,
                           base_url=server.url,
                           options={"temperature": 0, "num_predict": 90})
                want = there.ask(f"t{n}", question)[0]
                got = self.start(name).ask(f"t{n}", question)[0]
                self.assertEqual(got[:90], want[:90], (name, question))

    def test_history_is_used_only_when_asked_for(self):
        """These models were trained on single questions."""
        history = [{"role": "user", "content": "add 1 2"},
                   {"role": "assistant", "content": "3"}] * 100
        for wanted, least, most in ((False, 11, 11), (True, 30, 67)):
            bot = self.start("math", history=wanted)
            _, last = bot.ask("t", "add 12 3", history=history)
            tokens = last["usage"]["prompt_tokens"]
            self.assertTrue(least <= tokens <= most, tokens)

    def test_prompt_beyond_the_window_is_refused_by_name(self):
        bot = self.start("math")
        for size in (125, 1000, 1 << 20):
            _, error = bot.ask("t", "x" * size)
            self.assertEqual(error["code"], "prompt_too_long")
            self.assertIn("128 bytes", error["message"])
        self.assertEqual(bot.ask("u", "x" * 124)[1]["type"], "done")
        self.assertEqual(bot.ask("v", "add 2 2")[0], "4")

    def test_answer_ends_with_the_window(self):
        bot = self.start("all", temperature=10)
        _, last = bot.ask("t", "tell a story about a fox")
        usage = last["usage"]
        self.assertLessEqual(usage["prompt_tokens"]
                             + usage["completion_tokens"], 128)

    def test_seed_makes_chance_repeatable(self):
        def story(seed):
            bot = self.start("all", temperature=1.5, seed=seed)
            return bot.ask("t", "tell a story about a fox")[0]
        self.assertEqual(story(7), story(7))
        self.assertGreater(len({story(n) for n in range(1, 6)}), 1)

    def test_interrupt_comes_between_two_tokens(self):
        bot = self.start("all")
        bot.task("t", "tell a story about a fox")
        bot.until("chunk")
        bot.send(type="interrupt", id="t")
        self.assertEqual(bot.until_end("t")[-1]["code"], "interrupted")
        self.assertTrue(bot.ask("u", "hello")[0])


class InHive(unittest.TestCase):
    def test_passes_the_trial_without_a_warning(self):
        out = subprocess.run(
            [DEIA, "bot", "test", "--json", "--timeout", "60", "--prompt",
             "tell a story about a bear", "--", TINY, model("all")],
            timeout=280, capture_output=True, text=True, check=False)
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
        for found in json.loads(out.stdout)["checks"]:
            self.assertIn(found["verdict"], ("ok", "skipped"), found)

    def test_chats_in_a_hive(self):
        with Hive() as hive:
            hive.launch("TINY", "process", argv=[TINY, model("math")])
            hive.wait_state("TINY", "ready")
            for a in range(5):  # with what was said before in the history
                self.assertEqual(hive.say("TINY", f"add {a} 30")["content"],
                                 str(a + 30))

    def test_file_that_is_no_model_is_the_bots_reason(self):
        with Hive() as hive:
            hive.launch("TINY", "process", argv=[TINY, "/dev/null"],
                        restart={"policy": "never"})
            info = hive.wait_state("TINY", "failed", "stopped")
            self.assertIn("/dev/null: it is no file", info["state_reason"])


# ---- a model of a few kilobytes, to damage it often -------------------------

def text(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def small_model(tied=True):
    """Like those of tests/llm, but 8 wide; two heads share one key."""
    width, feed = 8, 12
    tokens = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>"]
    kinds = [2] + [3] * 4
    tokens += [f"<0x{n:02X}>" for n in range(256)]
    kinds += [6] * 256
    tokens += ["\u2581", "x", "y"]
    kinds += [1] * 3
    numbers = {
        "llama.context_length": 32, "llama.embedding_length": width,
        "llama.block_count": 1, "llama.feed_forward_length": feed,
        "llama.attention.head_count": 2, "llama.attention.head_count_kv": 1,
        "llama.rope.dimension_count": 4, "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2, "general.alignment": 32}
    values = [text("general.architecture") + struct.pack("<I", 8)
              + text("llama")]
    values += [text(k) + struct.pack("<II", 4, v) for k, v in numbers.items()]
    values += [text(k) + struct.pack("<If", 6, v) for k, v in (
        ("llama.attention.layer_norm_rms_epsilon", 1e-5),
        ("llama.rope.freq_base", 10000.0))]
    values.append(text("tokenizer.ggml.tokens")
                  + struct.pack("<IIQ", 9, 8, len(tokens))
                  + b"".join(map(text, tokens)))
    values.append(text("tokenizer.ggml.token_type")
                  + struct.pack("<IIQ", 9, 5, len(kinds))
                  + array.array("i", kinds).tobytes())
    shapes = {"token_embd": (width, len(tokens)), "output_norm": (width,)}
    if not tied:
        shapes["output"] = (width, len(tokens))
    for name, shape in (
            ("attn_norm", (width,)), ("attn_q", (width, width)),
            ("attn_k", (width, 4)), ("attn_v", (width, 4)),
            ("attn_output", (width, width)), ("ffn_norm", (width,)),
            ("ffn_gate", (width, feed)), ("ffn_up", (width, feed)),
            ("ffn_down", (feed, width))):
        shapes["blk.0." + name] = shape
    heads, data, chance = [], b"", random.Random(3)
    for name, shape in shapes.items():
        half = len(shape) == 2
        heads.append(text(name + ".weight") + struct.pack("<I", len(shape))
                     + struct.pack(f"<{len(shape)}Q", *shape)
                     + struct.pack("<IQ", int(half), len(data)))
        count = shape[0] * (shape[1] if half else 1)
        data += struct.pack(f"<{count}{'e' if half else 'f'}",
                            *(chance.gauss(0, 1) for _ in range(count)))
        data += bytes(-len(data) % 32)
    head = (b"GGUF" + struct.pack("<IQQ", 3, len(heads), len(values))
            + b"".join(values) + b"".join(heads))
    return head + bytes(-len(head) % 32) + data


class Damage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="deia-tiny-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def damage(self, path, seed, copies):
        out = subprocess.run(
            [DAMAGE, path, str(seed), str(copies)], timeout=280,
            capture_output=True, text=True, check=False,
            env=dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1",
                     UBSAN_OPTIONS="halt_on_error=1"))
        self.assertEqual((out.returncode, out.stderr[-4000:]), (0, ""))
        return out.stdout

    def test_damaged_small_models_never_crash(self):
        path = self.write("small.gguf", small_model())
        for seed in range(4):
            self.assertIn("refused", self.damage(path, seed, 2000))

    def test_damaged_real_model_never_crashes(self):
        self.assertIn("refused", self.damage(model("math"), 5, 100))

    def test_shape_that_does_not_fit_is_refused_by_name(self):
        good = small_model(tied=False)
        wrong = (
            (b"GGUF", b"GGML", "no GGUF file"),
            (b"GGUF\3", b"GGUF\7", "version"),
            (text("llama"), text("mamba"), "llama architecture"),
            (b"attn_q.weight", b"attn_z.weight", "blk.0.attn_q.weight"),
            (b"head_count" + struct.pack("<II", 4, 2),
             b"head_count" + struct.pack("<II", 4, 3), ""),
            (b"context_length" + struct.pack("<II", 4, 32),
             b"context_length" + struct.pack("<II", 4, 3), "shape"),
            (text("x"), text("xy")[:8] + b"x", "damaged"),
            (b"<|user|>", b"<|uter|>", "chat model"),
            (b"<0x41>", b"<0xZZ>", "single characters"))
        for old, new, word in wrong:
            self.assertIn(old, good)
            path = self.write("bad.gguf", good.replace(old, new))
            out = subprocess.run([TINY, path], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=60,
                                 check=False)
            self.assertEqual(out.returncode, 1, (old, new))
            self.assertIn(word, out.stderr)
            self.assertEqual(out.stdout, "")
        bot = Bot([TINY, self.write("good.gguf", good)])
        bot.init()
        self.assertEqual(bot.ask("t", "xy")[1]["type"], "done")
        bot.close()

    def test_mistakes_of_use(self):
        for args in ([], ["a", "b"], ["/nowhere"], [self.dir]):
            out = subprocess.run([TINY, *args], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=60,
                                 check=False)
            self.assertIn(out.returncode, (1, 2))
            self.assertEqual(len(out.stderr.splitlines()), 1, out.stderr)


if __name__ == "__main__":
    unittest.main()
