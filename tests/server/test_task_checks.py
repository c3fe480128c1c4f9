# SPDX-License-Identifier: MIT
"""Commands that say whether a task's result is good."""

import os
import tempfile
import unittest

from tasking import Tasks

FOLDER = tempfile.mkdtemp(prefix="deia-checks-")
SLOW = os.path.join(FOLDER, "fifo")


class Checks(Tasks):
    config = f"""
checks:
  even: [/bin/grep, -qx, '[0-9]*[02468]']
  reason: [/bin/sh, -c, 'cat >/dev/null; echo "no: $DEIA_TASK_ID"; exit 3']
  deaf: [/bin/true]
  missing: [/nonexistent/check]
  late: {{argv: [/bin/cat, {SLOW}], timeout_seconds: 1}}
"""

    @classmethod
    def setUpClass(cls):
        os.mkfifo(SLOW)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        os.unlink(SLOW)
        os.rmdir(FOLDER)

    def checked(self, content, check, **more):
        """The bots answer what they are told."""
        self.must("admin", "POST", "/bots", {
            "id": f"echo-{check}", "adapter": "echo"})
        return self.ended(self.submit(content, bot=f"echo-{check}",
                                      check=check, max_attempts=1, **more))

    def test_status_0_is_a_success(self):
        t = self.checked("42", "even")
        self.assertEqual((t["status"], t["check"]), ("succeeded", "even"))
        t = self.ended(self.submit("43", bot="echo-even", check="even",
                                   max_attempts=1))
        self.assertEqual((t["status"], t["error"]["code"]),
                         ("failed", "check_failed"))
        self.assertIn("check even says no (status 1)", t["error"]["message"])

    def test_last_line_is_the_reason(self):
        t = self.checked("x", "reason")
        self.assertEqual(t["error"]["message"],
                         "check reason says no (status 3): "
                         f"no: {t['id']}")

    def test_program_that_reads_nothing_is_fine(self):
        self.assertEqual(self.checked("x" * 500_000, "deaf")["status"],
                         "succeeded")

    def test_program_that_is_missing(self):
        t = self.checked("x", "missing")
        self.assertIn("could not be run: No such file", t["error"]["message"])

    def test_program_that_does_not_end(self):
        t = self.checked("x", "late")
        self.assertEqual(t["error"]["message"], "check late took too long")

    def test_unknown_check_is_refused(self):
        problem = self.refused(422, "admin", "POST", "/tasks",
                               {"content": "x", "check": "nothing"}, "/check")
        self.assertIn("there is no check", problem["errors"][0]["detail"])


if __name__ == "__main__":
    unittest.main()
