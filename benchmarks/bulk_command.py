"""One command for many devices, from the request to the last answer, beside bare inserts.

    python -m benchmarks.bulk_command [--backend embedded|production] [--devices N]

The batch is made, a job asks its devices, each device fetches its command and answers it, and the
batch ends: every step by the product's services in one process, without wires. The floor writes
the rows that this leaves for each device (a member, a command, its three moves) with bare
statements, 25 devices to a transaction as the product does. Each backend is measured in a
process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.filled_installation import administrator, fill_site, set_up_django
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, say, table
from tests.services import ROOT

_ROWS_EACH = 5
_TOGETHER = 25
_ROW = "x" * 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Seconds of each step."""

    made: float
    asked: float
    answered: float
    ended: float

    @property
    def whole(self) -> float:
        """Seconds from the request to the end."""
        return self.made + self.asked + self.answered + self.ended


def _carry_out(actor: Any, device_ids: Sequence[int]) -> Taken:
    from django.utils import timezone  # noqa: PLC0415  after Django is set up

    from commands.batch_types import BatchOrder  # noqa: PLC0415
    from commands.services import batch_runs, batching  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415

    marks = [time.perf_counter()]
    uids = [f"board-{number}" for number in range(len(device_ids))]
    with row_security.actor_scope(actor):
        batching.create_batch(
            order=BatchOrder(kind="reboot", payload={}, target={"devices": uids}),
            actor=actor,
            now=timezone.now(),
        )
    marks.append(time.perf_counter())
    while batch_runs.run(timezone.now()):
        pass
    marks.append(time.perf_counter())
    for device_id in device_ids:
        _answer(device_id)
    marks.append(time.perf_counter())
    state = _ended()
    marks.append(time.perf_counter())
    assert state == "done", state
    steps = [end - begin for begin, end in itertools.pairwise(marks)]
    return Taken(made=steps[0], asked=steps[1], answered=steps[2], ended=steps[3])


def _answer(device_id: int) -> None:
    from django.utils import timezone  # noqa: PLC0415  after Django is set up

    from commands.services import delivery, results  # noqa: PLC0415
    from edge.protocol.messages import Ack, AckStatus  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415

    with row_security.platform_scope("benchmark"):
        now = timezone.now()
        (message,) = delivery.claim_deliverable(
            device_id=device_id, epoch=None, wire="http", now=now
        )
        ack = Ack(message.command_id, AckStatus.SUCCEEDED)
        assert results.record_ack(device_id=device_id, epoch=None, ack=ack, now=now)


def _ended() -> str:
    from datetime import timedelta  # noqa: PLC0415

    from django.utils import timezone  # noqa: PLC0415  after Django is set up

    from commands.models import CommandBatch  # noqa: PLC0415
    from commands.services import batch_runs  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415

    batch_runs.run(timezone.now() + timedelta(minutes=1))
    with row_security.platform_scope("benchmark"):
        batches = CommandBatch.objects.unscoped("the benchmark's own batch")
        return str(batches.values_list("state", flat=True).get())


def _floor(installation: Installation, count: int) -> float:
    """Seconds of the bare inserts."""
    if installation.postgres is None:
        with contextlib.closing(
            sqlite3.connect(installation.sqlite_path, isolation_level=None, timeout=20)
        ) as database:
            database.execute("PRAGMA synchronous=FULL")
            return _bare(database.execute, "?", count)
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as connection:

        def execute(text: str, parameters: Sequence[Any] = ()) -> Any:
            prepare = bool(parameters)
            return connection.execute(text, parameters or None, prepare=prepare)  # type: ignore[call-overload]

        return _bare(execute, "%s", count)


def _bare(execute: Callable[..., Any], place: str, count: int) -> float:
    execute("CREATE TABLE benchmark_row (device integer, content text)")
    insert = f"INSERT INTO benchmark_row (device, content) VALUES ({place}, {place})"
    began = time.perf_counter()
    for start in range(0, count, _TOGETHER):
        execute("BEGIN")
        for number in range(start, min(start + _TOGETHER, count)):
            for _ in range(_ROWS_EACH):
                execute(insert, (number, _ROW))
        execute("COMMIT")
    return time.perf_counter() - began


def measure(backend: str, count: int) -> None:
    """Measure one backend and print its figures; once in a process."""
    with installed(backend) as installation:
        installation.product.start()
        installation.product.stop()
        set_up_django(installation)
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        actor = administrator()
        (tenant_id,) = actor.roles
        device_ids = fill_site(count, tenant_id, timezone.now())
        taken = _carry_out(actor, device_ids)
        floor = _floor(installation, count)
        say(f"\n{installation.title}: {count} devices")
        _print(taken, floor, count)


def _print(taken: Taken, floor: float, count: int) -> None:
    steps = (
        ("floor", floor),
        ("made", taken.made),
        ("asked", taken.asked),
        ("fetched and answered", taken.answered),
        ("ended", taken.ended),
        ("whole", taken.whole),
    )
    table(
        [
            ("", "seconds", "devices/s"),
            *((name, f"{took:.2f}", f"{count / took:.0f}") for name, took in steps),
            ("ratio", f"{taken.whole / floor:.1f}", ""),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="bulk_command", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--devices", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    if chosen.backend:
        heading("Bulk command")
        measure(chosen.backend, chosen.devices)
        return
    for backend in BACKENDS:
        options = ["--backend", backend, "--devices", str(chosen.devices)]
        command = [sys.executable, "-m", "benchmarks.bulk_command", *options]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
