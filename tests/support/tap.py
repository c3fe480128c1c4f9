#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the unittest cases of one file and prints TAP version 13.

    python3 tests/support/tap.py FILE.py [-k WORD]... [-l]

Each case is one TAP line, so that meson counts it; a skip carries its reason,
a failure its traceback as '#' lines. What a test or its children print goes
to stderr, never between the TAP lines. The file's own folder and
tests/support are importable. -k runs the cases whose id contains WORD, -l
lists them. Ends with status 1 when a case failed.
"""

import argparse
import faulthandler
import importlib.util
import os
import signal
import sys
import time
import traceback
import unittest


class Tap:
    """Writes TAP to the real stdout, which tests no longer reach."""

    def __init__(self):
        sys.stdout.flush()
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8",
                             errors="backslashreplace")
        os.dup2(2, 1)
        self.count = 0
        self.failed = 0
        self.line("TAP version 13")

    def line(self, text):
        self.out.write(text + "\n")
        self.out.flush()

    def notes(self, text):
        for part in text.rstrip().splitlines():
            self.line("# " + part)

    def case(self, good, name, skip=None):
        self.count += 1
        self.failed += not good
        word = "ok" if good else "not ok"
        name = name.replace("#", " ").replace("\n", " ")
        text = f"{word} {self.count} - {name}"
        if skip is not None:
            text += " # SKIP " + " ".join(str(skip).split())
        self.line(text)


class Result(unittest.TestResult):
    """Turns unittest's outcomes into TAP lines, as they happen."""

    def __init__(self, tap):
        super().__init__()
        self.tap = tap
        self.began = 0.0
        self.sub_failed = False

    @staticmethod
    def name(test):
        if isinstance(test, unittest.TestCase):
            return test.id().split(".", 1)[-1]
        return str(test)  # setUpClass and setUpModule, when they failed

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.sub_failed = False

    def bad(self, test, err):
        if not self.sub_failed:
            self.tap.case(False, self.name(test))
        self.tap.notes("".join(traceback.format_exception(*err)))

    def addSuccess(self, test):
        self.tap.case(True, self.name(test))
        spent = time.monotonic() - self.began
        if spent >= 1:
            self.tap.notes(f"took {spent:.1f} s")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tap.case(True, self.name(test), skip=reason or "no reason given")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.tap.case(True, self.name(test))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tap.case(False, self.name(test))
        self.tap.notes("marked expectedFailure, but it passed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is None:
            return
        if not self.sub_failed:
            self.tap.case(False, self.name(test))
        self.sub_failed = True
        self.tap.notes(f"in {subtest._subDescription()}")
        self.tap.notes("".join(traceback.format_exception(*err)))


def load(path):
    """Imports the file as a module of its own name."""
    here = os.path.dirname(os.path.abspath(path))
    support = os.path.dirname(os.path.abspath(__file__))
    sys.path[:0] = [here, support]
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def cases_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases_of(item)
        else:
            yield item


def interrupted(*_args):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("-k", dest="words", action="append", default=[])
    parser.add_argument("-l", dest="list", action="store_true")
    args = parser.parse_args()

    # meson ends a test that takes too long with SIGTERM: let clean-up run.
    signal.signal(signal.SIGTERM, interrupted)
    sys.dont_write_bytecode = True
    tap = None if args.list else Tap()
    if tap:
        faulthandler.enable()
    try:
        module = load(args.file)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    except unittest.SkipTest as reason:
        suite = unittest.TestSuite()
        if tap:
            tap.case(True, "whole file", skip=reason)
    except Exception:
        if not tap:
            raise
        tap.case(False, f"{args.file} can be loaded")
        tap.notes(traceback.format_exc())
        tap.line("1..1")
        return 1
    if args.words:
        suite = unittest.TestSuite(
            c for c in cases_of(suite) if any(w in c.id() for w in args.words))
    if args.list:
        print("\n".join(c.id() for c in cases_of(suite)))
        return 0
    try:
        suite.run(Result(tap))
    except KeyboardInterrupt:
        tap.line("Bail out! interrupted")
        return 1
    if not tap.count:
        tap.case(False, "the file has at least one case")
    tap.line(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
