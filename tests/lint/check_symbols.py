#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every global symbol of libdeia.a starts with deia_, every declared function
is defined, and nothing private (deia__) is in a public header."""

import os
import re

from cdecl import declarations
from lintlib import Gate, files, read, run, tool


def defined(gate, archive):
    out = run([tool("nm"), "-g", "--defined-only", archive])
    if out.returncode:
        gate.find(archive, 0, "nm cannot read it: " + out.stdout.strip())
    names = set()
    member = ""
    for line in out.stdout.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        m = re.match(r"[0-9a-f]+ ([A-Z]) (\S+)$", line)
        if not m:
            continue
        names.add(m.group(2))
        # A sanitizer's own symbols begin with underscores.
        if not m.group(2).startswith(("deia_", "__asan", "__odr_asan")):
            gate.find(f"libdeia.a({member})", 0,
                      f"global symbol {m.group(2)} has no deia_ prefix")
    return names


def main():
    gate = Gate(__doc__)
    gate.need_build()
    archive = os.path.join(gate.build, "libdeia", "libdeia.a")
    if not os.path.exists(archive):
        gate.find(archive, 0, "there is no library: see the gate `build`")
        gate.end()
    names = defined(gate, archive)
    for path in files(gate.root, ".h", under=["include"]):
        text = read(gate.root, path)
        for line, name, _ in declarations(text):
            if name.startswith("deia__"):
                gate.find(path, line, f"{name} is private")
            inline = re.search(rf"static inline[^;{{]*\b{name}\b", text)
            if name not in names and not inline:
                gate.find(path, line, f"{name} is declared, not defined")
    gate.end()


main()
