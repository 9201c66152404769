"""All devices fall silent at once, beside the bare statements that this takes at least.

    python -m benchmarks.mass_offline [--backend embedded|production] [--devices N]

Every device holds a session and is due in the same moment; one sweep finds them, asks the presence
store whether anybody has heard them since, logs each and tells of each. "Last announcement" is when the last domain event was delivered, after the last
COMMIT. The floor is one transaction on a raw connection: one UPDATE of as many narrow rows and one
INSERT of as many lines of a log with the same columns and indexes. Aim: at most 5 s for 100,000 devices.
Each backend is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import django
import psycopg

from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, say, table
from tests.services import ROOT

AIM_SECONDS_EACH = 5 / 100_000
_SITES = 100
_INSERT_AT_ONCE = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What one sweep took."""

    seconds: float
    cpu_seconds: float
    database_cpu_seconds: float
    last_announcement: float
    told: int
    logged: int
    frames: int
    outages: float


def set_up(installation: Installation) -> None:
    """Set Django up in this process as the installation has it."""
    os.environ.update(installation.product.environment)
    mode = "embedded" if installation.postgres is None else "production"
    os.environ["DJANGO_SETTINGS_MODULE"] = f"homepot.settings.{mode}"
    django.setup()


def fill(count: int, now: datetime) -> None:
    """Devices of the first administrator, all online in sessions and heard just now."""
    from django.db import transaction  # noqa: PLC0415  after Django is set up

    from accounts import selectors  # noqa: PLC0415
    from devices import models  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415

    with row_security.platform_scope("benchmark"), transaction.atomic():
        administrator = selectors.first_administrator()
        assert administrator is not None
        (tenant_id,) = selectors.actor_for_user(user_id=administrator.pk).roles
        sites = models.Site.objects.bulk_create(
            models.Site(site_id=f"site-{n}", tenant_id=tenant_id, name=f"Site {n}", created_at=now)
            for n in range(_SITES)
        )
        for start in range(0, count, _INSERT_AT_ONCE):
            numbers = range(start, min(start + _INSERT_AT_ONCE, count))
            _fill_some(models, numbers, tenant_id, sites, now)


def _fill_some(
    models: Any, numbers: range, tenant_id: int, sites: Sequence[Any], now: datetime
) -> None:
    devices = models.Device.all_objects.bulk_create(
        models.Device(
            uid=f"board-{number}",
            hardware_id=f"board-{number}",
            tenant_id=tenant_id,
            site=sites[number % len(sites)],
            device_class="relay_controller",
            pairing="paired",
            created_at=now,
            claimed_at=now,
        )
        for number in numbers
    )
    models.DeviceSession.objects.bulk_create(
        models.DeviceSession(
            device=device, tenant_id=tenant_id, epoch=1, is_live=True, address="192.0.2.1"
        )
        for device in devices
    )
    since = now - timedelta(hours=1)
    models.DevicePresence.objects.bulk_create(
        models.DevicePresence(
            device=device, tenant_id=tenant_id, is_online=True, last_seen_at=now,
            offline_due_at=now + timedelta(seconds=60), contact=1, contact_at=since,
            changed_at=since, known_since=since,
        )
        for device in devices
    )  # fmt: skip


def _sweep(now: datetime) -> Sweep:
    from devices import presence_store  # noqa: PLC0415  after Django is set up
    from devices.events import PresenceChanged  # noqa: PLC0415
    from devices.models import Device, DeviceConnection  # noqa: PLC0415
    from devices.services import outages, presence  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415
    from kernel.events import subscribe  # noqa: PLC0415
    from kernel.models import LiveEvent  # noqa: PLC0415

    store, heard_at = presence_store.current(), (now - timedelta(seconds=61)).timestamp()
    heard = {"count": 0, "at": 0.0}

    @subscribe(PresenceChanged)
    def on_change(event: PresenceChanged) -> None:
        heard["count"] += 1
        heard["at"] = time.perf_counter()

    with row_security.platform_scope("benchmark"):
        store.write(list(Device.all_objects.unscoped("all").values_list("pk", flat=True)), heard_at)
        database_began = _database_cpu()
        began, cpu_began = time.perf_counter(), time.process_time()
        presence.sweep(now)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        database_cpu_seconds = _database_cpu() - database_began
        sought = time.perf_counter()
        outages.sweep(now)
        return Sweep(
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            database_cpu_seconds=database_cpu_seconds,
            last_announcement=heard["at"] - began,
            outages=time.perf_counter() - sought,
            told=int(heard["count"]),
            logged=DeviceConnection.objects.unscoped("the benchmark's own").count(),
            frames=LiveEvent.objects.filter(kind="presence_changed").count(),
        )


def _database_cpu() -> float:
    """CPU seconds of the PostgreSQL process that serves this connection; SQLite is in ours."""
    from django.db import connection  # noqa: PLC0415  after Django is set up

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_TABLES = (
    "CREATE TABLE benchmark_presence (device_id bigint PRIMARY KEY, is_online boolean NOT NULL, "
    "contact bigint NOT NULL, contact_at text, due_at text)",
    "CREATE INDEX benchmark_due ON benchmark_presence (due_at) WHERE is_online",
    "CREATE TABLE benchmark_log ({0}, device_id bigint NOT NULL, "
    "tenant_id bigint, contact bigint NOT NULL, kind text NOT NULL, reason text NOT NULL, "
    "session_epoch bigint, wire text NOT NULL, address text NOT NULL, at text NOT NULL, "
    "duration_s float, UNIQUE (device_id, contact, kind))",
    "CREATE INDEX benchmark_at ON benchmark_log (at)",
)
_UPDATE = (
    "UPDATE benchmark_presence SET is_online = false, due_at = NULL "
    "WHERE is_online AND due_at <= '2026'"
)
_INSERT = (
    "INSERT INTO benchmark_log (device_id, tenant_id, contact, kind, reason, session_epoch, wire, "
    "address, at, duration_s) SELECT device_id, 1, contact, 'DISCONNECTED', 'silence', 1, "
    "'websocket', '192.0.2.1', '2026-01-01 00:00:00+00', 3600.0 "
    "FROM benchmark_presence WHERE NOT is_online"
)


def _floor(installation: Installation, count: int) -> float:
    """Seconds of the bare statements in one transaction."""
    if installation.postgres is None:
        with contextlib.closing(
            sqlite3.connect(installation.sqlite_path, isolation_level=None, timeout=20)
        ) as database:
            database.execute("PRAGMA synchronous=FULL")
            return _bare(database.execute, "?", "id integer PRIMARY KEY AUTOINCREMENT", count)
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as connection:
        return _bare(connection.execute, "%s", "id bigserial PRIMARY KEY", count)


def _bare(execute: Callable[..., Any], place: str, key: str, count: int) -> float:
    for statement in (*_TABLES, "BEGIN"):
        execute(statement.format(key))
    for number in range(count):
        execute(
            f"INSERT INTO benchmark_presence VALUES ({place}, true, 1, '2025', '2025')", (number,)
        )
    execute("COMMIT")
    began = time.perf_counter()
    for statement in ("BEGIN", _UPDATE, _INSERT, "COMMIT"):
        execute(statement)
    return time.perf_counter() - began


def measure(backend: str, count: int) -> None:
    """Measure one backend and print its figures; once in a process."""
    with installed(backend) as installation:
        installation.product.start()
        installation.product.stop()
        set_up(installation)
        from django.utils import timezone  # noqa: PLC0415  after Django is set up

        now = timezone.now()
        fill(count, now)
        sweep = _sweep(now + timedelta(seconds=61))
        assert (sweep.told, sweep.logged) == (count, count)
        floor = _floor(installation, count)
        say(f"\n{installation.title}: {count} devices of {_SITES} sites, one sweep")
        _print(sweep, floor, count)


def _print(sweep: Sweep, floor: float, count: int) -> None:
    table(
        [
            ("", "seconds", "CPU", "of the database", "devices/s"),
            ("floor: UPDATE + INSERT", f"{floor:.2f}", "", "", f"{count / floor:,.0f}"),
            (
                "found, logged, announced",
                f"{sweep.seconds:.2f}",
                f"{sweep.cpu_seconds:.2f}",
                f"{sweep.database_cpu_seconds:.2f}",
                f"{count / sweep.seconds:,.0f}",
            ),
            ("ratio", f"{sweep.seconds / floor:.1f}", "", "", ""),
        ]
    )
    say(f"  last announcement after {sweep.last_announcement:.2f} s, {sweep.frames} live frames")
    say(f"  site outages recognised in {sweep.outages:.2f} s more")
    is_met = sweep.last_announcement <= AIM_SECONDS_EACH * count
    say(f"  aim <= {AIM_SECONDS_EACH * count:.2f} s: {'met' if is_met else 'NOT met'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the backends that were asked for."""
    parser = argparse.ArgumentParser(prog="mass_offline", description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, help="both when not given")
    parser.add_argument("--devices", type=int, default=100_000)
    chosen = parser.parse_args(arguments)
    if chosen.backend:
        heading("Mass offline")
        measure(chosen.backend, chosen.devices)
        return
    for backend in BACKENDS:
        options = ["--backend", backend, "--devices", str(chosen.devices)]
        command = [sys.executable, "-m", "benchmarks.mass_offline", *options]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
