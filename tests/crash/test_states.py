# SPDX-License-Identifier: MIT
"""kill -9 of deiad with a bot in each state: nothing of it is left running,
and a new deiad runs what is wished, each bot once, and says what it did."""

import os
import threading
import unittest

from hive import Hive, Refused, alive, wait_gone

READY = "echo '{\"type\":\"ready\"}'; "
NEVER_ANSWERS = ["sh", "-c", READY + "exec sleep 600"]
NEVER_ENDS = ["sh", "-c", "trap '' TERM; " + READY
              + "while :; do sleep 600; done"]
GONE = (OSError, Refused, ValueError)
# What each is meant to be after the restart.
AFTER = {"starting": "starting", "ready": "ready", "busy": "ready",
         "paused": "paused", "stopping": "stopped", "backoff": "backoff",
         "failed": "failed", "offline": "ready", "stopped": "stopped"}


def processes_of(hive, bot):
    """Bots' processes by their environment, guards left out."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as f:
                env = f.read().split(b"\0")
            with open(f"/proc/{entry}/comm", encoding="utf-8") as f:
                is_guard = f.read().strip() == "deia-guard"
        except OSError:
            continue
        if (b"DEIA_BOT_ID=" + bot.encode() in env
                and f"DEIA_URL={hive.url}".encode() in env
                and not is_guard and alive(int(entry))):
            found.append(int(entry))
    return found


class States(unittest.TestCase):
    def setUp(self):
        self.hive = Hive().__enter__()
        self.addCleanup(lambda: self.hive.__exit__())

    def launch_all(self):
        launch = self.hive.launch
        launch("ready")
        launch("paused")
        launch("stopped")
        launch("starting", "process", argv=["sleep", "600"],
               ready_timeout_seconds=600)
        launch("busy", "process", argv=NEVER_ANSWERS)
        launch("stopping", "process", argv=NEVER_ENDS,
               stop_timeout_seconds=600)
        launch("backoff", "process", argv=["sh", "-c", "exit 1"],
               restart={"max_restarts": 1000, "window_seconds": 3600})
        launch("failed", "process", argv=["sh", "-c", "echo no >&2; exit 1"],
               restart={"policy": "never"})
        launch("offline", "external", heartbeat_timeout_seconds=1)

    def reach_all(self):
        hive = self.hive
        for bot in ("ready", "paused", "stopped", "busy", "stopping"):
            hive.wait_state(bot, "ready")
        hive.must("POST", "/bots/paused/pause")
        hive.must("POST", "/bots/stopped/stop")
        hive.must("POST", "/bots/stopping/stop")
        threading.Thread(target=self.ask_busy, daemon=True).start()
        # From the third restart on it waits for seconds.
        hive.wait(lambda: hive.must("GET", "/bots/backoff")["restarts"] >= 3)
        for state in AFTER:
            hive.wait_state(state, state)

    def ask_busy(self):
        try:
            self.hive.say("busy", "never answered")
        except GONE:
            pass

    def test_each_is_cleanly_replaced(self):
        self.launch_all()
        self.reach_all()
        before = {b: self.hive.must("GET", f"/bots/{b}") for b in AFTER}
        below = self.hive.kill()
        self.assertGreater(len(below), 8)
        self.assertEqual(wait_gone(below), [])
        self.hive.start()
        for bot, state in AFTER.items():
            self.hive.wait_state(bot, state)
        self.hive.launch("after")  # what was written before is durable now
        for bot, state in AFTER.items():
            with self.subTest(bot):
                self.check(bot, state, before[bot])

    def check(self, bot, state, before):
        info = self.hive.must("GET", f"/bots/{bot}")
        if state == "starting":  # its process comes a moment later
            info = self.hive.wait(lambda: self.started(bot))
        runs = state in ("starting", "ready", "paused") and bot != "offline"
        self.assertEqual(info["wanted"], state != "stopped")
        self.assertNotEqual(info["pid"] or 0, before["pid"] or -1)
        if runs:  # once, and nowhere else
            self.assertEqual(processes_of(self.hive, bot), [info["pid"]])
        elif state != "backoff":
            self.assertEqual(processes_of(self.hive, bot), [])
        self.check_history(bot)

    def started(self, bot):
        info = self.hive.must("GET", f"/bots/{bot}")
        return info if info["pid"] else None

    def check_history(self, bot):
        moves = self.hive.must("GET", f"/bots/{bot}/history?limit=200")[
            "items"][::-1]
        seen = [(m["from"], m["state"]) for m in moves]
        gap = [m for m in moves if "started again" in m["reason"]
               and m["reason"].startswith("the hive")]
        if bot == "stopped":
            self.assertEqual(gap, [])
            return
        self.assertEqual([(g["from"], g["state"]) for g in gap],
                         [("ready" if bot == "busy" else bot, "stopped")])
        if bot != "stopping":
            self.assertIn(("stopped", "starting"),
                          seen[moves.index(gap[0]):])

    def test_open_question_is_closed(self):
        self.hive.launch("busy", "process", argv=NEVER_ANSWERS)
        self.hive.wait_state("busy", "ready")
        threading.Thread(target=self.ask_busy, daemon=True).start()
        self.hive.wait_state("busy", "busy")
        self.hive.kill()
        self.hive.start()
        self.hive.launch("after")  # what was written before is durable now
        line = self.hive.lines("busy")[-1]
        self.assertEqual((line["role"], line["status"]), ("user", "failed"))
        self.assertIn("stopped before the answer", line["error"])


if __name__ == "__main__":
    unittest.main()
