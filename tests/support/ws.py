# SPDX-License-Identifier: MIT
"""A WebSocket client on a bare socket, so that a test can break the rules."""

import base64
import hashlib
import json
import os
import socket
import struct

from hive import WAIT_SECONDS

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """The handshake was answered with another status."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status} {body}")
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The other side closed, and said so (code None: it did not)."""

    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


def frame(opcode, payload, mask=True, fin=True, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


class Socket:
    def __init__(self, hive, token=None, protocol="deia.v1", path="/ws",
                 headers=None, early=b""):
        self.sock = socket.create_connection(("127.0.0.1", hive.port))
        self.sock.settimeout(WAIT_SECONDS)
        self.data = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": f"127.0.0.1:{hive.port}", "Upgrade": "websocket",
                 "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                 "Sec-WebSocket-Version": "13"}
        if token is None:
            lines["Authorization"] = f"Bearer {hive.token}"
        elif token:
            protocol = f"{protocol}, deia.token.{token}"
        if protocol:
            lines["Sec-WebSocket-Protocol"] = protocol
        lines.update(headers or {})
        text = f"GET {path} HTTP/1.1\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in lines.items() if v is not None)
        self.sock.sendall(text.encode() + b"\r\n" + early)
        self.read_head(key)

    def read_head(self, key):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        status = int(first.split()[1])
        if status != 101:
            length = int(headers.get("Content-Length", 0))
            while len(self.data) < length:
                self.more()
            self.close()
            raise Refused(status, headers, self.data.decode())
        accept = base64.b64encode(
            hashlib.sha1((key + MAGIC).encode()).digest()).decode()
        if headers["Sec-WebSocket-Accept"] != accept:
            raise AssertionError("a wrong Sec-WebSocket-Accept")
        self.headers = headers

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(None, "the connection ended")
        self.data += data

    def take(self, n):
        while len(self.data) < n:
            self.more()
        data, self.data = self.data[:n], self.data[n:]
        return data

    def read_frame(self):
        """(opcode, payload); those of a server are whole and not masked."""
        a, b = self.take(2)
        if not a & 0x80 or b & 0x80:
            raise AssertionError("a fragment, or a masked frame")
        n = b
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
        return a & 15, self.take(n)

    def read(self):
        """The next message; answers pings."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == PING:
                self.sock.sendall(frame(PONG, payload))
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else None
                raise Closed(code, payload[2:].decode())

    def read_until(self, holds):
        """All messages up to the one for which it holds."""
        found = []
        while not found or not holds(found[-1]):
            found.append(self.read())
        return found

    def send(self, **message):
        self.sock.sendall(frame(TEXT, json.dumps(message).encode()))

    def raw(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
