#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A bot that does what it is told, for the tests of the web page.

hold         one piece of an answer, then nothing until it is interrupted
think        thinks, uses a tool, then answers
say TEXT     TEXT as status, as a log line and as answer
fail TEXT    ends the turn with the error TEXT
again TEXT   the same, and says that trying again may help
die          exits with status 1
"""
import json
import sys


def put(**line):
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()


def turn(task):
    """One turn; True when it goes on until it is interrupted."""
    ref = task['id']
    word, _, rest = task['content'].partition(' ')
    if word == 'hold':
        put(type='chunk', id=ref, text='Once upon a time ')
        return True
    if word == 'think':
        put(type='chunk', id=ref, channel='thinking', text='What would a fox say?')
        put(type='chunk', id=ref, channel='tool', text='ask(fox)')
        put(type='chunk', id=ref, text='Ring ')
        put(type='chunk', id=ref, text='ding.')
        put(type='done', id=ref)
    elif word == 'say':
        print(rest, file=sys.stderr, flush=True)
        put(type='status', text=rest)
        put(type='chunk', id=ref, text=rest)
        put(type='done', id=ref)
    elif word == 'fail':
        put(type='error', id=ref, code='told_to', message=rest, retryable=False)
    elif word == 'again':
        put(type='error', id=ref, code='told_to', message=rest, retryable=True)
    elif word == 'die':
        sys.exit(1)
    else:
        put(type='done', id=ref, text='What?')
    return False


def main():
    held = set()
    for text in sys.stdin:
        line = json.loads(text)
        kind = line['type']
        if kind == 'init':
            put(type='ready')
        elif kind == 'task' and turn(line):
            held.add(line['id'])
        elif kind == 'interrupt' and line['id'] in held:
            held.discard(line['id'])
            put(type='error', id=line['id'], code='interrupted',
                message='interrupted', retryable=False)
        elif kind == 'ping':
            put(type='pong', n=line['n'])
        elif kind == 'shutdown':
            return


main()
