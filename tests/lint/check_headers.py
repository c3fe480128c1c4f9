#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each public header compiles alone, as strict C11 and as C++17, with gcc and
clang; each is guarded against double inclusion."""

import os
import re

from lintlib import Gate, files, read, run, tool

KINDS = [("gcc", "c", "c11"), ("clang", "c", "c11"),
         ("g++", "c++", "c++17"), ("clang++", "c++", "c++17")]


def main():
    gate = Gate(__doc__)
    inc = os.path.join(gate.root, "include")
    for path in files(gate.root, ".h", under=["include"]):
        name = os.path.relpath(os.path.join(gate.root, path), inc)
        guard = name.removeprefix("deia/").upper()
        guard = "DEIA_" + re.sub(r"[^A-Z0-9]", "_", guard)
        if f"#ifndef {guard}\n" not in read(gate.root, path):
            gate.find(path, 1, f"guard must be {guard}")
        for compiler, lang, std in KINDS:
            out = run([tool(compiler), "-x", lang, f"-std={std}", "-Wall",
                       "-Wextra", "-Werror", "-pedantic-errors",
                       "-fsyntax-only", "-I", inc, "-"],
                      input=f"#include <{name}>\n#include <{name}>\n"
                            "typedef int deia_header_alone;\n")
            if out.returncode:
                gate.find(path, 1, f"does not compile alone with {compiler} "
                          f"-std={std}:\n{out.stdout}")
    gate.end()


main()
