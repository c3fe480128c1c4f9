# SPDX-License-Identifier: MIT
"""deia migrate with PostgreSQL: a hive copied to it and back, an upgrade with a
dump before it, what is refused."""

import glob
import json
import os
import stat
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from clilib import CliCase  # noqa: E402
from hive import Hive  # noqa: E402
import postgres  # noqa: E402

BACK_TO_4 = ("DROP TABLE bot_status, store_info, nodes, message_homes, tasks, "
             "task_texts, task_keys, task_types, scheduler_pairs, scaling, "
             "scaling_decisions, alerts, health_settings; "
             "DELETE FROM store_sequences WHERE name = 'scaling_decisions'; "
             "ALTER TABLE bots DROP COLUMN node; "
             "ALTER TABLE dialogues DROP COLUMN node; "
             "ALTER TABLE messages DROP COLUMN traceparent; "
             "DELETE FROM schema_migrations WHERE version > 4; "
             "ALTER TABLE schema_migrations DROP COLUMN duration_us")


class MigratePostgres(CliCase):
    @classmethod
    def setUpClass(cls):
        why = postgres.missing()
        if why:
            raise unittest.SkipTest(why)
        cls.pg = postgres.Cluster()
        cls.pg.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.pg.__exit__(None, None, None)

    def hive(self, config=""):
        hive = Hive(config=config)
        self.addCleanup(hive.__exit__, None, None, None)
        return hive.start()

    @staticmethod
    def stop(hive):
        hive.process.terminate()
        hive.process.wait(60)

    def said(self, hive):
        items = hive.must("GET", "/bots/BOT-001/chat")["items"]
        return [i["content"] for i in items if i["role"] == "user"]

    def test_hive_goes_to_postgresql_and_back(self):
        url = self.pg.create("moved")
        old = self.hive()
        old.must("POST", "/bots", {"id": "BOT-001", "adapter": "echo"})
        old.wait_state("BOT-001", "ready")
        for n in range(3):
            old.must("POST", "/bots/BOT-001/chat", {"content": f"line {n}"})
        self.stop(old)
        p = self.deia("migrate", "copy", "--from", old.dir, "--to", url,
                      "--json", check=0)
        self.assertTrue(json.loads(p.out)["same"])
        new = self.hive(f'store:\n  url: "{url}"\n')
        new.token = old.token
        self.assertEqual(self.said(new), ["line 2", "line 1", "line 0"])
        back = os.path.join(self.dir, "back")
        p = self.deia("migrate", "copy", "--from", url, "--to", back)
        self.says(p, 5, "another deiad uses the database")
        self.assertNotIn(postgres.PASSWORD, p.out + p.err)
        new.must("POST", "/bots/BOT-001/chat", {"content": "line 3"})
        self.stop(new)
        self.deia("migrate", "copy", "--from", new.dir, "--to", back, check=0)
        self.says(self.deia("migrate", "copy", "--from", back, "--to", url),
                  5, "not empty")

    def test_hive_that_grew_out_of_its_file_is_found_and_stopped(self):
        url = self.pg.create("grown")
        hive = self.hive()
        self.stop(hive)
        self.deia("migrate", "copy", "--from", hive.dir, "--to", url, check=0)
        # The lock of the file's time is still in the folder.
        self.assertTrue(os.path.exists(os.path.join(
            hive.dir, "state", "run", "deiad.lock")))
        hive.env["DEIA_DATABASE_URL"] = url
        hive.start()
        p = self.deia("--dir", hive.dir, "stop", check=0)
        self.assertIn("has stopped", p.out + p.err)
        self.assertEqual(hive.process.wait(60), 0)

    def test_database_is_dumped_before_it_is_upgraded(self):
        url = self.pg.create("dumped")
        hive = self.hive(f'store:\n  url: "{url}"\n')
        hive.must("POST", "/bots", {"id": "BOT-001", "adapter": "echo"})
        self.stop(hive)
        self.pg.sql(BACK_TO_4, "dumped")
        p = self.deia("migrate", "status", "--dir", hive.dir, "--json",
                      check=0)
        self.assertEqual(json.loads(p.out)["items"][4]["state"], "pending")
        self.assertNotIn(postgres.PASSWORD, p.out + p.err)
        self.says(self.deia("migrate", "up", "--store", url), 1,
                  "there is no folder", "nothing was changed")
        p = self.deia("migrate", "up", "--dir", hive.dir, check=0)
        self.assertIn("copied the database to", p.err)
        files = glob.glob(os.path.join(hive.dir, "state", "backups", "*"))
        self.assertEqual(len(files), 1)
        self.assertEqual(stat.S_IMODE(os.stat(files[0]).st_mode), 0o600)
        self.assertNotIn(postgres.PASSWORD.encode(),
                         open(files[0], "rb").read())
        # deiad by itself, and without the upgrade where there is no program.
        self.pg.sql(BACK_TO_4, "dumped")
        hive.start()
        hive.must("GET", "/bots/BOT-001")
        self.assertIn("applied migration 0008", hive.log())

    def test_empty_database_is_not_found(self):
        url = self.pg.create("empty")
        self.says(self.deia("migrate", "status", "--store", url), 3,
                  "is empty")
        self.says(self.deia("migrate", "copy", "--from", url, "--to",
                            os.path.join(self.dir, "x")), 3, "is empty")


if __name__ == "__main__":
    unittest.main()
