# SPDX-License-Identifier: MIT
"""What the fake `claude` and `codex` commands share.

Each takes the options of the real one and refuses what the real one refuses,
reads its prompt as the real one does, and writes a recorded stream in the real
one's format. The prompt says which:

    play NAME       the recording NAME, with this session's id in it
    remember WORD   keeps WORD in the session
    recall          answers with what the session keeps
    write FILE      changes a file, where the permissions allow it
    commit FILE     the same, and commits it
    hang            begins, then does nothing until a signal comes

Sessions are files in $HOME/.fake-agent, so they outlive the process.
"""

import json
import os
import signal
import subprocess
import sys
import uuid

HERE = os.path.dirname(os.path.realpath(__file__))


def fail(text, status=1):
    sys.stderr.write(text + "\n")
    sys.exit(status)


class Options:
    """Options as named in two sets; what is in neither ends the program."""

    def __init__(self, args, flags, values, unknown):
        self.flags, self.values, self.words = set(), {}, []
        args = list(args)
        while args:
            arg = args.pop(0)
            if arg == "--":
                self.words += args
                break
            if arg in flags:
                self.flags.add(arg)
            elif arg in values and args:
                self.values[values[arg]] = args.pop(0)
            elif arg.startswith("-") and arg != "-":
                fail(unknown % arg)
            else:
                self.words.append(arg)


class Session:
    def __init__(self, name):
        folder = os.path.join(os.environ["HOME"], ".fake-agent")
        os.makedirs(folder, exist_ok=True)
        self.id = name or str(uuid.uuid4())
        self.path = os.path.join(folder, self.id)
        self.known = os.path.exists(self.path)
        self.words = []
        if self.known:
            with open(self.path, encoding="utf-8") as file:
                self.words = json.load(file)

    def keep(self, word=None):
        if word:
            self.words.append(word)
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.words, file)


def play(agent, name, session):
    """Writes a recording; returns the exit status it was made with."""
    path = os.path.join(HERE, "recordings", f"{agent}-{name}.jsonl")
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read().replace("SESSION", session.id)
    status = 0
    if text.startswith("#exit "):
        first, _, text = text.partition("\n")
        status = int(first.split()[1])
    if text.startswith("#stderr "):
        first, _, text = text.partition("\n")
        sys.stderr.write(first[len("#stderr "):] + "\n")
    sys.stdout.write(text)
    sys.stdout.flush()
    return status


def say(**line):
    print(json.dumps(line), flush=True)


def change(path, commit):
    with open(path, "a", encoding="utf-8") as file:
        file.write("changed by the agent\n")
    if commit:
        for args in (["add", path], ["-c", "user.name=a", "-c",
                                     "user.email=a@example.org", "commit",
                                     "-q", "-m", "work"]):
            subprocess.run(["git", *args], check=True)


def hang():
    """Until SIGINT, which ends it in order, as the real ones do."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    while True:
        signal.pause()
