#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up meson test logs: counts, skip reasons, logs of what failed.

    python3 tests/support/summary.py [-o FILE] LABEL=BUILD-DIR/meson-logs/testlog ...

Reads NAME.junit.xml (every TAP case is one) and NAME.json (how each program
ended, which junit does not say for TAP programs that died or hung). Prints
the failures with their logs, the skips with their reasons, and last
`N passed, N failed, N skipped`. Ends with status 1 when anything failed or
when a log is missing.
"""

import argparse
import json
import os
import re
import sys
import xml.etree.ElementTree as ET

LOG_LINES = 200
GOOD = {"OK", "SKIP", "EXPECTEDFAIL"}


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # (name, log)
        self.skips = []     # (name, reason)


def clean(text):
    """Log text that does not drive the reader's terminal."""
    return re.sub(r"[^\t\n\x20-\x7e\u00a0-\uffff]", "?", text or "")


def add_case(case, label, totals):
    name = f"{label}: {case.get('classname')}: {case.get('name')}"
    if case.find("skipped") is not None:
        totals.skipped += 1
        totals.skips.append((name, case.findtext("system-out") or ""))
        return False
    if case.find("failure") is not None or case.find("error") is not None:
        totals.failed += 1
        totals.failures.append((name, ""))
        return True
    totals.passed += 1
    return False


def read_junit(path, label, totals):
    """Counts the cases; returns the classes that hold a failed one."""
    bad = set()
    for case in ET.parse(path).getroot().iter("testcase"):
        if add_case(case, label, totals):
            # "PROJECT.PROJECT:SUITE / TEST" for a case of a TAP program.
            bad.add(case.get("classname").split(".", 1)[-1].split(" / ")[-1])
            bad.add(case.get("name").split(" / ")[-1])
    return bad


def read_ends(path, label, bad, totals):
    """Programs that ended badly: keep their logs, count the uncounted."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            run = json.loads(line)
            if run["result"] in GOOD:
                continue
            name = run["name"].split(" / ")[-1]
            if name not in bad:
                totals.failed += 1
            log = (run.get("stdout") or "") + (run.get("stderr") or "")
            totals.failures.append((f"{label}: {name} ({run['result']})", log))


def read_log(arg, totals):
    label, _, base = arg.rpartition("=")
    label = label or "test"
    if not os.path.exists(base + ".junit.xml"):
        totals.failed += 1
        totals.failures.append((f"{label}: wrote no log", base))
        return
    bad = read_junit(base + ".junit.xml", label, totals)
    read_ends(base + ".json", label, bad, totals)


def show(totals):
    for name, reason in totals.skips:
        print(f"SKIPPED {clean(name)}: {clean(reason) or 'no reason given'}")
    for name, log in totals.failures:
        print(f"FAILED {clean(name)}")
        lines = clean(log).splitlines()
        if len(lines) > LOG_LINES:
            print(f"    ... {len(lines) - LOG_LINES} lines before")
        for line in lines[-LOG_LINES:]:
            print("    " + line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="out", help="also write the counts here")
    parser.add_argument("logs", nargs="+", metavar="LABEL=LOG")
    args = parser.parse_args()
    totals = Totals()
    for arg in args.logs:
        read_log(arg, totals)
    show(totals)
    line = (f"{totals.passed} passed, {totals.failed} failed, "
            f"{totals.skipped} skipped")
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            out.write(line + "\n")
    print(line)
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
