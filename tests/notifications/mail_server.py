"""A mail server on loopback that speaks enough SMTP to take a mail, and refuses as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class MailServer:
    """What arrived, and what is answered to RCPT."""

    port: int
    answer_to_receiver: str = "250 OK"
    # Sender, receiver and what stood between DATA and the dot.
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)

    def talk(self, stream: Any) -> None:
        """Hold one conversation."""
        sender = receiver = ""

        def say(line: str) -> None:
            stream.write(line.encode("ascii") + b"\r\n")
            stream.flush()

        say("220 mail.example ESMTP")
        while line := stream.readline().decode("ascii").rstrip("\r\n"):
            verb = line.upper().split(":")[0].split(" ")[0]
            if verb == "EHLO":
                say("250 mail.example")
            elif verb == "MAIL":
                sender = line.partition(":")[2].split(" ")[0]
                say("250 OK")
            elif verb == "RCPT":
                receiver = line.partition(":")[2]
                say(self.answer_to_receiver)
            elif verb == "DATA":
                say("354 Go on")
                self.mails.append((sender, receiver, _until_dot(stream)))
                say("250 Taken")
            elif verb == "QUIT":
                say("221 Bye")
                return
            else:
                say("250 OK")


@contextmanager
def taking_mail() -> Iterator[MailServer]:
    """A mail server for the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = MailServer(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, server), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listener: socket.socket, server: MailServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as stream:
            server.talk(stream)


def _until_dot(stream: Any) -> bytes:
    lines = []
    while (line := stream.readline()) != b".\r\n":
        lines.append(line)
    return b"".join(lines)
