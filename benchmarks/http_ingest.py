"""Readings over HTTP, beside a bare application that asks nothing and stores the same rows.

    python -m benchmarks.http_ingest [--backend embedded|production] [--seconds N] [--rounds N]

Devices on kept connections send as fast as they are answered: batches of 100 readings of six
numbers, and single readings. The product authenticates each call, decodes strictly, gives every
reading a verdict, stores it once and notes the device as heard; the limit (raw_ingest_server) does
none of that. Both run under the same server settings and commit groups; they take turns.
Aims: batches at least 50 % of the limit, singles at least 60 %.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child_process import serving
from benchmarks.household import Household
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, median, say, table
from tests.server_process import LOOPBACK

PATH = "/api/v1/analytics/device-metrics"
_NAMES = (
    "cpu_percent", "memory_percent", "disk_percent", "network_rx_bytes", "network_tx_bytes",
    "temperature_celsius",
)  # fmt: skip
# Of the same length for as long as it is counted on.
_FIRST_SEQ = 10**9


@dataclass(frozen=True)
class Kind:
    """A way of sending: so many readings in a body, over so many connections."""

    title: str
    readings: int
    connections: int
    aim: float


KINDS = (Kind("batches of 100", 100, 16, 0.5), Kind("single readings", 1, 64, 0.6))


@dataclass(frozen=True)
class Target:
    """Where to send, and the headers with which each connection sends."""

    port: int
    headers: Sequence[str]


def _pieces(readings: int) -> list[bytes]:
    """A body, cut where the numbers of its readings go."""
    dice = random.Random(1)
    made = [
        {
            "seq": _FIRST_SEQ,
            "at": f"2026-11-21T09:{place // 60:02}:{place % 60:02}.125Z",
            "metrics": {name: round(dice.uniform(0, 100), 2) for name in _NAMES},
        }
        for place in range(readings)
    ]
    whole = {
        "boot_id": "a-boot-of-the-device",
        **(made[0] if readings == 1 else {"readings": made}),
    }
    return json.dumps(whole, separators=(",", ":")).encode().split(str(_FIRST_SEQ).encode())


class _Sender(asyncio.Protocol):
    """One kept connection that sends the next request as soon as the last is answered."""

    def __init__(
        self, head: bytes, pieces: list[bytes], numbers: Iterator[int], is_over: asyncio.Event
    ) -> None:
        self._head, self._pieces, self._numbers = head, pieces, numbers
        self._is_over = is_over
        self._answer = b""
        self.done = asyncio.get_running_loop().create_future()
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        if b" 202 " not in head[:20]:
            self.done.set_exception(RuntimeError(self._answer.decode()))
            return
        self._answer = b""
        self.answered += 1
        if self._is_over.is_set():
            self.done.set_result(None)
            return
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError("the server hung up"))

    def _send(self) -> None:
        first, *rest = self._pieces
        body = b"".join(b"%d%s" % (next(self._numbers), piece) for piece in rest)
        self._transport.write(self._head + first + body)  # type: ignore[attr-defined]


async def _rate(
    target: Target, kind: Kind, numbers: Sequence[Iterator[int]], seconds: float
) -> float:
    """Readings a second that were acknowledged; each device counts its own on."""
    pieces = _pieces(kind.readings)
    length = sum(map(len, pieces)) + kind.readings * len(str(_FIRST_SEQ))
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()
    senders = []
    began = time.perf_counter()
    for number in range(kind.connections):
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {LOOPBACK}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n{target.headers[number % len(target.headers)]}\r\n"
        ).encode()
        counter = numbers[number]
        make = lambda head=head, counter=counter: _Sender(head, pieces, counter, is_over)  # noqa: E731
        transport, sender = await loop.create_connection(make, LOOPBACK, target.port)
        senders.append((transport, sender))
    await asyncio.wait([sender.done for _, sender in senders], timeout=seconds)
    is_over.set()
    await asyncio.gather(*(sender.done for _, sender in senders))
    took = time.perf_counter() - began
    for transport, _ in senders:
        transport.close()
    return sum(sender.answered for _, sender in senders) * kind.readings / took


async def measure(backend: str, seconds: float, rounds: int) -> None:
    """Measure one backend and print its figures."""
    with installed(backend) as installation, tempfile.TemporaryDirectory() as folder:
        installation.product.start()
        household = await Household.move_in(installation.product, boards=0, relays=0)
        await household.furnish_site(max(kind.connections for kind in KINDS))
        shown = [
            f"X-Device-ID: {board.uid}\r\nX-API-Key: {board.token}\r\n"
            for board in household.boards
        ]
        product = Target(installation.product.port, shown)
        with serving("benchmarks.raw_ingest_server", _beside(installation, folder)) as child:
            limit = Target(child.port, [""])
            say(f"\n{installation.title}")
            rows: list[tuple[str, ...]] = [("readings/s, one process", "limit", "product", "ratio")]
            for kind in KINDS:
                rows.append(await _in_turns(limit, product, kind, seconds, rounds))
            table(rows)


async def _in_turns(
    limit: Target, product: Target, kind: Kind, seconds: float, rounds: int
) -> tuple[str, ...]:
    # Of a range of its own for each kind: the devices are the same.
    start = _FIRST_SEQ * (1 + KINDS.index(kind))
    numbers = [itertools.count(start) for _ in range(kind.connections)]
    for target in (limit, product):
        await _rate(target, kind, numbers, min(1.0, seconds))
    rates: dict[int, list[float]] = {limit.port: [], product.port: []}
    for _ in range(rounds):
        for target in (limit, product):
            rates[target.port].append(await _rate(target, kind, numbers, seconds))
    at_most, reached = median(rates[limit.port]), median(rates[product.port])
    ratio = reached / at_most
    verdict = f"{ratio:.2f} (aim {kind.aim}: {'met' if ratio >= kind.aim else 'NOT met'})"
    return (kind.title, f"{at_most:,.0f}", f"{reached:,.0f}", verdict)


def _beside(installation: Installation, folder: str) -> str:
    """A database for the limit on the same server or disk."""
    if installation.postgres is not None:
        return installation.postgres.url("postgres")
    return str(Path(folder) / "raw.sqlite3")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="http_ingest", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    chosen = parser.parse_args(arguments)
    heading("Readings over HTTP")
    for backend in [chosen.backend] if chosen.backend else BACKENDS:
        asyncio.run(measure(backend, chosen.seconds, chosen.rounds))


if __name__ == "__main__":
    main()
