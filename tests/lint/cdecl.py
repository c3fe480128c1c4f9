# SPDX-License-Identifier: MIT
"""Finds the functions that a public header declares, and their comments."""

import re

from lintlib import blank_comments

NAME = re.compile(r"\b(deia_\w+)\s*\(")


def declarations(text):
    """Yields (line, name, documented) for each function of a header.

    Documented: the comment ends right above the declaration, or above the
    unbroken run of declarations (no blank line) that it stands in.
    """
    code = blank_comments(text).splitlines()
    lines = text.splitlines()
    documented = False
    depth = 0
    pending = None  # (line, text so far, documented) of an open declaration
    for number, (raw, bare) in enumerate(zip(lines, code), 1):
        if pending is None and depth == 0:
            if not raw.strip():
                documented = False
            elif not bare.strip():
                documented = True  # a comment line
            elif is_start(bare):
                pending = (number, "", documented)
        if pending:
            line, sofar, doc = pending
            sofar += " " + bare
            pending = (line, sofar, doc)
            if ";" in bare or "{" in bare:
                name = NAME.search(sofar)
                if name:
                    yield line, name.group(1), doc
                pending = None
        depth += bare.count("{") - bare.count("}")
        depth -= bare.count('extern "')


def is_start(bare):
    return (bare.startswith(("DEIA_API", "static inline"))
            and "extern const" not in bare)
