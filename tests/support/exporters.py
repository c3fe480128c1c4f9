# SPDX-License-Identifier: MIT
"""Prometheus' exporters, real ones on free ports, and an nginx for one of them.

    with exporter("node") as node:
        node.port
"""

import http.client
import os
import select
import shutil
import subprocess
import tempfile
import time

from redis import free_port

WAIT_SECONDS = 60
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def program(name):
    return shutil.which(f"prometheus-{name}-exporter")


class Exporter:
    """A program that listens on a port it is given, until the end."""

    def __init__(self, argv, port, env=None):
        self.argv, self.port = argv, port
        self.env = {**os.environ, **(env or {})}
        self.process = None

    def answers(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            conn.request("GET", "/metrics")
            return conn.getresponse().status == 200
        except OSError:
            return False
        finally:
            conn.close()

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + WAIT_SECONDS
        fd = os.pidfd_open(self.process.pid)
        try:
            while not self.answers():
                # Waits for its end, which would be too early.
                if (select.select([fd], [], [], 0.02)[0]
                        or time.monotonic() > limit):
                    raise AssertionError(f"{self.argv[0]} does not start")
        except BaseException:
            self.__exit__()
            raise
        finally:
            os.close(fd)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Nginx(Exporter):
    """Its /metrics is the page of counters that the exporter reads."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="deia-nginx-")
        port = free_port()
        config = os.path.join(self.dir, "nginx.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"""daemon off; master_process off; pid {self.dir}/pid;
events {{}}
http {{
	access_log off;
	client_body_temp_path {self.dir}/body;
	proxy_temp_path {self.dir}/proxy;
	fastcgi_temp_path {self.dir}/fastcgi;
	uwsgi_temp_path {self.dir}/uwsgi;
	scgi_temp_path {self.dir}/scgi;
	server {{
		listen 127.0.0.1:{port};
		location = /metrics {{ stub_status; }}
	}}
}}
""")
        super().__init__([NGINX, "-c", config, "-p", self.dir,
                          "-e", f"{self.dir}/error.log"], port)

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(self.dir, ignore_errors=True)


def exporter(name, of=None):
    """of: the address of what it reports on; none for the machine."""
    port = free_port()
    listen = f"--web.listen-address=127.0.0.1:{port}"
    more, env = [], {}
    if name == "redis":
        more = [f"--redis.addr={of}"]
    elif name == "nginx":
        more = [f"--nginx.scrape-uri={of}/metrics"]
    elif name == "postgres":
        env = {"DATA_SOURCE_NAME": of + "?sslmode=disable"}
    return Exporter([program(name), listen, *more], port, env)
