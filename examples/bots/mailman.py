#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small bot that deals with mail: it sends each message back, backwards.

    deia bot test -- ./mailman.py
    deia bot launch MAILMAN --adapter process -- $PWD/mailman.py
    deia send MAILMAN "stressed" && deia inbox system --follow

A message may come again, flagged redelivered, when this program or the hive
died before the acknowledgement. So the answer has a key made of the message's
id, and a second one under the same key is not sent twice; and the message is
acknowledged only once its answer is known to be on its way. It never answers
answers: two of these would go on for ever.
"""

import json
import sys

answering = {}  # ref of a send -> id of the message that it answers


def say(**line):
    print(json.dumps(line), flush=True)


def message(line):
    if line.get("reply_to"):
        say(type="ack", id=line["id"])
        return
    ref = "answer:" + line["id"]
    answering[ref] = line["id"]
    say(type="send", ref=ref, key=ref, to=line["from"],
        content=line["content"][::-1], reply_to=line["id"])


def sent(line):
    ident = answering.pop(line["ref"])
    error = line.get("error")
    if error and "retry_after_seconds" in error:
        say(type="nack", id=ident, delay_seconds=error["retry_after_seconds"])
        return
    if error:  # it cannot be answered: no use in trying again
        print(f"no answer to {ident}: {error['message']}", file=sys.stderr)
    say(type="ack", id=ident)


def heed(line):
    kind = line["type"]
    if kind == "init":
        say(type="ready", capabilities=["mail"])
    elif kind == "ping":
        say(type="pong", n=line["n"])
    elif kind == "message":
        message(line)
    elif kind == "sent":
        sent(line)
    elif kind == "task":
        say(type="done", id=line["id"], text="Send me mail.")
    return kind != "shutdown"


for text in sys.stdin.buffer:
    try:
        if not heed(json.loads(text)):
            break
    except (ValueError, KeyError, TypeError) as error:
        print(f"bad line from the hive: {error!r}", file=sys.stderr)
