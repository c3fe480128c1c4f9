# SPDX-License-Identifier: MIT
"""Starting and ending, signals, shortage of descriptors, a taken port."""

import json
import os
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

import raw
from hive import WAIT_SECONDS, Hive, Stream, program


def refused(hive, *args):
    """Runs deiad where it must refuse to start; its stderr."""
    done = subprocess.run(
        [program(hive.build, "deiad"), "--dir", hive.dir, *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=60, env=hive.env,
        check=False)
    return done


class Life(unittest.TestCase):
    def hive(self, *args, **more):
        hive = Hive(*args, **more)
        self.addCleanup(hive.__exit__)
        return hive

    def test_stdout_has_two_lines_and_the_run_file_is_there(self):
        hive = self.hive().start()
        link = hive.process.stdout.readline()
        self.assertRegex(link, r"^sign in: " + hive.url + "/#code=")
        path = os.path.join(hive.dir, "state/run/deiad.json")
        with open(path, encoding="utf-8") as f:
            run = json.load(f)
        self.assertEqual((run["pid"], run["url"]),
                         (hive.process.pid, hive.url))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        code = link.strip().rpartition("=")[2]
        token = hive.must("POST", "/auth/login", {"code": code})["token"]
        hive.token = token
        self.assertEqual(hive.must("GET", "/auth/whoami")["role"], "admin")
        self.assertEqual(
            hive.call("POST", "/auth/login", {"code": code})[0], 401)
        hive.must("POST", "/auth/logout")
        self.assertEqual(hive.call("GET", "/auth/whoami")[0], 401)
        hive.process.send_signal(signal.SIGTERM)
        self.assertEqual(hive.process.stdout.read(), "")
        self.assertEqual(hive.process.wait(60), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_taken_port_names_its_holder_and_the_way_out(self):
        hive = self.hive().start()
        other = self.hive()
        done = refused(other, "--port", str(hive.port))
        self.assertEqual(done.returncode, 1)
        for word in (f"port {hive.port}", f"pid {hive.process.pid}",
                     "already", "--port 0"):
            self.assertIn(word, done.stderr)
        with socket.create_server(("127.0.0.1", 0)) as mine:
            done = refused(other, "--port", str(mine.getsockname()[1]))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"pid {os.getpid()}", done.stderr)
            self.assertIn("--port", done.stderr)

    def test_wrong_settings_are_refused_with_a_sentence(self):
        hive = self.hive()
        for args, word in ((("--host", "0.0.0.0"), "allow_remote"),
                           (("--port", "99999"), "65535"),
                           (("--log-level", "loud"), "debug"),
                           (("--set", "server.prot=1"), "server.port")):
            done = refused(hive, *args)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(word, done.stderr, args)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(refused(hive, "--what").returncode, 2)

    def test_reload_takes_the_level_and_names_what_needs_a_restart(self):
        hive = self.hive().start()
        with open(os.path.join(hive.dir, "config.yaml"), "w",
                  encoding="utf-8") as f:
            f.write("logging:\n  level: debug\n  format: json\n"
                    "server:\n  max_connections: 1234\n"
                    "  allowed_hosts: [name.example]\n")
        with hive.stream("GET", "/events") as events:
            hive.process.send_signal(signal.SIGHUP)
            hive.launch("BOT-1")
            next(iter(events))
        answer = raw.send(hive.port, b"GET /health HTTP/1.1\r\nHost: "
                          b"name.example\r\nConnection: close\r\n\r\n")
        self.assertEqual(answer.status, 200)
        self.assertEqual(hive.stop(), 0)
        self.assertIn("server.max_connections changed: that needs a restart", hive.log())
        self.assertIn('"url.path":"/health"', hive.log())
        self.assertNotIn(hive.token, hive.log())

    def test_settings_of_mail_count_at_once_after_a_reload(self):
        hive = self.hive().start()
        hive.launch("BOT-1")
        hive.must("POST", "/messages", {"to": "BOT-1", "content": "x"})
        with open(os.path.join(hive.dir, "config.yaml"), "w",
                  encoding="utf-8") as f:
            f.write("messages:\n  inbox_length: 1\n  journal_content: true\n")
        with hive.stream("GET", "/events") as events:
            hive.process.send_signal(signal.SIGHUP)
            hive.launch("BOT-2")
            next(iter(events))
        status, problem = hive.call("POST", "/messages", {
            "to": "BOT-1", "content": "y"})[:2]
        self.assertEqual((status, problem["code"]), (429, "busy"))
        hive.must("POST", "/messages", {"to": "BOT-2", "content": "shown"})
        self.assertEqual(hive.stop(), 0)
        self.assertIn("messages.inbox_length changed", hive.log())
        with open(os.path.join(hive.dir, "bot-logs", "bot-messaging.jsonl"),
                  encoding="utf-8") as journal:
            lines = [json.loads(line) for line in journal]
        self.assertNotIn("content", lines[0])
        self.assertIn("shown", [line.get("content") for line in lines])

    def test_stopping_lets_a_turn_finish_and_refuses_new_work(self):
        hive = self.hive().start()
        hive.launch("BOT-1")
        hive.wait_state("BOT-1", "ready")
        answers = []
        with raw.connect(hive.port) as kept:
            head = (f"GET /api/v1/bots HTTP/1.1\r\nHost: 127.0.0.1:{hive.port}"
                    f"\r\nAuthorization: Bearer {hive.token}\r\n\r\n").encode()
            kept.sendall(head)
            self.assertEqual(raw.read_one(kept).status, 200)
            with hive.stream("GET", "/events") as events:
                talk = threading.Thread(
                    target=lambda: answers.append(hive.say("BOT-1", "hi")))
                talk.start()
                for name, _, _ in events:
                    if name == "chat.message":
                        break
                hive.process.send_signal(signal.SIGTERM)
                names = [e for e, _, _ in events]
                self.assertIn("shutdown", names)
            talk.join()
            self.assertEqual(raw.read_all(kept), b"")
        self.assertEqual(answers[0]["content"], "hi")
        self.assertEqual(hive.process.wait(60), 0)
        hive.process.stdout.close()

    def test_a_second_signal_ends_at_once(self):
        hive = self.hive(args=("--set", "server.drain_timeout_seconds=500"))
        hive.start()
        with raw.connect(hive.port) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\n")
            hive.process.send_signal(signal.SIGTERM)
            hive.process.send_signal(signal.SIGTERM)
            self.assertIn(hive.process.wait(60), (0, 128 + signal.SIGTERM))
        hive.process.stdout.close()

    def test_without_descriptors_it_says_so_and_recovers(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        hive = self.hive()
        hive.env["DEIA_TEST"] = "1"
        deiad = program(hive.build, "deiad")
        hive.process = subprocess.Popen(
            ["prlimit", "--nofile=64:64", deiad, "--dir", hive.dir, "--port",
             "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open(hive.log_path, "ab"), text=True, env=hive.env)
        hive.port = int(hive.process.stdout.readline().rpartition(":")[2])
        self.assertGreater(hard, 64)
        get = (f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{hive.port}"
               "\r\n\r\n").encode()
        socks = [raw.connect(hive.port) for _ in range(150)]
        seen = set()
        for sock in socks:
            try:
                sock.sendall(get)
            except ConnectionError:
                pass
        for sock in socks[:20]:
            try:
                seen.add(raw.read_one(sock).status)
            except ConnectionError:
                pass
        for sock in socks:
            sock.close()
        self.assertTrue(seen & {200, 503}, seen)
        with raw.connect(hive.port, 30) as sock:
            sock.sendall(get)
            self.assertEqual(raw.read_one(sock).status, 200)
        self.assertEqual(hive.stop(), 0)


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive().__enter__()
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.launch("BOT-1")
        cls.hive.wait_state("BOT-1", "ready")

    def test_events_go_on_after_the_last_one_seen(self):
        self.hive.say("BOT-1", "one")
        with self.hive.stream("GET", "/events?after=0") as events:
            start, first = [e for e, _ in zip(events, range(2))]
        self.assertEqual((start[0], start[2]), ("open", "0"))
        self.assertGreaterEqual(start[1]["last_seq"], int(first[2]))
        self.assertEqual(first[1]["seq"], int(first[2]))
        with self.hive.stream("GET", f"/events?after={first[2]}") as events:
            start, second = [e for e, _ in zip(events, range(2))]
        self.assertEqual(start[2], first[2])
        self.assertEqual(int(second[2]), int(first[2]) + 1)

    def test_a_turn_that_has_ended_is_not_interrupted(self):
        self.hive.say("BOT-1", "short")
        line = self.hive.lines("BOT-1")[-2]
        self.assertEqual(line["role"], "user")
        status, problem = self.hive.call(
            "POST", "/bots/BOT-1/interrupt", {"id": line["id"]})
        self.assertEqual((status, problem["code"]), (404, "not_found"))
        status, problem = self.hive.call(
            "POST", "/bots/BOT-1/interrupt", {"id": "short"})
        self.assertEqual(status, 422)
        self.hive.must("POST", "/bots/BOT-1/interrupt", {})
        self.hive.must("POST", "/bots/BOT-1/interrupt")

    def test_chat_as_a_stream_is_accepted_chunk_done(self):
        with self.hive.stream("POST", "/bots/BOT-1/chat",
                              {"content": "a\u2028b\n"}) as events:
            got = list(events)
        self.assertEqual([e for e, _, _ in got], ["accepted", "chunk", "done"])
        self.assertEqual(got[2][1]["content"], "a\u2028b\n")

    def test_a_client_that_leaves_does_not_stop_the_turn(self):
        with self.hive.stream("POST", "/bots/BOT-1/chat",
                              {"content": "leaving"}) as events:
            next(iter(events))
        def kept():
            lines = self.hive.lines("BOT-1")
            return any(x["role"] == "assistant" and x["content"] == "leaving"
                       for x in lines)
        self.hive.wait(kept)

    def test_streams_per_identity_are_limited(self):
        made = self.hive.must("POST", "/tokens",
                              {"name": "many", "role": "viewer"})
        admin, self.hive.token = self.hive.token, made["token"]
        streams = []
        try:
            streams = [self.hive.stream("GET", "/events") for _ in range(32)]
            self.assertEqual(self.hive.call("GET", "/events")[0], 429)
        finally:
            self.hive.token = admin
            for stream in streams:
                stream.close()

    def test_a_revoked_token_ends_its_streams(self):
        made = self.hive.must("POST", "/tokens",
                              {"name": "brief", "role": "viewer"})
        admin, self.hive.token = self.hive.token, made["token"]
        try:
            stream = self.hive.stream("GET", "/events")
        finally:
            self.hive.token = admin
        self.hive.must("DELETE", f"/tokens/{made['id']}")
        with stream as events:
            last = list(events)[-1]
        self.assertEqual((last[0], last[1]["status"]), ("error", 401))

    def test_logs_are_followed(self):
        with Stream(self.hive, "GET", "/api/v1/bots/BOT-1/logs?follow=1") \
                as events:
            self.hive.must("POST", "/bots/BOT-1/restart")
            name, data, _ = next(iter(events))
            self.assertEqual(name, "line")
            self.assertIn("line", data)

    def test_one_that_waits_for_nobody_takes_no_chat_until_it_can_start(self):
        self.hive.launch("NEEDY", depends_on=["NEEDED"])
        status, problem = self.hive.call("POST", "/bots/NEEDY/chat",
                                         {"content": "hello"})
        self.assertEqual(status, 409, problem)
        self.assertIn("waiting for NEEDED, which does not exist",
                      problem["detail"])
        self.hive.launch("NEEDED")
        self.hive.wait_state("NEEDY", "ready")
        self.assertEqual(self.hive.say("NEEDY", "hello")["content"], "hello")

    def test_a_flood_on_stderr_is_cut_and_its_end_is_known(self):
        flood = ("echo '{\"type\":\"ready\"}'; "
                 "yes 'much too much of it' | head -c 40000000 >&2; "
                 "echo last words >&2; exit 3")
        self.hive.must("POST", "/bots", {
            "id": "FLOOD", "adapter": "process",
            "argv": ["sh", "-c", flood], "restart": {"policy": "never"}})
        info = self.hive.wait_state("FLOOD", "failed")
        self.assertEqual(info["state_reason"],
                         "exited with 3; it last said: last words")
        folder = os.path.join(self.hive.dir, "bot-logs")
        names = [n for n in os.listdir(folder) if n.startswith("FLOOD.log")]
        sizes = [os.path.getsize(os.path.join(folder, n)) for n in names]
        self.assertLess(sum(sizes), 36 << 20)
        def said():
            log = self.hive.must("GET", "/bots/FLOOD/logs?tail=20")["items"]
            return [x for x in log if "left out" in x]
        # It is written a moment later, and no event tells of it.
        limit = time.monotonic() + WAIT_SECONDS
        found = said()
        while not found and time.monotonic() < limit:
            found = said()
        self.assertIn("lines (", found[0])

    def test_export_can_be_imported(self):
        for n in range(40):
            self.hive.say("BOT-1", f"line {n}")
        out = self.hive.must("GET", "/bots/BOT-1/chat/export")
        lines = self.hive.lines("BOT-1")
        self.assertEqual([x["id"] for x in out["items"]],
                         [x["id"] for x in lines])
        made = self.hive.must("POST", "/bots/BOT-1/chat/import", out)
        page = self.hive.must("GET", "/bots/BOT-1/chat?limit=1000&conversation="
                              + made["id"])
        self.assertEqual([x["content"] for x in page["items"]],
                         [x["content"] for x in lines[::-1]])
        text = self.hive.must("GET", "/bots/BOT-1/chat/export?format=txt")
        self.assertIn("admin:\nline 39\n", text)


if __name__ == "__main__":
    unittest.main()
