# SPDX-License-Identifier: MIT
"""A disk that is full: mail is refused with 507, and nothing else happens.

deiad's folder is a small tmpfs in a mount namespace of this test's own; that
needs root, else it is skipped. A file fills the disk; sends are answered 507
then; what was acknowledged before is all there and nothing that was refused;
once the file is gone the next sends work, without a restart.
"""

import ctypes
import os
import subprocess
import time
import unittest

from hive import Hive

BYTES = 24 << 20
CLONE_NEWNS = 0x00020000
RECOVER_SECONDS = 5
TRIES = 20000  # of sends until the disk must be full


def own_namespace():
    """True when mounts of this process are its own from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"],
                          check=False).returncode == 0


class MailFull(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0 or not own_namespace():
            self.skipTest("a mount of its own needs root")
        self.hive = Hive()
        self.addCleanup(self.end)
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=700", "none",
             self.hive.dir], check=False, stderr=subprocess.PIPE, text=True)
        if made.returncode:
            self.skipTest(f"no tmpfs here: {made.stderr.strip()}")
        self.hive.start()
        self.hive.launch("MAIL-001", "external")
        self.filler = os.path.join(self.hive.dir, "filler")
        self.acked, self.refused = set(), set()

    def end(self):
        if self.hive.process and self.hive.process.poll() is None:
            self.hive.kill()
        subprocess.run(["umount", self.hive.dir], check=False,
                       stderr=subprocess.DEVNULL)
        self.hive.__exit__()

    def fill(self):
        """Takes all the room there is."""
        with open(self.filler, "ab", buffering=0) as f:
            for size in (1 << 20, 1 << 16, 4096):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def send(self, number):
        """Its status; what is acknowledged goes to one set or the other."""
        content = f"{number}:" + "x" * 1000
        status, answer = self.hive.call("POST", "/messages", {
            "to": "MAIL-001", "content": content})
        if status == 201:
            self.acked.add(answer["id"])
        else:
            self.assertEqual((status, answer.get("code")),
                             (507, "storage_full"), answer)
            self.refused.add(content)
        return status

    def send_until(self, wanted, start, seconds=60):
        limit = time.monotonic() + seconds
        for number in range(start, start + TRIES):
            if self.send(number) == wanted:
                return number
            self.assertLess(time.monotonic(), limit, f"no {wanted} answer")
        return self.fail(f"no {wanted} answer")

    def check(self):
        items = list(self.hive.every("/messages?status=pending"))
        self.assertEqual({m["id"] for m in items}, self.acked)
        self.assertEqual({m["content"] for m in items} & self.refused, set())
        self.assertEqual(self.hive.must("GET", "/messages/status")["pending"],
                         len(self.acked))

    def test_full_disk_refuses_mail_and_recovers_by_itself(self):
        for number in range(50):
            self.assertEqual(self.send(number), 201)
        self.fill()
        last = self.send_until(507, 1000)
        for number in range(last + 1, last + 20):
            self.send(number)
        self.assertGreater(len(self.refused), 5)
        self.check()  # looking works meanwhile
        status, answer = self.hive.call(
            "POST", "/bots/MAIL-001/inbox/receive", {})
        self.assertIn(status, (200, 507), answer)
        taken = [m["id"] for m in answer.get("items", [])]

        os.unlink(self.filler)
        last = self.send_until(201, 50000, RECOVER_SECONDS)
        for number in range(last + 1, last + 20):
            self.assertEqual(self.send(number), 201)
        self.acked -= set(taken)
        self.check()

        self.hive.kill()
        self.hive.start()
        self.check()
        answer = self.hive.must("POST", "/bots/MAIL-001/inbox/receive", {})
        self.assertEqual(len(answer["items"]), 1)


if __name__ == "__main__":
    unittest.main()
