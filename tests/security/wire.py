# SPDX-License-Identifier: MIT
"""Bytes to and from a hive's server, for what no client would send."""

import os
import socket

TIMEOUT = 20


class Wire:
    """One connection to a hive."""

    def __init__(self, hive, timeout=TIMEOUT):
        self.sock = socket.create_connection(("127.0.0.1", hive.port),
                                             timeout)
        self.rest = b""

    def send(self, data):
        """False when the other side has closed."""
        try:
            self.sock.sendall(data)
        except OSError:
            return False
        return True

    def end(self):
        """Says that nothing more comes."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def more(self):
        try:
            return self.sock.recv(65536)
        except ConnectionError:
            return b""

    def answer(self):
        """(status, headers, body) of one answer; status 0 when it closed."""
        data = self.rest
        while b"\r\n\r\n" not in data:
            piece = self.more()
            if not piece:
                return 0, {}, data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in
                   (line.partition(":") for line in lines[1:])}
        want = int(headers.get("content-length", 0))
        while len(body) < want:
            piece = self.more()
            if not piece:
                break
            body += piece
        self.rest = body[want:]
        return int(lines[0].split(" ")[1]), headers, body[:want]

    def is_closed(self):
        """Waits for the other side to close; what comes before is lost."""
        while True:
            piece = self.more()
            if not piece:
                return True

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def once(hive, data):
    """The status of the first answer to data, sent on its own connection."""
    with Wire(hive) as wire:
        wire.send(data)
        return wire.answer()[0]


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
