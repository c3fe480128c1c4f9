#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Functions have at most 60 lines, files at most 700, lines 100 columns.

Relies on the format gate: a function's braces stand alone in column 0.
"""

from lintlib import Gate, files, read

MAX_FUNCTION = 60
MAX_FILE = 700
MAX_COLUMN = 100


def functions(lines):
    """(line of the opening brace, lines of the body)"""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, number - start - 1
            start = None


def main():
    gate = Gate(__doc__)
    for path in files(gate.root, ".c", ".h", ".py", ".js", ".mjs", ".css",
                      ".html", ".sh", ".build"):
        lines = read(gate.root, path).splitlines()
        if len(lines) > MAX_FILE:
            gate.find(path, MAX_FILE, f"file of {len(lines)} lines; "
                      f"at most {MAX_FILE}: split it by purpose")
        if not path.endswith((".c", ".h")):
            continue
        for start, length in functions(lines):
            if length > MAX_FUNCTION:
                gate.find(path, start, f"function of {length} lines; "
                          f"at most {MAX_FUNCTION}")
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > MAX_COLUMN:
                gate.find(path, number, f"longer than {MAX_COLUMN} columns")
    gate.end()


main()
