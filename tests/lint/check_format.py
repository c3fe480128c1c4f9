#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""C sources are formatted by clang-format 14 and the tree's .clang-format."""

import re

from lintlib import Gate, files, run, tool


def main():
    gate = Gate(__doc__)
    paths = list(files(gate.root, ".c", ".h"))
    fmt = tool("clang-format-14", "clang-format")
    version = re.search(r"version (\d+)", run([fmt, "--version"]).stdout)
    if not version or version.group(1) != "14":
        gate.find(fmt, 0, "must be version 14: others format differently")
        gate.end()
    for path in paths:
        out = run([fmt, "--dry-run", "-Werror", "--style=file", path],
                  cwd=gate.root)
        if out.returncode:
            m = re.search(r":(\d+):\d+: error", out.stdout)
            gate.find(path, m.group(1) if m else 0,
                      "not formatted; run ./dev format")
    gate.end()


main()
