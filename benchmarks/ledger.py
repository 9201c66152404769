"""Commands through the ledger with all its guarantees, beside the bare rows they leave.

    python -m benchmarks.ledger [--backend embedded|production] [--count N] [--rows N]

A command is three transactions of one thread: asked for, handed out, answered; each under its
device's lock, by compare-and-set, with its line of history and what browsers are told. The floor
writes the same rows of the same two tables by hand, in as many transactions, in turns with it: an
INSERT, two UPDATEs, three lines of history. Both are measured with the tables as they are and with
ten times the rows. Each backend is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from benchmarks.filled_installation import administrator, fill_site, set_up_django
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, in_ms, median, percentile, say, table
from tests.services import ROOT

DEVICES: Final = 50
ROUNDS: Final = 5
KIND: Final = "custom.benchmark"
Execute = Callable[[str, Sequence[Any]], Any]


class Ledger:
    """The product's own services, called in this process."""

    def __init__(self, actor: Any, device_ids: Sequence[int]) -> None:
        self._actor = actor
        self._device_ids = device_ids
        self._asked = 0

    def run(self) -> float:
        """One command from the wish to the outcome; returns its seconds."""
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        from commands.services import delivery, queueing, results  # noqa: PLC0415
        from commands.types import Order  # noqa: PLC0415
        from devices.services import sessions  # noqa: PLC0415
        from edge.protocol.messages import Ack, AckStatus  # noqa: PLC0415
        from kernel.unit_of_work import unit_of_work  # noqa: PLC0415

        device_id = self._device_ids[self._asked % len(self._device_ids)]
        self._asked += 1
        order = Order(
            kind=KIND, payload={"n": self._asked}, lane="system", delivery="queue",
            lifetime=timedelta(hours=1), coalesce=False,
        )  # fmt: skip
        now = timezone.now()
        began = time.perf_counter()
        with unit_of_work():
            facts = sessions.lock_session(device_id=device_id)
            queueing.enqueue(facts=facts, order=order, actor=self._actor, now=now)
        (message,) = delivery.claim_deliverable(
            device_id=device_id, epoch=None, wire="http", now=now
        )
        ack = Ack(message.command_id, AckStatus.SUCCEEDED, result={"n": self._asked})
        if not results.record_ack(device_id=device_id, epoch=None, ack=ack, now=now):
            raise RuntimeError("The answer moved no command.")
        return time.perf_counter() - began


class Floor:
    """The same rows by hand."""

    def __init__(
        self,
        execute: Execute,
        transaction: Callable[[], AbstractContextManager[Any]],
        place: str,
        device: tuple[int, int],
    ) -> None:
        self._execute = execute
        self._transaction = transaction
        self._device = device
        self._insert = _INSERT.replace("?", place)
        self._event = _EVENT.replace("?", place)
        self._sent = _SENT.replace("?", place)
        self._done = _DONE.replace("?", place)

    def run(self) -> float:
        """The rows of one command; returns the seconds."""
        now = datetime.now().astimezone()
        at, later = now.isoformat(" "), (now + timedelta(hours=1)).isoformat(" ")
        began = time.perf_counter()
        with self._transaction():
            values = (uuid.uuid4().hex, *self._device, KIND, '{"n": 1}', "[]", at, later)
            (key,) = self._execute(self._insert, values).fetchone()
            self._execute(self._event, (key, "", "queued", at))
        with self._transaction():
            self._execute(self._sent, (at, later, key))
            self._execute(self._event, (key, "queued", "sent", at))
        with self._transaction():
            self._execute(self._done, (at, at, '{"n": 1}', key))
            self._execute(self._event, (key, "sent", "succeeded", at))
        return time.perf_counter() - began


_INSERT = (
    "INSERT INTO commands_command (uid, device_id, tenant_id, kind, payload, lane, state, reason, "
    "error, cause, delivery, wire, sends, created_at, expires_at) VALUES "
    "(?, ?, ?, ?, ?, 'system', 'queued', '', '', ?, 'queue', '', 0, ?, ?) RETURNING id"
)
_EVENT = (
    "INSERT INTO commands_commandevent (command_id, from_state, to_state, reason, at) "
    "VALUES (?, ?, ?, '', ?)"
)
_SENT = (
    "UPDATE commands_command SET state = 'sent', wire = 'http', sends = 1, sent_at = ?, "
    "timeout_at = ? WHERE id = ? AND state = 'queued'"
)
_DONE = (
    "UPDATE commands_command SET state = 'succeeded', acked_at = ?, finished_at = ?, result = ? "
    "WHERE id = ? AND state = 'sent'"
)


@contextlib.contextmanager
def floor_of(installation: Installation, device: tuple[int, int]) -> Iterator[Floor]:
    """On a connection of its own, past the product."""
    if installation.postgres is not None:
        with psycopg.connect(
            installation.postgres.url("postgres"), autocommit=True, prepare_threshold=0
        ) as connection:
            yield Floor(connection.execute, connection.transaction, "%s", device)
        return
    with contextlib.closing(
        sqlite3.connect(installation.sqlite_path, isolation_level=None, timeout=20)
    ) as database:

        @contextlib.contextmanager
        def transaction() -> Iterator[None]:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("COMMIT")

        yield Floor(database.execute, transaction, "?", device)


def _add_rows(count: int, device_ids: Sequence[int], tenant_id: int) -> None:
    """Commands of the past, with their history."""
    from django.db import transaction  # noqa: PLC0415  after Django is set up
    from django.utils import timezone  # noqa: PLC0415

    from commands.models import Command, CommandEvent  # noqa: PLC0415

    now = timezone.now()
    for start in range(0, count, 5_000):
        with transaction.atomic():
            commands = Command.objects.bulk_create(
                Command(
                    device_id=device_ids[number % len(device_ids)], tenant_id=tenant_id,
                    kind=KIND, payload={"n": number}, lane="system", state="succeeded",
                    delivery="queue", sends=1, wire="http", created_at=now, sent_at=now,
                    acked_at=now, finished_at=now, expires_at=now,
                )
                for number in range(start, min(start + 5_000, count))
            )  # fmt: skip
            CommandEvent.objects.bulk_create(
                CommandEvent(command=command, to_state=state, at=now)
                for command in commands
                for state in ("queued", "sent", "succeeded")
            )


def measure(backend: str, count: int, rows: int) -> None:
    """Measure one backend and print its figures; once in a process."""
    with installed(backend) as installation:
        installation.product.start()
        installation.product.stop()
        set_up_django(installation)
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        from kernel import row_security  # noqa: PLC0415

        actor = administrator()
        (tenant_id,) = actor.roles
        device_ids = fill_site(DEVICES, tenant_id, timezone.now())
        say(f"\n{installation.title}: {count} commands of {DEVICES} devices, one at a time")
        ledger = Ledger(actor, device_ids)
        with (
            row_security.platform_scope("benchmark"),
            floor_of(installation, (device_ids[0], tenant_id)) as floor,
        ):
            found: list[tuple[str, ...]] = [
                ("commands in the table", "", "p50", "p99", "commands/s", "of the floor")
            ]
            for before in (rows, 9 * rows):
                _add_rows(before, device_ids, tenant_id)
                found += _compared(ledger, floor, count, rows if before == rows else 10 * rows)
        table(found)


def _compared(ledger: Ledger, floor: Floor, count: int, rows: int) -> list[tuple[str, ...]]:
    product: list[float] = []
    bare: list[float] = []
    for number in range(ROUNDS + 1):
        some = [ledger.run() for _ in range(count // ROUNDS)]
        some_bare = [floor.run() for _ in range(count // ROUNDS)]
        if number:  # the first round warms up
            product += some
            bare += some_bare
    return [
        _row(f"{rows:,}", "floor", bare, bare),
        _row("", "ledger", product, bare),
    ]


def _row(rows: str, name: str, took: Sequence[float], bare: Sequence[float]) -> tuple[str, ...]:
    per_second = len(took) / sum(took)
    return (
        rows,
        name,
        in_ms(median(took)),
        in_ms(percentile(took, 99)),
        f"{per_second:.0f}",
        f"{100 * per_second * sum(bare) / len(bare):.0f} %",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="ledger", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--count", type=int, default=2_000, help="commands of each kind")
    parser.add_argument("--rows", type=int, default=20_000, help="in the table at first")
    chosen = parser.parse_args(arguments)
    if chosen.backend:
        heading("Ledger")
        measure(chosen.backend, chosen.count, chosen.rows)
        return
    for backend in BACKENDS:
        options = ["--backend", backend, "--count", str(chosen.count), "--rows", str(chosen.rows)]
        command = [sys.executable, "-m", "benchmarks.ledger", *options]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
