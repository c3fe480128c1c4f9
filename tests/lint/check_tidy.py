#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang-tidy with the tree's .clang-tidy finds nothing in what is shipped."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

from lintlib import Gate, run, tool

SHIPPED = ("libdeia", "server", "cli", "examples")
FINDING = re.compile(r"^(.*?):(\d+):\d+: (?:warning|error): (.*)$", re.M)


def sources(gate):
    with open(os.path.join(gate.build, "compile_commands.json"),
              encoding="utf-8") as f:
        for entry in json.load(f):
            path = os.path.normpath(
                os.path.join(entry["directory"], entry["file"]))
            if os.path.relpath(path, gate.root).startswith(SHIPPED):
                yield path


def main():
    gate = Gate(__doc__)
    gate.need_build()
    tidy = tool("clang-tidy-14", "clang-tidy")

    def check(path):
        return path, run([tidy, "-p", gate.build, "--quiet", path],
                         cwd=gate.root)

    seen = set()
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path, out in pool.map(check, sorted(set(sources(gate)))):
            for m in FINDING.finditer(out.stdout):
                if m.group(0) not in seen:
                    gate.find(os.path.relpath(m.group(1), gate.root),
                              m.group(2), m.group(3))
                seen.add(m.group(0))
            if out.returncode and not FINDING.search(out.stdout):
                gate.find(os.path.relpath(path, gate.root), 0,
                          "clang-tidy failed: " + out.stdout.strip())
    gate.end()


main()
