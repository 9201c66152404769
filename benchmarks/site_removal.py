"""A site is removed with all its devices, beside the bare statements that this takes at least.

    python -m benchmarks.site_removal [--backend embedded|production] [--devices N]

Every device has a key, a session, four relays and a newest reading, and is unpaired: its final
state is kept with it and in the audit log, its key is void, its session fenced. The floor is one
transaction on a raw connection with one UPDATE and one INSERT of such a final state per device.
Aim: at most 20 s for 10,000 devices. Each backend is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from benchmarks.filled_installation import SITE, administrator, fill_site, set_up_django
from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, say, table
from tests.services import ROOT

AIM_SECONDS_EACH = 20 / 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What the removal took."""

    seconds: float
    cpu_seconds: float
    statements: int
    state: str


def _remove(actor: Any, tenant_id: int, now: datetime) -> Removal:
    from django.db import connection  # noqa: PLC0415  after Django is set up

    from devices.models import Device  # noqa: PLC0415
    from devices.services import site_removal  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415

    statements = 0

    def count(execute: Any, *given: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*given)

    with row_security.actor_scope(actor), connection.execute_wrapper(count):
        began, cpu_began = time.perf_counter(), time.process_time()
        site_removal.remove_site(site_id=SITE, unpair=True, actor=actor, now=now)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    with row_security.platform_scope("benchmark"):
        ended = Device.all_objects.unscoped("the benchmark's own devices").exclude(end_reason="")
        state = ended.values_list("final_state", flat=True)[0]
    return Removal(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        statements=statements,
        state=json.dumps(state, separators=(",", ":")),
    )


_TABLES = (
    "CREATE TABLE benchmark_device (id integer PRIMARY KEY, state text)",
    "CREATE TABLE benchmark_entry (id integer PRIMARY KEY, state text)",
)
_UPDATE = "UPDATE benchmark_device SET state = {0} WHERE id = {0}"
_INSERT = "INSERT INTO benchmark_entry (state, id) VALUES ({0}, {0})"


def _floor(installation: Installation, count: int, state: str) -> float:
    """Seconds of the bare statements, the row of each device being there before."""
    if installation.postgres is None:
        with contextlib.closing(
            sqlite3.connect(installation.sqlite_path, isolation_level=None, timeout=20)
        ) as database:
            database.execute("PRAGMA synchronous=FULL")
            return _bare(database.execute, "?", count, state)
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as connection:

        def execute(text: str, parameters: Sequence[Any] = ()) -> Any:
            prepare = bool(parameters)
            return connection.execute(text, parameters or None, prepare=prepare)  # type: ignore[call-overload]

        return _bare(execute, "%s", count, state)


def _bare(execute: Callable[..., Any], place: str, count: int, state: str) -> float:
    update, insert = _UPDATE.format(place), _INSERT.format(place)
    for statement in (*_TABLES, "BEGIN"):
        execute(statement)
    for number in range(count):
        execute(f"INSERT INTO benchmark_device (id) VALUES ({place})", (number,))
    execute("COMMIT")
    began = time.perf_counter()
    execute("BEGIN")
    for number in range(count):
        execute(update, (state, number))
        execute(insert, (state, number))
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
        fill_site(count, tenant_id, timezone.now())
        removal = _remove(actor, tenant_id, timezone.now())
        floor = _floor(installation, count, removal.state)
        say(f"\n{installation.title}: {count} devices, {len(removal.state)} bytes of state each")
        _print(removal, floor, count)


def _print(removal: Removal, floor: float, count: int) -> None:
    table(
        [
            ("", "seconds", "CPU", "statements", "ms a device"),
            ("floor", f"{floor:.2f}", "", str(2 * count), f"{1000 * floor / count:.2f}"),
            (
                "product",
                f"{removal.seconds:.2f}",
                f"{removal.cpu_seconds:.2f}",
                str(removal.statements),
                f"{1000 * removal.seconds / count:.2f}",
            ),
            ("ratio", f"{removal.seconds / floor:.1f}", "", "", ""),
        ]
    )
    is_met = removal.seconds <= AIM_SECONDS_EACH * count
    say(f"  aim <= {AIM_SECONDS_EACH * count:.1f} s: {'met' if is_met else 'NOT met'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="site_removal", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--devices", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    if chosen.backend:
        heading("Site removal")
        measure(chosen.backend, chosen.devices)
        return
    for backend in BACKENDS:
        options = ["--backend", backend, "--devices", str(chosen.devices)]
        command = [sys.executable, "-m", "benchmarks.site_removal", *options]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
