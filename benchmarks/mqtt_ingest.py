"""Readings over MQTT to committed rows, beside the same reader with COPY alone.

    python -m benchmarks.mqtt_ingest [--backend embedded|production] [--messages N] [--rounds N]

The broker is Mosquitto with the shipped configuration; each device is authenticated there. The
reading process is held (SIGSTOP) while devices publish at QoS 1, then let go: the time runs until
the last row is committed, so neither the publisher nor the broker's own intake is measured. The
product decodes strictly, asks of every device whether it still lives, stores once, notes presence
and tells the device what it may forget; the limit (raw_mqtt_ingest) does none of that. They take
turns. Aim: at least 50 % of the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.household import Household
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, median, say, table
from devicelink.mqtt import dynsec
from devicelink.mqtt.link import Link
from edge.mqtt.client import Address
from kernel.broker_accounts import digest_password
from tests.product import MANAGE
from tests.server_process import LOOPBACK
from tests.services import ROOT, MosquittoServer

DEVICES = 200
_NAMES = (
    "cpu_percent", "memory_percent", "disk_percent", "network_rx_bytes", "network_tx_bytes",
    "temperature_celsius",
)  # fmt: skip
_AIM = 0.5
_PATIENCE_S = 120.0
_PUBLISHED_AT_ONCE = 500


@dataclass(frozen=True)
class Kind:
    """So many readings in a message; one in `share` of the messages is enough to measure it."""

    title: str
    readings: int
    share: int


KINDS = (Kind("single readings", 1, 1), Kind("batches of 20", 20, 10))
Count = Callable[[], int]


class _Broker(MosquittoServer):
    """The shipped broker with an account that may speak for any device."""

    uid, password = "+", "benchmark"

    def prepare(self) -> None:
        digest = digest_password(self.password)
        self.write_accounts([dynsec.device_account(uid=self.uid, digest=digest)])

    @property
    def devices(self) -> Address:
        """Where devices connect."""
        return Address(LOOPBACK, self.port, False, dynsec.username_of(self.uid), self.password)


@dataclass(frozen=True)
class Target:
    """A process that reads, the broker it reads from, and how many rows it has committed."""

    pid: int
    broker: _Broker
    count: Count


class _Messages:
    """The messages of all devices, each device counting its own readings."""

    def __init__(self, uids: Sequence[str]) -> None:
        self._uids = uids
        self._numbers = [itertools.count() for _ in uids]
        self._dice = random.Random(1)

    def make(self, count: int, readings: int) -> list[tuple[bytes, bytes]]:
        """Topics and payloads, from one device after the other."""
        made = []
        for place in range(count):
            device = place % len(self._uids)
            some = [self._reading(device) for _ in range(readings)]
            body = some[0] if readings == 1 else {"readings": some}
            payload = {"type": "telemetry", "boot_id": "a-boot-of-the-device", **body}
            made.append(
                (
                    f"homepot/v1/{self._uids[device]}/telemetry".encode(),
                    json.dumps(payload, separators=(",", ":")).encode(),
                )
            )
        return made

    def _reading(self, device: int) -> dict[str, object]:
        return {
            "seq": next(self._numbers[device]),
            "at": "2026-11-21T09:00:00.125Z",
            "metrics": {name: round(self._dice.uniform(0, 100), 2) for name in _NAMES},
        }


async def _publish(broker: _Broker, messages: Sequence[tuple[bytes, bytes]]) -> None:
    """Have the broker take all of these, at QoS 1."""
    room = asyncio.Event()
    link = await Link.open(
        address=broker.devices,
        client_id=broker.uid,
        tls=None,
        on_messages=lambda _: None,
        on_room=room.set,
    )
    all_room, at = link.room, 0
    while at < len(messages) or link.room < all_room:
        if some := messages[at : at + min(link.room, _PUBLISHED_AT_ONCE)]:
            link.publish(some)
            at += len(some)
        room.clear()
        if link.room < all_room:
            await asyncio.wait_for(room.wait(), _PATIENCE_S)
    await link.close()


@dataclass(frozen=True)
class Turn:
    """What one turn came to: rows a second, and the processor time of the reading process."""

    rate: float
    cpu_us: float


def _cpu_seconds(pid: int) -> float:
    """Processor time that the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _turn(target: Target, messages: Sequence[tuple[bytes, bytes]], rows: int) -> Turn:
    """Have the target commit what it finds at the broker."""
    before, used = target.count(), _cpu_seconds(target.pid)
    os.kill(target.pid, signal.SIGSTOP)
    try:
        asyncio.run(_publish(target.broker, messages))
    finally:
        os.kill(target.pid, signal.SIGCONT)
    began = time.perf_counter()
    while (stored := target.count() - before) < rows:
        if time.perf_counter() - began > _PATIENCE_S:
            raise RuntimeError(f"only {stored} of {rows} readings arrived")
        time.sleep(0.02)
    took = time.perf_counter() - began
    return Turn(rows / took, (_cpu_seconds(target.pid) - used) / rows * 1e6)


@contextlib.contextmanager
def _product(installation: Installation) -> Iterator[int]:
    """The reading process of the product."""
    product = installation.product
    if installation.postgres is None:
        yield product.pids[0]
        return
    process = subprocess.Popen(
        [*MANAGE, "mqtt_ingest"], env=product.environment, cwd=ROOT, stdin=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def _limit(broker: _Broker, database: str) -> Iterator[int]:
    address = broker.url_of(broker.ingest)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.raw_mqtt_ingest", address, database],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise RuntimeError("the limit did not connect")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _counter(database: str, relation: str) -> Count:
    """Counts rows on a connection of its own."""
    statement = f"SELECT count(*) FROM {relation}"
    if database.startswith("postgres"):
        connection = psycopg.connect(database, autocommit=True)
        return lambda: int((connection.execute(statement).fetchone() or (0,))[0])
    file = sqlite3.connect(database, timeout=20)
    return lambda: int(file.execute(statement).fetchone()[0])


def _wait_connected(connected: Count) -> None:
    deadline = time.monotonic() + 60
    while not connected():
        if time.monotonic() > deadline:
            raise RuntimeError("the product did not connect to the broker")
        time.sleep(0.1)


async def _furnish(installation: Installation) -> list[str]:
    household = await Household.move_in(installation.product, boards=0, relays=0)
    await household.furnish_site(DEVICES)
    return [board.uid for board in household.boards]


def _databases(installation: Installation, folder: str) -> tuple[str, str]:
    """Where to count the product's rows, and a database for the limit on the same server or disk."""
    if installation.postgres is not None:
        superuser = installation.postgres.superuser
        return installation.postgres.url(superuser), installation.postgres.url(superuser, superuser)
    return str(installation.sqlite_path), str(Path(folder) / "raw.sqlite3")


def measure(backend: str, count: int, rounds: int) -> None:
    """Measure one backend and print its figures."""
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(_Broker()) for _ in range(2))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        installation = stack.enter_context(installed(backend, MQTT_URL=ours.url_of(ours.ingest)))
        installation.product.start()
        uids = asyncio.run(_furnish(installation))
        database, beside = _databases(installation, folder)
        limit_pid = stack.enter_context(_limit(theirs, beside))
        product_pid = stack.enter_context(_product(installation))
        _wait_connected(_counter(database, "mqtt_ingest_processes WHERE is_connected"))
        limit = Target(limit_pid, theirs, _counter(beside, "raw_reading"))
        product = Target(product_pid, ours, _counter(database, "telemetry_reading"))
        say(f"\n{installation.title}, {DEVICES} devices, {count:,} messages waiting")
        rows: list[tuple[str, ...]] = [
            ("readings/s, one process", "limit", "product", "ratio", "CPU µs a reading")
        ]
        messages = _Messages(uids)
        # The first word of a device makes it online, which is measured elsewhere (mass_offline).
        for target in (limit, product):
            _turn(target, messages.make(2 * DEVICES, 1), 2 * DEVICES)
        for kind in KINDS:
            rows.append(_in_turns(limit, product, kind, messages, count, rounds))
        table(rows)


def _in_turns(
    limit: Target, product: Target, kind: Kind, messages: _Messages, count: int, rounds: int
) -> tuple[str, ...]:
    some = max(1, count // kind.share)
    turns: dict[int, list[Turn]] = {limit.pid: [], product.pid: []}
    for _ in range(rounds):
        sent = messages.make(some, kind.readings)
        for target in (limit, product):
            turns[target.pid].append(_turn(target, sent, some * kind.readings))
    at_most, reached = (
        median([turn.rate for turn in turns[pid]]) for pid in (limit.pid, product.pid)
    )
    costs = [median([turn.cpu_us for turn in turns[pid]]) for pid in (limit.pid, product.pid)]
    ratio = reached / at_most
    verdict = f"{ratio:.2f} (aim {_AIM}: {'met' if ratio >= _AIM else 'NOT met'})"
    cost = f"{costs[0]:.1f} / {costs[1]:.1f}"
    return (kind.title, f"{at_most:,.0f}", f"{reached:,.0f}", verdict, cost)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="mqtt_ingest", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--messages", type=int, default=40_000, help="waiting in one turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    chosen = parser.parse_args(arguments)
    heading("Readings over MQTT")
    for backend in [chosen.backend] if chosen.backend else BACKENDS:
        measure(backend, chosen.messages, chosen.rounds)


if __name__ == "__main__":
    main()
