# SPDX-License-Identifier: MIT
"""deia migrate with real hives: upgrades of databases of former versions, the
states of the schema, a hive copied from one directory to another."""

import glob
import hashlib
import json
import os
import re
import select
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from clilib import DEIA, CliCase  # noqa: E402
from hive import Hive  # noqa: E402

MIGRATIONS = sorted(glob.glob(os.path.join(
    HERE, "..", "..", "libdeia", "store", "sqlite", "migrations", "*.sql")))
SPEC = {"id": "BOT-001", "adapter": "echo"}
CONVERSATION = "0190a0a0-0000-7000-8000-000000000001"


def old_rows(version):
    """What a hive of that version had written."""
    rows = [
        ("bots", ("BOT-001", json.dumps(SPEC), 1, 1700000000000,
                  1700000000000) + (("main",) if version >= 6 else ())),
        ("conversations", (CONVERSATION, "BOT-001", "Trip", 1, 1700000000000)
         + (("",) if version >= 2 else ())),
        ("events", (9, 1700000000000, "bot.created", "BOT-001", "{}")),
        ("audit", (3, int(time.time() * 1000), "admin", "", "admin",
                   "127.0.0.1", "r1", "bot.create", "BOT-001", "ok")),
    ]
    for n, (role, text) in enumerate([("user", "where to?"),
                                      ("assistant", "the sea, \u00e4")], 1):
        rows.append(("chat_lines", (
            n + 4, f"0190a0a0-0000-7000-8000-00000000001{n}", CONVERSATION,
            "BOT-001", role, "dave" if n == 1 else "BOT-001", text,
            "answered", "", 1700000000000 + n, None, None)
            + (("",) if version >= 2 else ())))
    if version >= 2:
        rows.append(("bot_history", ("BOT-001", 1, 1700000000000, "stopped",
                                     "starting", "asked to", 0, None, None,
                                     0, "")))
    if version >= 3:
        rows.append(("dialogues", (
            "0190a0a0-0000-7000-8000-000000000021", "BOT-001", "BOT-002",
            "tea?", "done", "", 2, 2, 0, 0, 0, "admin", 1700000000000,
            int(time.time() * 1000), "")
            + (("main",) if version >= 6 else ())))
    return rows


def make_old(path, version):
    """A database as a deia of that schema version left it."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE schema_migrations (version INTEGER NOT NULL "
               "PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
               "applied BIGINT NOT NULL)")
    for number, file in enumerate(MIGRATIONS[:version], 1):
        with open(file, "rb") as f:
            text = f.read()
        db.executescript(text.decode())
        db.execute("INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
                   (number, os.path.basename(file)[5:-4],
                    hashlib.sha256(text).hexdigest(), 1700000000000))
    for table, row in old_rows(version):
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO {table} VALUES ({marks})", row)
    db.commit()
    db.close()


class Migrate(CliCase):
    def setUp(self):
        super().setUp()
        self.hives = []

    def new_hive(self, name):
        """One that is not started; its directory is empty."""
        hive = Hive()
        os.rmdir(hive.dir)
        hive.dir = os.path.join(self.dir, name)
        os.mkdir(hive.dir)
        hive.log_path = os.path.join(self.dir, f"{len(self.hives)}.log")
        self.hives.append(hive)
        self.addCleanup(self.end, hive)
        return hive

    @staticmethod
    def end(hive):
        if hive.process and hive.process.poll() is None:
            hive.process.kill()
            hive.process.wait()
        if hive.process:
            hive.process.stdout.close()

    @staticmethod
    def stop(hive):
        hive.process.send_signal(signal.SIGTERM)
        hive.process.wait(30)
        hive.process.stdout.close()

    def old_hive(self, version):
        hive = self.new_hive("old")
        self.deia("init", hive.dir, check=0)
        self.db = os.path.join(hive.dir, "state", "deia.db")
        make_old(self.db, version)
        return hive

    def states(self, hive):
        p = self.deia("migrate", "status", "--dir", hive.dir, "--json",
                      check=0)
        return [m["state"] for m in json.loads(p.out)["items"]]

    # ---- upgrades ------------------------------------------------------------

    def check_upgraded(self, hive):
        """All that the old hive had is there, and it goes on."""
        lines = hive.must("GET", "/bots/BOT-001/chat")["items"]
        self.assertEqual([i["content"] for i in lines],
                         ["the sea, \u00e4", "where to?"])
        hive.wait_state("BOT-001", "ready")
        said = hive.must("POST", "/bots/BOT-001/chat", {"content": "more"})
        self.assertEqual(said["content"], "more")
        self.assertEqual(said["conversation"], CONVERSATION)
        audit = hive.must("GET", "/audit")["items"]
        self.assertIn("bot.create", [a["action"] for a in audit])
        self.assertGreater(
            hive.must("GET", "/bots/BOT-001/status")["now"]["memory_bytes"],
            0)
        hive.must("POST", "/messages", {"to": "BOT-001", "content": "mail"})

    def test_deiad_upgrades_a_database_of_every_earlier_version(self):
        for version in range(1, len(MIGRATIONS)):
            with self.subTest(version=version):
                hive = self.old_hive(version)
                hive.start()
                self.check_upgraded(hive)
                copies = os.listdir(os.path.join(hive.dir, "state",
                                                 "backups"))
                self.assertEqual(len(copies), 1)
                self.assertRegex(copies[0], rf"^deia-before-000{version + 1}-"
                                            r"\d{8}T\d{6}Z\.db$")
                self.assertIn("copied the database to", hive.log())
                self.assertIn("applied migration 0009_traces",
                              hive.log())
                self.stop(hive)
                self.assertEqual(set(self.states(hive)), {"applied"})
                subprocess.run(["rm", "-r", hive.dir], check=True)

    def test_up_applies_what_status_shows_as_pending(self):
        hive = self.old_hive(2)
        self.assertEqual(self.states(hive),
                         ["applied"] * 2 + ["pending"] * (len(MIGRATIONS) - 2))
        p = self.deia("migrate", "status", "--dir", hive.dir, check=0)
        self.assertIn("0001     initial", p.out)
        self.assertIn("pending", p.out)
        self.assertIn(f"{len(MIGRATIONS) - 2} pending", p.err)
        p = self.deia("migrate", "up", "--dir", hive.dir, check=0)
        self.assertIn("the store is up to date", p.out)
        self.assertIn("copied the database to", p.err)
        copies = glob.glob(os.path.join(hive.dir, "state", "backups", "*"))
        self.assertEqual(len(copies), 1)
        self.assertEqual(stat.S_IMODE(os.stat(copies[0]).st_mode), 0o600)
        self.assertEqual(set(self.states(hive)), {"applied"})
        p = self.deia("migrate", "status", "--dir", hive.dir, "--json")
        self.assertEqual(json.loads(p.out)["store"],
                         "sqlite:" + os.path.realpath(self.db))
        again = self.deia("migrate", "up", "--dir", hive.dir, check=0)
        self.assertEqual(again.out, "nothing is pending\n")
        hive.start()
        self.check_upgraded(hive)

    def test_without_a_copy_when_none_is_wanted(self):
        hive = self.old_hive(1)
        p = self.deia("migrate", "up", "--store", "sqlite:" + self.db,
                      "--no-backup", "--json", check=0)
        self.assertEqual(json.loads(p.out), {"applied": len(MIGRATIONS) - 1})
        self.assertFalse(os.path.exists(os.path.join(hive.dir, "state",
                                                     "backups")))

    # ---- what is refused -----------------------------------------------------

    def test_store_in_use_is_a_conflict(self):
        hive = self.new_hive("busy").start()
        for words in (["status"], ["up"]):
            self.says(self.deia("migrate", *words, "--dir", hive.dir), 5,
                      "in use by process", "deia stop")
        self.says(self.deia("migrate", "copy", "--from", hive.dir, "--to",
                            os.path.join(self.dir, "new")), 5, "in use")

    def test_missing_stores_are_not_made(self):
        self.says(self.deia("migrate", "status"), 3, "no hive's directory")
        self.deia("init", "new", check=0)
        self.says(self.deia("migrate", "status", "--dir", "new"), 3,
                  "there is no database")
        self.says(self.deia("migrate", "up", "--dir", "new"), 3)
        self.assertFalse(os.path.exists(
            os.path.join(self.dir, "new", "state", "deia.db")))
        self.says(self.deia("migrate", "copy", "--from", "none", "--to",
                            "new"), 3, "there is no directory none")
        self.says(self.deia("migrate", "copy", "--to", "new"), 2, "--from")
        self.says(self.deia("migrate", "status", "--store", "some.db"), 2,
                  "takes a url")

    def test_newer_and_foreign_schemas_are_a_conflict(self):
        hive = self.old_hive(len(MIGRATIONS) - 1)
        self.deia("migrate", "up", "--dir", hive.dir, check=0)
        db = sqlite3.connect(self.db)
        db.execute("INSERT INTO schema_migrations VALUES (99, 'future', 'x', "
                   "1, 1)")
        db.commit()
        p = self.deia("migrate", "status", "--dir", hive.dir)
        self.says(p, 5, "of a newer deia")
        self.assertIn("unknown", p.out)
        self.says(self.deia("migrate", "up", "--dir", hive.dir), 5,
                  "schema version 99", "run the newer deiad again")
        # deiad says the same and leaves it alone.
        done = subprocess.run(
            [hive.deiad, "--dir", hive.dir, "--port", "0"], env=hive.env,
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("schema version 99", done.stderr)
        db.execute("DELETE FROM schema_migrations WHERE version = 99")
        db.execute("UPDATE schema_migrations SET checksum = 'x' WHERE "
                   "version = 2")
        db.commit()
        db.close()
        p = self.deia("migrate", "status", "--dir", hive.dir)
        self.says(p, 5, "of a different build")
        self.assertIn("changed", p.out)

    # ---- copying -------------------------------------------------------------

    def full_hive(self):
        hive = self.new_hive("from").start()
        hive.must("POST", "/bots", {"id": "BOT-001", "adapter": "echo"})
        hive.wait_state("BOT-001", "ready")
        for n in range(3):
            hive.must("POST", "/bots/BOT-001/chat", {"content": f"line {n}"})
        hive.must("POST", "/messages", {"to": "BOT-001", "content": "mail"})
        self.stop(hive)
        return hive

    def test_copied_hive_is_the_hive(self):
        old = self.full_hive()
        new = self.new_hive("to")
        p = self.deia("migrate", "copy", "--from", old.dir, "--to", new.dir,
                      check=0)
        self.assertRegex(p.out, r"chat_lines +6 +6 .* yes")
        self.assertNotIn("NO", p.out)
        self.assertIn("rows copied and compared", p.err)
        with open(os.path.join(new.dir, "config.yaml"),
                  encoding="utf-8") as f:
            self.assertIn("  #chat_days: 0", f.read())
        new.start()
        lines = new.must("GET", "/bots/BOT-001/chat")["items"]
        self.assertEqual([i["content"] for i in lines if i["role"] == "user"],
                         ["line 2", "line 1", "line 0"])
        new.token = old.token  # tokens are rows, too
        new.must("GET", "/bots")
        self.stop(new)
        self.says(self.deia("migrate", "copy", "--from", old.dir, "--to",
                            new.dir), 5, "not empty")
        # And back, to a file alone.
        back = "sqlite:" + os.path.join(self.dir, "back.db")
        p = self.deia("migrate", "copy", "--from", new.dir, "--to", back,
                      "--json", check=0)
        report = json.loads(p.out)
        self.assertTrue(report["same"])
        self.assertTrue(all(t["same"] and t["sum_from"] == t["sum_to"]
                            for t in report["tables"]))

    def test_killed_copy_goes_on_and_no_hive_starts_from_it(self):
        old = self.full_hive()
        db = sqlite3.connect(os.path.join(old.dir, "state", "deia.db"))
        db.executemany("INSERT INTO events (at, type, subject, data) VALUES "
                       "(1, 'x', 'y', ?)", [("{}" * 50,)] * 300000)
        db.commit()
        db.close()
        new = self.new_hive("to")
        argv = [DEIA, "migrate", "copy", "--from", old.dir, "--to", new.dir]
        target = os.path.join(new.dir, "state", "deia.db-wal")
        with subprocess.Popen(argv, env=self.env, cwd=self.dir,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as copy:
            while copy.poll() is None:
                if (os.path.exists(target)
                        and os.path.getsize(target) > 500000):
                    copy.kill()
                    break
                select.select([], [], [], 0.005)
            self.assertEqual(copy.wait(30), -signal.SIGKILL)
        done = subprocess.run(
            [new.deiad, "--dir", new.dir, "--port", "0"], env=new.env,
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("was begun and not ended", done.stderr)
        p = self.deia(*argv[1:], check=0)
        found = re.search(r"went on behind (\d+) rows", p.err)
        self.assertGreater(int(found.group(1)), 0)
        new.start()
        new.must("GET", "/bots/BOT-001")


if __name__ == "__main__":
    unittest.main()
