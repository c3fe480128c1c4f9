#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cppcheck finds nothing in libdeia, server, cli and examples."""

import os
import re

from lintlib import Gate, run, tool

# Accepted, and why: callbacks have the signature of their table, so a parameter
# that one of them does not change stays non-const; a condition is "known" only
# as long as cppcheck sees none of the functions that would change it; a branch
# that cannot be followed is not our fault.
SUPPRESS = ["missingIncludeSystem", "missingInclude", "unusedStructMember",
            "constParameterCallback", "constParameter", "constVariable",
            "variableScope", "unmatchedSuppression",
            "knownConditionTrueFalse", "normalCheckLevelMaxBranches"]
MACROS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cppcheck.h")
FINDING = re.compile(r"^(.*?):(\d+): (.*)$", re.M)


def main():
    gate = Gate(__doc__)
    dirs = [d for d in ("libdeia", "server", "cli", "examples")
            if os.path.isdir(os.path.join(gate.root, d))]
    out = run([tool("cppcheck"), "--quiet", "--std=c11", "--inline-suppr",
               "--enable=warning,performance,portability,style",
               f"-j{os.cpu_count() or 2}", "-Iinclude", "-Ilibdeia",
               "-D__GNUC__=12", "-D_GNU_SOURCE", "-D__linux__", f"--include={MACROS}",
               "--template={file}:{line}: {severity}: {message} [{id}]",
               *[f"--suppress={s}" for s in SUPPRESS], *dirs], cwd=gate.root)
    for m in FINDING.finditer(out.stdout):
        if m.group(1) != "nofile":
            gate.find(m.group(1), m.group(2), m.group(3))
    if out.returncode:
        gate.find("cppcheck", 0, out.stdout.strip())
    gate.end()


main()
