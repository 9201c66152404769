"""Readings over WebSocket, beside a lean loop that asks nothing and stores the same rows.

    python -m benchmarks.websocket_ingest [--backend embedded|production] [--seconds N] [--rounds N]

50 devices send telemetry frames without waiting for each answer, up to 256 readings (400 in
batches) ahead of the last acknowledgement; what counts is acknowledged readings. The product holds
sessions, decodes strictly, stores each reading once and fences replaced sessions in the same
transaction; the limit (raw_socket_server) does none of that. Both run under the same server
settings and acknowledge after the COMMIT; they take turns. Aim: at least 50 % of the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import re
import struct
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

SOCKETS = 50
AIM = 0.5
# Sessions that begin look for commands; that is not what is measured.
_SETTLE_SECONDS = 0.5
# Nine digits from the first to the last.
_FIRST_SEQ = 100_000_000
_ACKED = re.compile(rb'"telemetry_ack"[^}]*"acked_seq":(\d+)')
_NAMES = (
    "cpu_percent", "memory_percent", "disk_percent", "network_rx_bytes", "network_tx_bytes",
    "temperature_celsius",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A way of sending: readings in a frame, frames written at once, readings that may wait."""

    title: str
    readings: int
    frames: int
    ahead: int


KINDS = (Kind("one reading a frame", 1, 64, 256), Kind("100 readings a frame", 100, 1, 400))


@dataclass(frozen=True)
class Target:
    """Where to connect, and the headers with which each socket does."""

    port: int
    headers: Sequence[str]


def _frames(kind: Kind, boot: int) -> bytes:
    """What is written at once, with a place for each number; masked by zeros, as it may be."""
    dice = random.Random(1)
    made = [
        b'{"seq":%%d,"at":"2026-11-21T09:%02d:%02d.125Z","metrics":{%s}}'
        % (place // 60, place % 60, b",".join(_metric(name, dice) for name in _NAMES))
        for place in range(kind.readings)
    ]
    head = b'{"type":"telemetry","boot_id":"boot-%09d",' % boot
    text = head + (made[0][1:] if kind.readings == 1 else b'"readings":[%s]}' % b",".join(made))
    length = len(text.replace(b"%d", b"%09d" % 0))
    frame = struct.pack(">BBH", 0x81, 0x80 | 126, length) + bytes(4)
    return (frame.replace(b"%", b"%%") + text) * kind.frames


def _metric(name: str, dice: random.Random) -> bytes:
    return b'"%s":%.2f' % (name.encode(), dice.uniform(0, 100))


class _Board(asyncio.Protocol):
    """A socket that sends as far ahead as it may until it is told to stop."""

    def __init__(self, kind: Kind, boot: int, header: str) -> None:
        self._kind = kind
        self._at_once = kind.readings * kind.frames
        self._frames = _frames(kind, boot)
        self._header = header
        self._tail = b""
        self._next = self._acked = _FIRST_SEQ
        self._is_over = False
        loop = asyncio.get_running_loop()
        self.welcomed, self.done = loop.create_future(), loop.create_future()

    @property
    def acknowledged(self) -> int:
        """How many readings the server has answered for."""
        return self._acked - _FIRST_SEQ

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(  # type: ignore[attr-defined]
            f"GET /ws/device HTTP/1.1\r\nHost: {LOOPBACK}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{self._header}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        # An acknowledgement may come in two pieces.
        text = self._tail + data
        self._tail = text[-128:]
        if b'"error"' in text or text.startswith(b"HTTP/1.1 4"):
            self._fail(text.decode(errors="replace"))
            return
        for acked in _ACKED.findall(text):
            self._acked = max(self._acked, int(acked) + 1)
        if not self.welcomed.done():
            if b'"welcome"' in text:
                self.welcomed.set_result(None)
        elif not self._is_over:
            self.send()
        elif self._acked == self._next and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the server hung up")

    def finish(self) -> None:
        """Send no more; `done` once everything is acknowledged."""
        self._is_over = True
        if self._acked == self._next and not self.done.done():
            self.done.set_result(None)

    def send(self) -> None:
        """Send as far ahead as it may."""
        while self._next + self._at_once - self._acked <= self._kind.ahead:
            numbers = tuple(range(self._next, self._next + self._at_once))
            self._transport.write(self._frames % numbers)  # type: ignore[attr-defined]
            self._next += self._at_once

    def _fail(self, why: str) -> None:
        for waiting in (self.welcomed, self.done):
            if not waiting.done():
                waiting.set_exception(RuntimeError(why))


async def _rate(target: Target, kind: Kind, boots: Iterator[int], seconds: float) -> float:
    """Readings a second that were acknowledged."""
    loop = asyncio.get_running_loop()
    opened = []
    for number in range(SOCKETS):
        header = target.headers[number % len(target.headers)]
        make = lambda header=header: _Board(kind, next(boots), header)  # noqa: E731
        opened.append(await loop.create_connection(make, LOOPBACK, target.port))
    boards = [board for _, board in opened]
    await asyncio.gather(*(board.welcomed for board in boards))
    await asyncio.sleep(_SETTLE_SECONDS)
    for board in boards:
        board.send()
    began = time.perf_counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(asyncio.shield(board.done) for board in boards))
    for board in boards:
        board.finish()
    await asyncio.gather(*(board.done for board in boards))
    took = time.perf_counter() - began
    for transport, _ in opened:
        transport.close()
    return sum(board.acknowledged for board in boards) / took


async def measure(backend: str, seconds: float, rounds: int) -> None:
    """Measure one backend and print its figures."""
    with installed(backend) as installation, tempfile.TemporaryDirectory() as folder:
        installation.product.start()
        household = await Household.move_in(installation.product, boards=0, relays=0)
        await household.furnish_site(SOCKETS)
        shown = [
            f"Authorization: Bearer {board.token}\r\nX-Device-ID: {board.uid}\r\n"
            for board in household.boards
        ]
        product = Target(installation.product.port, shown)
        with serving("benchmarks.raw_socket_server", _beside(installation, folder)) as child:
            limit = Target(child.port, [""])
            say(f"\n{installation.title}")
            rows: list[tuple[str, ...]] = [("readings/s, one process", "limit", "product", "ratio")]
            for kind in KINDS:
                rows.append(await _in_turns(limit, product, kind, seconds, rounds))
            table(rows)


async def _in_turns(
    limit: Target, product: Target, kind: Kind, seconds: float, rounds: int
) -> tuple[str, ...]:
    boots = itertools.count(kind.readings * 10**6)
    for target in (limit, product):
        await _rate(target, kind, boots, min(1.0, seconds))
    rates: dict[int, list[float]] = {limit.port: [], product.port: []}
    for _ in range(rounds):
        for target in (limit, product):
            rates[target.port].append(await _rate(target, kind, boots, seconds))
    at_most, reached = median(rates[limit.port]), median(rates[product.port])
    ratio = reached / at_most
    verdict = f"{ratio:.2f} (aim {AIM}: {'met' if ratio >= AIM else 'NOT met'})"
    return (kind.title, f"{at_most:,.0f}", f"{reached:,.0f}", verdict)


def _beside(installation: Installation, folder: str) -> str:
    """A database for the limit on the same server or disk."""
    if installation.postgres is not None:
        return installation.postgres.url("postgres")
    return str(Path(folder) / "raw.sqlite3")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="websocket_ingest", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    chosen = parser.parse_args(arguments)
    heading("Readings over WebSocket")
    for backend in [chosen.backend] if chosen.backend else BACKENDS:
        asyncio.run(measure(backend, chosen.seconds, chosen.rounds))


if __name__ == "__main__":
    main()
