#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small bot in Python: the words of the prompt in reverse order.

    deia bot test -- ./backwards.py
    deia bot launch BACK --adapter process -- $PWD/backwards.py

The main thread reads the hive's lines, so that a ping or an interrupt is
heard at once; each turn runs in a thread of its own.
"""

import json
import sys
import threading

PACE_SECONDS = 0.02
running = {}  # id of a turn -> the event that ends it
writing = threading.Lock()


def say(**line):
    with writing:
        print(json.dumps(line), flush=True)


def turn(ident, content, stop):
    words = content.split()[::-1]
    for n, word in enumerate(words):
        say(type="chunk", id=ident, text=" " * (n > 0) + word)
        if stop.wait(PACE_SECONDS):
            say(type="error", id=ident, code="interrupted",
                message="interrupted", retryable=False)
            break
    else:
        say(type="done", id=ident)
    del running[ident]


def heed(line):
    kind = line["type"]
    if kind == "init":
        say(type="ready", max_concurrent=4)
    elif kind == "ping":
        say(type="pong", n=line["n"])
    elif kind == "task":
        stop = running[line["id"]] = threading.Event()
        threading.Thread(target=turn, daemon=True, args=(
            line["id"], line["content"], stop)).start()
    elif kind == "interrupt" and line["id"] in running:
        running[line["id"]].set()
    return kind != "shutdown"


for text in sys.stdin.buffer:
    try:
        if not heed(json.loads(text)):
            break
    except (ValueError, KeyError, TypeError) as error:
        print(f"bad line from the hive: {error!r}", file=sys.stderr)
