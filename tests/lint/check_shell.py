#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""shellcheck finds nothing in any shell script of the tree."""

import re

from lintlib import Gate, read, run, tool, walk

FINDING = re.compile(r"^(.*?):(\d+):\d+: (.*)$", re.M)


def is_script(root, path):
    if path.endswith((".sh", ".bash")):
        return True
    if "." in path.rsplit("/", 1)[-1]:
        return False
    return re.match(r"#!.*\b(ba)?sh\b", read(root, path)[:64]) is not None


def main():
    gate = Gate(__doc__)
    scripts = [p for p in walk(gate.root) if is_script(gate.root, p)]
    if scripts:
        out = run([tool("shellcheck"), "-x", "-f", "gcc", *scripts],
                  cwd=gate.root)
        for m in FINDING.finditer(out.stdout):
            gate.find(m.group(1), m.group(2), m.group(3))
        if out.returncode and not gate.found:
            gate.find("shellcheck", 0, out.stdout.strip())
    gate.end()


main()
