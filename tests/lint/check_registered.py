#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every test, benchmark and fuzz source is named in a meson.build, so that
none is silently never run."""

import os
import re

from lintlib import Gate, files, read

KINDS = re.compile(r"(^|/)((test_|bench_|fuzz_)\w+)\.(c|py)$")


def main():
    gate = Gate(__doc__)
    builds = "\n".join(read(gate.root, p)
                       for p in files(gate.root, "meson.build"))
    words = set(re.findall(r"[\w.]+", builds))
    for path in files(gate.root, ".c", ".py", under=["tests"]):
        m = KINDS.search(path)
        if not m:
            continue
        name = os.path.basename(path)
        short = m.group(2).split("_", 1)[1]
        if not words & {name, m.group(2), short}:
            gate.find(path, 1, "no meson.build names it: it never runs")
    gate.end()


main()
