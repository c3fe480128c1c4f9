#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every test, benchmark and fuzz source is named in a meson.build, so that
none is silently never run."""

import os
import re

from lintlib import Gate, files, read

KINDS = re.compile(r"(^|/)((test_|bench_|fuzz_)\w+)\.(c|py)$")


def named(words, stem, file):
    """Also as two parts that a foreach puts together."""
    if words & {file, stem, stem.split("_", 1)[1]}:
        return True
    return any(stem[:i] in words and stem[i:] in words
               for i in range(1, len(stem)))


def main():
    gate = Gate(__doc__)
    builds = "\n".join(read(gate.root, p)
                       for p in files(gate.root, "meson.build"))
    words = set(re.findall(r"[\w.]+", builds))
    for path in files(gate.root, ".c", ".py", under=["tests"]):
        m = KINDS.search(path)
        if not m:
            continue
        if not named(words, m.group(2), os.path.basename(path)):
            gate.find(path, 1, "no meson.build names it: it never runs")
    gate.end()


main()
