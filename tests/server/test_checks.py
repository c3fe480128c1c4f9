# SPDX-License-Identifier: MIT
"""The seven health checks: each passes, fails when what it looks at is really
broken, and passes again; who sees what; the probe leaves nothing behind."""

import concurrent.futures
import ctypes
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from fake_model import FakeModel
from hive import Hive, descendants, program
from redis import PROGRAM as REDIS, Redis

BUILD = os.environ["DEIA_BUILD"]
NAMES = ["api", "db", "cache", "bots", "llm", "logs", "disk"]
WAIT_SECONDS = 60
CLONE_NEWNS = 0x00020000


def fresh(hive, check):
    """A new run, or one of the last two seconds: (HTTP status, answer)."""
    return hive.call("GET", f"/health/{check}?fresh=true")


def until(hive, check, status, text=""):
    """Has it run until it has that status; the answer."""
    limit = time.monotonic() + WAIT_SECONDS
    while True:
        code, got = fresh(hive, check)
        if got["status"] == status and text in got["text"]:
            if (code == 503) != (status == "fail"):
                raise AssertionError(f"{code} with {status}")
            if bool(got["advice"]) == (status == "pass"):
                raise AssertionError(f"{status} with {got['advice']!r}")
            return got
        if time.monotonic() > limit:
            raise AssertionError(f"not {status}: {got}\n{hive.log()}")


def anonymous(hive, path):
    conn = http.client.HTTPConnection("127.0.0.1", hive.port, timeout=60)
    try:
        conn.request("GET", path)
        reply = conn.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        conn.close()


class Who(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive(BUILD).start()
        cls.addClassCleanup(cls.hive.__exit__)

    def test_all_pass_on_a_new_hive_with_figures_below_their_limits(self):
        got = self.hive.must("GET", "/api/v1/health/checks?fresh=true")
        self.assertEqual([c["check"] for c in got["items"]], NAMES)
        for check in got["items"]:
            with self.subTest(check["check"]):
                self.assertIn(check["status"], ("pass", "warn"), check)
                self.assertTrue(check["text"].endswith("."))
                self.assertIsNotNone(check["checked_at"])
                for figure in check["figures"]:
                    self.assertIn(figure["unit"],
                                  ("seconds", "ratio", "count"))
        measured = {f["name"] for c in got["items"] for f in c["figures"]}
        self.assertLessEqual({"loop_delay", "latency", "launch_to_answer",
                              "errors", "used_state"}, measured)

    def test_only_those_that_are_named(self):
        got = self.hive.must("GET", "/api/v1/health/checks?checks=disk,db")
        self.assertEqual([c["check"] for c in got["items"]], ["db", "disk"])
        for wrong in ("x", "db,", ",", "db,x"):
            code, got = self.hive.call(
                "GET", f"/api/v1/health/checks?checks={wrong}")
            if wrong == "db,":
                self.assertEqual(code, 200)
            else:
                self.assertEqual(code, 422, wrong)

    def test_without_a_credential_only_the_status(self):
        self.hive.must("GET", "/api/v1/health/checks?fresh=true")
        for name in NAMES:
            code, got = anonymous(self.hive, "/health/" + name)
            self.assertIn(code, (200, 503))
            self.assertEqual(sorted(got), ["check", "checked_at", "status"])
            self.assertEqual(got["check"], name)
        self.assertEqual(anonymous(self.hive, "/health/db?fresh=true")[0], 401)
        self.assertEqual(anonymous(self.hive, "/api/v1/health/checks")[0], 401)

    def test_a_viewer_sees_but_does_not_run(self):
        token = self.hive.must("POST", "/tokens", {
            "name": "looks", "role": "viewer"})["token"]
        mine = {"Authorization": f"Bearer {token}"}
        code, got = self.hive.call("GET", "/health/db", headers=mine)
        self.assertEqual(code, 200)
        self.assertIn("figures", got)
        self.assertEqual(self.hive.call("GET", "/health/db?fresh=true",
                                        headers=mine)[0], 403)
        wrong = {"Authorization": "Bearer nonsense"}
        self.assertEqual(self.hive.call("GET", "/health/db",
                                        headers=wrong)[0], 401)

    def test_those_who_ask_at_once_share_one_run(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: fresh(self.hive, "bots")[1],
                                range(8)))
        self.assertLessEqual(len({g["checked_at"] for g in got}), 2)


class Probe(unittest.TestCase):
    def test_it_leaves_nothing_behind(self):
        with Hive(BUILD) as h:
            h.launch("B")
            h.wait_state("B", "ready")

            def everything():
                return (list(h.every("/bots")), list(h.every("/audit")),
                        h.must("GET", "/scheduler/bots"),
                        h.must("GET", "/api/v1/health")["bots"],
                        list(h.every("/alerts")),
                        [line for line in
                         h.must("GET", "/metrics").splitlines()
                         if line.startswith(("deia_bot_turns", "deia_bots{",
                                             "deia_bot_info", "deia_turn_"))],
                        [n for n in os.listdir(os.path.join(h.dir, "state"))
                         if "check" in n],
                        [n for n in os.listdir(
                            os.path.join(h.dir, "bot-logs"))
                         if n.endswith(".log") and n != "B.log"],
                        len(descendants(h.process.pid)))

            before = everything()
            got = h.must("GET", "/api/v1/health/checks?fresh=true")
            bots = [c for c in got["items"] if c["check"] == "bots"]
            self.assertIn("answered", bots[0]["text"])
            self.assertEqual(everything(), before)
            with sqlite3.connect(os.path.join(h.dir,
                                              "state/deia.db")) as db:
                rows = db.execute("SELECT name FROM health_settings "
                                  "WHERE updated_by = 'check'").fetchall()
                told = db.execute("SELECT count(*) FROM events WHERE subject "
                                  "LIKE '%deia-check%'").fetchone()
                moved = db.execute("SELECT count(*) FROM bot_history WHERE "
                                   "bot LIKE 'deia-check%'").fetchone()
            db.close()
            self.assertLessEqual(len(rows), 1)
            self.assertEqual((told, moved), ((0,), (0,)))


class Bots(unittest.TestCase):
    def test_fails_without_its_program_and_passes_with_it(self):
        folder = tempfile.mkdtemp(prefix="deia-programs-")
        self.addCleanup(shutil.rmtree, folder, True)
        for name in ("deiad", "deia-bot", "deia-guard"):
            shutil.copy(program(BUILD, name), folder)
        bot = os.path.join(folder, "deia-bot")
        with Hive(BUILD, deiad=os.path.join(folder, "deiad")) as hive:
            until(hive, "bots", "pass")
            os.rename(bot, bot + ".gone")
            got = until(hive, "bots", "fail")
            self.assertIn("deia-bot", got["advice"])
            self.assertEqual(anonymous(hive, "/health/bots")[0], 503)
            os.rename(bot + ".gone", bot)
            until(hive, "bots", "pass")
            self.assertEqual(descendants(hive.process.pid), [])

    def test_a_failed_bot_is_a_warning(self):
        with Hive(BUILD) as hive:
            hive.launch("broken", "process", argv=["/nonexistent/program"])
            hive.wait_state("broken", "failed")
            until(hive, "bots", "warn", "1 of 1 bots have failed")
            hive.must("DELETE", "/bots/broken")
            until(hive, "bots", "pass")


class Models(unittest.TestCase):
    def test_servers_of_bots_are_asked(self):
        with Hive(BUILD) as hive, FakeModel() as server:
            until(hive, "llm", "pass", "No bot uses")
            hive.launch("one", "ollama", model="m", base_url=server.url)
            until(hive, "llm", "pass", "1 of 1")
            hive.launch("two", "openai", model="m",
                        base_url="http://127.0.0.1:1")
            got = until(hive, "llm", "warn", "1 of 2")
            self.assertIn("http://127.0.0.1:1", got["text"])
            hive.must("DELETE", "/bots/one?force=true")
            until(hive, "llm", "fail", "0 of 1")
            hive.must("DELETE", "/bots/two?force=true")
            until(hive, "llm", "pass")


@unittest.skipUnless(REDIS, "there is no redis-server on this machine")
class Cache(unittest.TestCase):
    def test_a_redis_that_is_gone_is_a_warning(self):
        with Redis() as redis, Hive(
                BUILD, env={"DEIA_REDIS_URL": redis.url}) as hive:
            got = until(hive, "cache", "pass", "read back")
            self.assertEqual(got["cache"]["backend"], "redis")
            redis.kill()
            until(hive, "cache", "warn")
            redis.start()
            until(hive, "cache", "pass")


class Logs(unittest.TestCase):
    def test_errors_that_were_logged_are_told(self):
        with Hive(BUILD) as hive:
            until(hive, "logs", "pass", "0 errors")
            path = os.path.join(hive.dir, "config.yaml")
            with open(path, "a", encoding="utf-8") as f:
                f.write("nonsense: [\n")
            hive.process.send_signal(signal.SIGHUP)
            until(hive, "logs", "warn", "2 errors")

    def test_a_journal_that_cannot_be_written_fails(self):
        with Hive(BUILD) as hive:
            path = os.path.join(hive.dir, "bot-logs", "audit.jsonl")
            until(hive, "logs", "pass")
            if os.path.exists(path):
                os.rename(path, path + ".kept")
            os.mkdir(path)
            until(hive, "logs", "fail", "audit.jsonl")
            os.rmdir(path)
            until(hive, "logs", "pass")


class Disk(unittest.TestCase):
    def test_a_flipped_bit_in_a_message_is_found(self):
        hive = Hive(BUILD)
        self.addCleanup(hive.__exit__)
        hive.start()
        hive.launch("MAIL-001", "external")
        for n in range(5):
            hive.must("POST", "/messages",
                      {"to": "MAIL-001", "content": f"number {n}"})
        until(hive, "disk", "pass", "5 messages fit")
        hive.stop()
        with sqlite3.connect(os.path.join(hive.dir, "state/deia.db")) as db:
            db.execute("UPDATE messages SET content = 'numbeR 3' "
                       "WHERE content = 'number 3'")
        db.close()
        hive.start()
        until(hive, "disk", "fail", "1 of 5 messages")

    def test_lines_of_a_journal_that_are_none_are_told(self):
        with Hive(BUILD) as hive:
            hive.launch("B")
            hive.wait_state("B", "ready")
            until(hive, "disk", "pass")
            path = os.path.join(hive.dir, "bot-logs/health-alerts.jsonl")
            with open(path, "a", encoding="utf-8") as f:
                f.write('{"timestamp": "2026-11-2\n')
            until(hive, "disk", "warn", "health-alerts.jsonl")
            os.remove(path)
            until(hive, "disk", "pass")


def own_namespace():
    """True when mounts of this process are its own from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(CLONE_NEWNS) == 0 and subprocess.run(
        ["mount", "--make-rprivate", "/"], check=False).returncode == 0


class Full(unittest.TestCase):
    def test_a_full_disk_fails_disk_and_db_until_there_is_room(self):
        if os.geteuid() != 0 or not own_namespace():
            self.skipTest("a mount of its own needs root")
        hive = Hive(BUILD)
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none",
             hive.dir], check=False, stderr=subprocess.PIPE, text=True)
        if made.returncode:
            hive.__exit__()
            self.skipTest(f"no tmpfs here: {made.stderr.strip()}")
        self.addCleanup(hive.__exit__)
        self.addCleanup(subprocess.run, ["umount", "-l", hive.dir],
                        check=False)
        hive.start()
        self.addCleanup(lambda: hive.process.poll() is None and hive.kill())
        until(hive, "disk", "pass")
        until(hive, "db", "pass")
        filler = os.path.join(hive.dir, "filler")
        with open(filler, "ab", buffering=0) as f:
            for size in (1 << 20, 1 << 16, 4096):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass
        got = until(hive, "disk", "fail", "cannot be written")
        self.assertIn("fail", [f["status"] for f in got["figures"]])
        os.remove(filler)
        until(hive, "disk", "pass")
        until(hive, "db", "pass")


if __name__ == "__main__":
    unittest.main()
