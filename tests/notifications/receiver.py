"""A real HTTP server on loopback that keeps what it was sent and answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Receiver:
    """What came, and what is answered next: bytes, or something to do with the connection."""

    port: int
    answers: list[bytes | Callable[[socket.socket], None]] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook?key=1"

    def answer(self, connection: socket.socket) -> None:
        """Read one request and answer it."""
        head, body = _request(connection)
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.requests.append(({"": lines[0], **{k.lower(): v for k, v in fields.items()}}, body))
        wanted = self.answers.pop(0) if self.answers else OK
        if callable(wanted):
            wanted(connection)
        else:
            connection.sendall(wanted)


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver for the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = Receiver(server.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(server, receiver, tls), daemon=True)
        thread.start()
        yield receiver
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def drip(connection: socket.socket) -> None:
    """Answer one byte at a time, for as long as anybody listens."""
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def flood(connection: socket.socket) -> None:
    """Send headers without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(10_000):
        connection.sendall(b"X-More: " + b"y" * 1_000 + b"\r\n")


def hang_up(connection: socket.socket) -> None:
    """Say nothing and close."""


def _serve(server: socket.socket, receiver: Receiver, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        with plain:
            try:
                if tls is None:
                    receiver.answer(plain)
                else:
                    with tls.wrap_socket(plain, server_side=True) as connection:
                        receiver.answer(connection)
            except OSError:
                # The other side has had enough.
                continue


def _request(connection: socket.socket) -> tuple[bytes, bytes]:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionResetError
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head, body
