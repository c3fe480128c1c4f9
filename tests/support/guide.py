# SPDX-License-Identifier: MIT
"""Follows a page of docs/: runs its ```sh examples as one script, against a
hive of their own."""

import os
import re
import subprocess

from hive import Hive

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "..", "..", "docs")


def follow(page, more_than, deia, env, folder):
    """What the examples of a page printed; they call deia more often than this.

    deia is the program, folder where it is run. The examples find the hive's
    address in URL and the administrator's token in ADMIN. The first that fails
    is an AssertionError.
    """
    with open(os.path.join(DOCS, page), encoding="utf-8") as f:
        script = "set -euo pipefail\n" + "".join(
            re.findall(r"^```sh\n(.*?)^```$", f.read(), re.M | re.S))
    calls = script.count("deia ")
    if calls <= more_than:
        raise AssertionError(f"{page}: deia is called {calls} times only")
    with Hive() as h:
        env = dict(env, DEIA_URL=h.url, DEIA_TOKEN=h.token, URL=h.url,
                   ADMIN=h.token,
                   PATH=os.path.dirname(deia) + ":" + h.env["PATH"])
        p = subprocess.run(["bash", "-c", script], env=env, text=True,
                           cwd=folder, capture_output=True, timeout=120)
    if p.returncode:
        raise AssertionError(f"{page}: exit {p.returncode}\n"
                             + p.stdout + p.stderr)
    return p.stdout
