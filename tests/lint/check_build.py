#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gcc and clang build everything without a warning.

gcc as a release, without assertions and with more of the optimiser's eyes;
`./dev test` has it with them. Uses BUILD-gcc and BUILD-clang, kept between
runs.
"""

import os
import re

from lintlib import Gate, run, tool

FINDING = re.compile(r"^(.*?):(\d+):\d+: (?:warning|error): (.*)$", re.M)


OPTIONS = {"gcc": ["--buildtype=release"], "clang": []}


def build(gate, compiler):
    folder = f"{gate.build}-{compiler}"
    env = dict(os.environ, CC=tool(compiler))
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        out = run(["meson", "setup", folder, gate.root, "-Dwerror=true",
                   *OPTIONS[compiler]], env=env)
        if out.returncode:
            gate.find("meson.build", 0, f"{compiler}: {out.stdout[-2000:]}")
            return
    out = run(["ninja", "-C", folder, "-k", "0"], env=env)
    if not out.returncode:
        return
    known = gate.found
    seen = {}  # a header's finding comes once for each source
    for m in FINDING.finditer(out.stdout):
        seen.setdefault(m.group(0), m)
    for m in seen.values():
        gate.find(m.group(1), m.group(2), f"{compiler}: {m.group(3)}")
    if gate.found == known:
        gate.find("meson.build", 0, f"{compiler}: {out.stdout[-2000:]}")


def main():
    gate = Gate(__doc__)
    if not gate.build:
        gate.build = os.path.join(gate.root, "build-lint")
    for compiler in OPTIONS:
        build(gate, compiler)
    gate.end()


main()
