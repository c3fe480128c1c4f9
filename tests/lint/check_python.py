#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Python files parse and import only what they use."""

import ast
import re

from lintlib import Gate, files, read


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield (name.asname or name.name).split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield name.asname or name.name, node.lineno


def main():
    gate = Gate(__doc__)
    for path in files(gate.root, ".py"):
        text = read(gate.root, path)
        try:
            tree = ast.parse(text, path)
        except SyntaxError as error:
            gate.find(path, error.lineno, error.msg)
            continue
        for name, line in imported(tree):
            uses = re.findall(rf"\b{re.escape(name)}\b", text)
            if len(uses) < 2:
                gate.find(path, line, f"{name} is imported, not used")
    gate.end()


main()
