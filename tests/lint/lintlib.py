# SPDX-License-Identifier: MIT
"""What the gates share: files of the tree, findings, how a gate ends.

A gate is a program `check_NAME.py ROOT [BUILD]` that prints one
`path:line: message` a finding and ends with 1 when there was any. It looks at
ROOT only, so that test_gates.py can show it a tree with a planted fault.
"""

import os
import re
import shutil
import subprocess
import sys

SKIP_DIRS = {".git", "node_modules", "__pycache__", ".deia"}
# What serves the test models: kept as it was when the models were measured.
EXEMPT = {"tests/llm/ollama-shim.mjs"}


def skipped(folder, name):
    if name in SKIP_DIRS or name.startswith("build"):
        return True
    return os.path.exists(os.path.join(folder, name, "meson-private"))


def walk(root):
    """Every file of the project, without what is built or installed."""
    for folder, dirs, files in os.walk(root):
        dirs[:] = sorted(d for d in dirs if not skipped(folder, d))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if path not in EXEMPT:
                yield path


def files(root, *suffixes, under=None):
    for path in walk(root):
        if suffixes and not path.endswith(suffixes):
            continue
        if under and not path.startswith(tuple(u + "/" for u in under)):
            continue
        yield path


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8",
              errors="replace") as f:
        return f.read()


def blank_comments(text):
    """C text with comments and the inside of strings blanked out; line
    numbers and columns stay."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
        re.S)

    def blank(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s[0] + " " * (len(s) - 2) + s[-1]
        return re.sub(r"[^\n]", " ", s)

    return pattern.sub(blank, text)


class Gate:
    def __init__(self, doc):
        if len(sys.argv) < 2:
            sys.exit(f"usage: {os.path.basename(sys.argv[0])} ROOT [BUILD]\n"
                     f"{doc}")
        self.root = os.path.abspath(sys.argv[1])
        self.build = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
        self.found = 0

    def find(self, path, line, message):
        self.found += 1
        print(f"{path}:{line}: {message}")

    def need_build(self):
        if not self.build or not os.path.isdir(self.build):
            sys.exit("this gate needs a build folder as second argument")

    def end(self):
        sys.exit(1 if self.found else 0)


def tool(*names):
    """The first of these programs that is there; the gate fails without."""
    for name in names:
        if shutil.which(name):
            return name
    sys.exit(f"{names[0]} is not installed; ./dev lint installs it")


def run(argv, **more):
    return subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace",
                          check=False, **more)
