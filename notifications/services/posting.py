"""One POST to a stranger's server: to an address that was checked, within a time, reading little."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from notifications import webhook_addresses
from notifications.webhook_addresses import Address, AddressRefused, Rules, Target

RESOLVE_S: Final = 5.0
CONNECT_S: Final = 5.0
TOTAL_S: Final = 15.0
# Names that are being resolved at once, those that were given up among them.
_MOST_RESOLVING: Final = 64
_room = threading.BoundedSemaphore(_MOST_RESOLVING)
# Status and headers; of the body nothing is read.
MOST_READ: Final = 16_384
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_INTERIM: Final = range(100, 200)
Resolve = Callable[[str, int], Sequence[Address]]


class NoAnswer(Exception):
    """The server was not reached, or said nothing that HTTP has; the text says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, as far as it matters."""

    status: int
    retry_after: str = ""


def post(
    *,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    rules: Rules,
    resolve: Resolve | None = None,
) -> Answer:
    """Send the body there and return the status; redirects are an answer like any other.

    The name is resolved once and the connection goes to what was checked. Raises AddressRefused,
    and NoAnswer.
    """
    deadline = time.monotonic() + TOTAL_S
    target = webhook_addresses.parse(url, rules)
    addresses = (resolve or resolved)(target.host, target.port)
    webhook_addresses.require_allowed(addresses, rules)
    try:
        with _connected(addresses, target, deadline) as connection:
            connection.sendall(_request(target, headers, body))
            return _answer(connection, deadline)
    except ssl.SSLCertVerificationError:
        raise NoAnswer("Its certificate is not valid.") from None
    except TimeoutError:
        raise NoAnswer("It did not answer in time.") from None
    except OSError:
        # No more than that: how a connection fails tells of networks.
        raise NoAnswer("It could not be reached.") from None


def resolved(host: str, port: int) -> Sequence[Address]:
    """Every address of the name. Raises NoAnswer.

    The system's resolver has no deadline: it is asked on a thread that is left to itself when it
    takes too long, so that a name server of a stranger's holds up nobody.
    """
    late = NoAnswer("Its name could not be resolved in time.")
    if not _room.acquire(timeout=RESOLVE_S):
        raise late
    answers: SimpleQueue[Sequence[Address] | None] = SimpleQueue()
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        found = answers.get(timeout=RESOLVE_S)
    except Empty:
        raise late from None
    if found is None:
        raise NoAnswer("Its name could not be resolved.")
    return found


def _look_up(host: str, port: int, answers: SimpleQueue[Sequence[Address] | None]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put([ipaddress.ip_address(entry[4][0]) for entry in found])
    except (OSError, ValueError):
        answers.put(None)
    finally:
        _room.release()


def _connected(addresses: Sequence[Address], target: Target, deadline: float) -> socket.socket:
    last: OSError = OSError("no address")
    for address in addresses[:2]:
        wait = min(CONNECT_S, _left(deadline))
        try:
            plain = socket.create_connection((str(address), target.port), timeout=wait)
        except OSError as error:
            last = error
            continue
        if not target.is_tls:
            return plain
        try:
            plain.settimeout(min(CONNECT_S, _left(deadline)))
            # The name is in the handshake and in the certificate, the address only below it.
            return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise
    raise last


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host_header}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("ascii") + body


def _answer(connection: socket.socket, deadline: float) -> Answer:
    read = b""
    while True:
        head, found, rest = read.partition(b"\r\n\r\n")
        if found:
            answer = _parsed(head + b"\r\n")
            if answer.status not in _INTERIM:
                return answer
            read = rest
            continue
        if len(read) > MOST_READ:
            raise NoAnswer("Its answer has too many headers.")
        connection.settimeout(_left(deadline))
        piece = connection.recv(4_096)
        if not piece:
            raise NoAnswer("It closed the connection without an answer.")
        read += piece


def _parsed(head: bytes) -> Answer:
    found = _STATUS.match(head)
    if found is None:
        raise NoAnswer("Its answer is not HTTP.")
    fields = (line.partition(b":") for line in head[found.end() :].splitlines())
    asked = [value for name, _, value in fields if name.strip().lower() == b"retry-after"]
    return Answer(int(found[1]), asked[0].strip().decode("latin-1")[:40] if asked else "")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


__all__ = ["AddressRefused", "Answer", "NoAnswer", "post", "resolved"]
