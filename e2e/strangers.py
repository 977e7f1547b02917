"""Clients that do a server no good: they send half a request, never read, or leave before they are answered."""

from __future__ import annotations

import contextlib
import resource
import socket
from urllib.parse import urlsplit


def allow_files(count: int) -> None:
    """Lets this process open so many files, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard))


class Strangers:
    """Their connections, until the block ends."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self.open: list[socket.socket] = []

    def __enter__(self) -> Strangers:
        return self

    def __exit__(self, *_) -> None:
        for one in self.open:
            one.close()

    def connected(self, receive_bytes: int | None = None) -> socket.socket:
        one = socket.socket()
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        one.settimeout(60)
        one.connect(self.address)
        return one

    def half_open(self, count: int) -> None:
        """Send the beginning of a request, and nothing more."""
        for _ in range(count):
            one = self.connected()
            one.sendall(b"GET /api")
            self.open.append(one)

    def never_reading(self, path: str, count: int) -> None:
        """Ask for an answer, and never read it."""
        for _ in range(count):
            one = self.connected(receive_bytes=4096)
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n\r\n".encode())
            self.open.append(one)

    def leaving(self, path: str, count: int) -> None:
        """Ask, and close the connection at once."""
        for _ in range(count):
            with contextlib.closing(self.connected()) as one:
                one.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n\r\n".encode())
