#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A private PostgreSQL cluster for tests.

    postgres.py PROGRAM [ARG...]

runs PROGRAM with DEIA_TEST_POSTGRES (a url without database name, so that
"%s/NAME" is one) and ends the cluster with it. Without PostgreSQL the program
runs all the same, with the reason in DEIA_TEST_POSTGRES_MISSING.

    with Cluster() as pg:
        url = pg.create("name")

The cluster listens on a free port of 127.0.0.1 and in its own folder, syncs to
the disk as a real one does, and belongs to an unprivileged user, since
PostgreSQL refuses to run as root.
"""

import glob
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

USER = "deia_test"
PASSWORD = "s3cret-w0rd"
WAIT_SECONDS = 60


def binaries():
    """The folder of the newest initdb, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda p: float(p.split("/")[4]))
    path = found[-1] if found else shutil.which("initdb")
    return os.path.dirname(os.path.realpath(path)) if path else None


def owner():
    """(uid, gid) to run as: our own, or an unprivileged user's for root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            continue
    return None


def missing():
    """Why there is no cluster to be had; None when there is."""
    if not binaries():
        return "PostgreSQL is not installed (Debian package postgresql)"
    if not owner():
        return "there is no unprivileged user to run PostgreSQL as"
    return None


class Cluster:
    def __init__(self, settings=None):
        self.bin = binaries()
        self.ids = owner()
        self.settings = settings or {}
        self.dir = tempfile.mkdtemp(prefix="deia-pg-")
        self.data = os.path.join(self.dir, "data")
        self.log_path = os.path.join(self.dir, "log")
        self.process = None
        self.port = 0

    def popen(self, argv, **kw):
        uid, gid = self.ids
        if os.geteuid() == 0:
            kw.update(user=uid, group=gid, extra_groups=[])
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        env["LC_ALL"] = "C"
        return subprocess.Popen(argv, cwd=self.dir, env=env,
                                stdin=subprocess.DEVNULL, **kw)

    def initdb(self):
        pwfile = os.path.join(self.dir, "password")
        with open(pwfile, "w", encoding="utf-8") as f:
            f.write(PASSWORD + "\n")
        if os.geteuid() == 0:
            os.chown(self.dir, *self.ids)
            os.chown(pwfile, *self.ids)
        p = self.popen([os.path.join(self.bin, "initdb"), "-D", self.data,
                        "-U", USER, "-A", "scram-sha-256", "--pwfile", pwfile,
                        "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
                        "--no-instructions"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
        text, _ = p.communicate(timeout=WAIT_SECONDS)
        if p.returncode:
            raise RuntimeError("initdb: " + text)

    def free_port(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    def start(self):
        if not self.port:
            self.initdb()
            self.port = self.free_port()
        settings = {"port": self.port, "listen_addresses": "127.0.0.1",
                    "unix_socket_directories": self.dir, "fsync": "on",
                    "max_connections": 60, "shared_buffers": "32MB",
                    "log_min_messages": "fatal",
                    "log_min_error_statement": "panic",
                    **self.settings}
        # It must not outlive a test that is killed.
        argv = ["setpriv", "--pdeathsig", "QUIT"]
        argv = argv if shutil.which("setpriv") else []
        argv += [os.path.join(self.bin, "postgres"), "-D", self.data]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            with open(self.log_path, "ab") as log:
                self.process = self.popen(argv, stdout=log, stderr=log)
            try:
                self.wait_ready()
                return self
            except RuntimeError:
                # After a kill -9 its children need a moment to notice.
                if (self.process.poll() is None
                        or time.monotonic() > limit
                        or "still in use" not in self.log()[-2000:]):
                    raise

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def is_ready(self):
        path = os.path.join(self.data, "postmaster.pid")
        try:
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
        except OSError:
            return False
        return (len(lines) >= 8 and lines[7].strip() == "ready"
                and int(lines[0]) == self.process.pid)

    def wait_ready(self):
        limit = time.monotonic() + WAIT_SECONDS
        fd = os.pidfd_open(self.process.pid)
        try:
            while not self.is_ready():
                # Waits for its end, which would be too early.
                if (select.select([fd], [], [], 0.02)[0]
                        or time.monotonic() > limit):
                    self.process.poll()
                    raise RuntimeError("postgres: " + self.log()[-2000:])
        finally:
            os.close(fd)

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT is "immediate": no checkpoint, as after a crash."""
        if not self.process:
            return
        self.process.send_signal(how)
        self.process.wait(WAIT_SECONDS)
        self.process = None

    def kill(self):
        """kill -9 of the postmaster; its children end by themselves."""
        self.stop(signal.SIGKILL)

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def url(self, name="", port=None):
        return (f"postgresql://{USER}:{PASSWORD}@127.0.0.1:"
                f"{port or self.port}" + (f"/{name}" if name else ""))

    def sql(self, text, database="postgres"):
        """Runs SQL; returns lines of the output, columns by |."""
        p = subprocess.run(
            [os.path.join(self.bin, "psql"), "-X", "-A", "-t", "-q", "-v",
             "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text],
            capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        if p.returncode:
            raise RuntimeError(p.stderr)
        return p.stdout.splitlines()

    def create(self, name):
        """A database of this name; returns its url."""
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url(name)


def end(*_):
    sys.exit(1)


def main(argv):
    signal.signal(signal.SIGTERM, end)
    env = dict(os.environ)
    why = missing()
    if why:
        env["DEIA_TEST_POSTGRES_MISSING"] = why
        os.execve(argv[0], argv, env)
    with Cluster() as pg:
        env["DEIA_TEST_POSTGRES"] = pg.url()
        env["DEIA_TEST_POSTGRES_PID"] = str(pg.process.pid)
        return subprocess.run(argv, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
