# SPDX-License-Identifier: MIT
"""Bytes to and from a server, for requests that no client would send."""

import json
import socket


class Answer:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ", 2)
        self.status = int(parts[1]) if len(parts) > 1 else 0
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def json(self):
        return json.loads(self.body)


def connect(port, timeout=20):
    return socket.create_connection(("127.0.0.1", port), timeout)


def read_all(sock):
    """What comes until the other side closes."""
    data = b""
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                break
            data += piece
    except ConnectionError:
        pass
    return data


def read_one(sock):
    """One answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return Answer(data)
        data += piece
    answer = Answer(data)
    want = int(answer.headers.get("content-length", 0))
    while len(answer.body) < want:
        piece = sock.recv(65536)
        if not piece:
            break
        answer.body += piece
    return answer


def send(port, data):
    """One request on a connection of its own, read until it is closed."""
    with connect(port) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            pass
        return Answer(read_all(sock))
