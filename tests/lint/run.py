#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the gates over the tree: python3 tests/lint/run.py [GATE...]

Prints what each found and how long it took; ends with `N passed, N failed,
0 skipped` and status 1 when a gate found anything.
"""

import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Cheap ones first: a wrong format is known in seconds.
GATES = ["words", "size", "layers", "docs", "registered", "python", "shell",
         "format", "headers", "build", "symbols", "cppcheck", "tidy"]
BUILD = os.path.join(ROOT, "build-lint")


def run(gate):
    build = BUILD if gate == "build" else BUILD + "-clang"
    began = time.monotonic()
    out = subprocess.run(
        [sys.executable, "-B", os.path.join(HERE, f"check_{gate}.py"), ROOT,
         build], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False)
    spent = time.monotonic() - began
    good = out.returncode == 0
    print(f"{'ok    ' if good else 'FAILED'} {gate} ({spent:.1f} s)", flush=True)
    for line in out.stdout.splitlines():
        print("    " + line)
    return good


def main():
    gates = sys.argv[1:] or GATES
    unknown = set(gates) - set(GATES)
    if unknown:
        sys.exit(f"no gate {', '.join(sorted(unknown))}; there are: "
                 + ", ".join(GATES))
    good = sum(run(g) for g in gates)
    print(f"{good} passed, {len(gates) - good} failed, 0 skipped")
    return 0 if good == len(gates) else 1


if __name__ == "__main__":
    sys.exit(main())
