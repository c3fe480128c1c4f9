# SPDX-License-Identifier: MIT
"""What can happen to the Redis of a hive's cache; of test_disturb.py.

Nothing in it needs to survive: whatever happens, what deiad answers is right.
"""

import time

import redis


class Redis:
    """The part of a disturbed hive that is Redis; see disturb_postgres.py."""

    name = "redis"
    needed = False

    def __init__(self):
        self.redis = redis.Redis()
        self.back_at = None

    @staticmethod
    def missing():
        return None if redis.PROGRAM else ("Redis is not installed (Debian "
                                           "package redis-server)")

    def open(self):
        self.redis.start()
        return {"DEIA_REDIS_URL": self.redis.url}

    def close(self):
        self.redis.__exit__()

    def ways(self):
        return {"Redis killed": self.kill,
                "Redis flushed": self.flush,
                "Redis stopped by SIGSTOP": self.freeze}

    def contents(self):
        """It is never the truth."""

    def kill(self, load):
        self.redis.kill()
        load.progress()
        self.redis.start()
        self.back_at = time.monotonic()

    def flush(self, _load):
        self.redis.say("FLUSHALL")
        self.back_at = time.monotonic()

    def freeze(self, load):
        self.redis.freeze()
        try:
            load.progress()
        finally:
            self.redis.thaw()
            self.back_at = time.monotonic()
