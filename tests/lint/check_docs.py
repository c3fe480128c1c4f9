#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every public function has a comment above it or above its group, and every
public header says in its head what it is for."""

from cdecl import declarations
from lintlib import Gate, files, read


def main():
    gate = Gate(__doc__)
    for path in files(gate.root, ".h", under=["include"]):
        text = read(gate.root, path)
        head = text.splitlines()[1:2]
        if not head or not head[0].startswith("/*"):
            gate.find(path, 2, "no comment that says what the header is for")
        for line, name, documented in declarations(text):
            if not documented:
                gate.find(path, line, f"{name} has no comment")
    gate.end()


main()
