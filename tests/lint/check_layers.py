#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes go down only.

Inside libdeia: core <- store, cache, process, http <- the modules <- hive, trial, and
what is built on a worker. Modules of one level do not see each other's insides;
they meet in hive or through public headers. server/ and cli/ see include/ alone. A third-party library is known
to the folders listed here and to no public header.
"""

import os
import re

from lintlib import Gate, files, read

LEVEL = {"core": 0, "store": 1, "cache": 1, "process": 1, "http": 1, "expect": 1,
         "hive": 3,
         "trial": 3, "adapter": 3, "model": 3, "exec": 3}
MODULE_LEVEL = 2  # every other folder of libdeia
PUBLIC_LEVEL = {"hive.h": 3, "chat.h": 3, "hive_budget.h": 3, "hive_health.h": 3, "hive_checks.h": 3, "hive_report.h": 3,
                "hive_insight.h": 3, "budget.h": 0, "mail.h": 3, "deia.h": 3, "sys/store.h": 1, "migrate.h": 1,
                "auth.h": 0, "base.h": 0, "error.h": 0, "limits.h": 0,
                "version.h": 0, "histogram.h": 0,
                "trace.h": 0, "logs.h": 0,
                "sys/json.h": 0, "sys/cache.h": 1}
THIRD_PARTY = {
    "sqlite3.h": {"libdeia/store/sqlite", "tests"},
    "libpq-fe.h": {"libdeia/store/postgres", "tests"},
    "hiredis/": {"libdeia/cache"},
    "yaml.h": {"libdeia/config"},
    "utf8proc.h": {"libdeia/task", "tests"},
    "pcre2.h": {"libdeia/expect"},
    "curl/": {"libdeia/http", "libdeia/model", "libdeia/client",
              "server/deiad", "tests"},
    "sodium.h": {"libdeia/core", "libdeia/auth", "libdeia/config",
                 "libdeia/hive", "libdeia/notify", "server/deiad", "tests"},
    "event2/http": {"server/deiad", "tests"},
    "wslay/": {"server"},
    "editline/": {"cli"},
    "histedit.h": {"cli"},
}
C_STD = {"stdbool.h", "stddef.h", "stdint.h", "stdarg.h", "sys/types.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def level_of(module):
    return LEVEL.get(module, MODULE_LEVEL)


def includes(root, path):
    for number, line in enumerate(read(root, path).splitlines(), 1):
        m = INCLUDE.match(line)
        if m:
            yield number, m.group(1), m.group(2)


def check_library(gate, path, number, quote, name):
    parts = path.split("/")
    module = parts[1] if len(parts) > 2 else "hive"
    if quote == '"':
        if "/" not in name or name.startswith(".."):
            gate.find(path, number, f'include "{name}" by its folder, as in '
                      '"core/buf.h"')
            return
        other = name.split("/")[0]
        if other != module and level_of(other) >= level_of(module):
            gate.find(path, number, f"{module} must not include {name}: "
                      f"{other} is not below it")
    elif name.startswith("deia/"):
        other = name[5:]
        if PUBLIC_LEVEL.get(other, MODULE_LEVEL) > level_of(module):
            gate.find(path, number, f"{module} must not include <{name}>: "
                      "it is above it")


def check_program(gate, path, number, quote, name):
    if quote != '"':
        return
    top = path.split("/")[0]
    near = os.path.join(os.path.dirname(path), name)
    for place in (near, os.path.join(top, name)):
        place = os.path.normpath(place)
        if place.startswith(top + "/") and os.path.exists(
                os.path.join(gate.root, place)):
            return
    generated = not name.startswith("..") and "/" not in name
    if not generated:
        gate.find(path, number, f"{top}/ sees include/ and itself only, not "
                  f'"{name}"')


def check_third_party(gate, path, number, name):
    for prefix, folders in THIRD_PARTY.items():
        if not name.startswith(prefix):
            continue
        if not any(path.startswith(f + "/") for f in folders):
            gate.find(path, number, f"<{name}> belongs to "
                      + ", ".join(sorted(folders)))


def check_public(gate, path, number, quote, name):
    if quote == '"' or not (name.startswith("deia/") or name in C_STD):
        gate.find(path, number, f"a public header includes {name}: only "
                  "<deia/...> and C's own headers")


def main():
    gate = Gate(__doc__)
    for path in files(gate.root, ".c", ".h"):
        top = path.split("/")[0]
        for number, quote, name in includes(gate.root, path):
            if top == "libdeia":
                check_library(gate, path, number, quote, name)
            elif top in ("server", "cli"):
                check_program(gate, path, number, quote, name)
            elif top == "include":
                check_public(gate, path, number, quote, name)
            check_third_party(gate, path, number, name)
    gate.end()


main()
