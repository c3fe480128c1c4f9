#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No unfinished work, no machine's own paths, a licence line in every source.

Also: no SQL put together by printf (values are bound, names are constants).
"""

import re

from lintlib import Gate, files, read

# Spelled apart, so that this file passes its own gate.
UNFINISHED = re.compile(r"\b(" + "|".join(
    ["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "TB" + "D"]) + r")\b")
STUB = re.compile(r"\b(stub" + r"bed|not implemented" + r" yet)\b", re.I)
MACHINE = re.compile(r"(?<![\w.])/(work|home|root|Users)/\w")
SQL = re.compile(r"printf\s*\([^;]*?\"[^\"]*\b(SELECT|INSERT INTO|UPDATE|"
                 r"DELETE FROM)\b", re.S)
SOURCES = (".c", ".h", ".py", ".sh", ".js", ".mjs")
TEXTS = SOURCES + (".md", ".build", ".yaml", ".yml", ".html", ".css", ".sql",
                   ".scd", "dev", "run")


def check_lines(gate, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            gate.find(path, number, "unfinished work: do it, or file an issue")
        if MACHINE.search(line):
            gate.find(path, number, "a path of one machine")
        if path.endswith((".c", ".h")):
            if STUB.search(line):
                gate.find(path, number, "says that something is missing")
        if line != line.rstrip() and not path.endswith(".md"):
            gate.find(path, number, "white space at the end of the line")


def main():
    gate = Gate(__doc__)
    for path in files(gate.root, *TEXTS):
        text = read(gate.root, path)
        check_lines(gate, path, text)
        head = "\n".join(text.splitlines()[:3])
        if path.endswith(SOURCES) and "SPDX-License-Identifier: MIT" not in head:
            gate.find(path, 1, "no SPDX-License-Identifier: MIT in the head")
        if path.endswith((".c", ".h")) and not path.startswith("tests/"):
            for m in SQL.finditer(text):
                gate.find(path, text.count("\n", 0, m.start()) + 1,
                          "SQL made by printf: bind values")
        if text and not text.endswith("\n"):
            gate.find(path, text.count("\n") + 1, "no newline at the end")
    gate.end()


main()
