#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Names of the unit tests of some modules: tests_of.py BUILD MODULE..."""

import json
import subprocess
import sys


def main():
    build, modules = sys.argv[1], sys.argv[2:]
    out = subprocess.run(["meson", "introspect", "--tests", build], text=True,
                         stdout=subprocess.PIPE, check=True)
    for test in json.loads(out.stdout):
        program = test["cmd"][0]
        if any(f"/tests/unit/{m}/" in program for m in modules):
            print(test["name"])


if __name__ == "__main__":
    main()
