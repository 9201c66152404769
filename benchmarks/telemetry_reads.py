"""Rollup throughput and charts over many readings, each beside its bare SQL.

    python -m benchmarks.telemetry_reads [--readings N] [--devices N] [--rounds N] [--backend B]
    python -m benchmarks.telemetry_reads --large [--readings N] [--devices N]

Readings of five metrics, one per device every ten seconds. Rolled up: the product's job in its
chunks until nothing waits, beside one statement per tier on a bare connection into tables without
an index; then the job once more for 30 s of fresh readings of all devices. Charts of one device:
the product's selector with the answer's JSON, in turns with the statement alone. `--large` leaves
the rollup out and draws charts over 50 million readings of 14 days on PostgreSQL (about 20 GB).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import django
import psycopg

from benchmarks.installation import BACKENDS, Installation, installed
from benchmarks.report import heading, in_ms, percentile, say, table
from tests.services import ROOT

STEP_S = 10
BATCH = 100_000
_DEVICE_COLUMNS = (
    "uid, hardware_id, epoch, tenant_id, device_id, name, device_class, device_type, model, "
    "firmware_version, capabilities, relay_count, relay_names, input_config, power_restore_mode, "
    "tags, pairing, is_active, is_simulated, created_at, enrolled_by, claimed_by, unpaired_by, "
    "end_reason"
)
_METRICS = (
    '{{"cpu_percent":{0}.5,"memory_percent":{1},"disk_percent":41.25,"temperature_celsius":{2}.1,'
    '"uptime_seconds":{3}}}'
)
_INSERT = (
    "INSERT INTO telemetry_reading (device_id, tenant_id, boot_id, seq, at, received_at, "
    "is_at_corrected, metrics) VALUES "
)
_MADE_BY_SERVER = (
    "INSERT INTO telemetry_reading (device_id, tenant_id, boot_id, seq, at, received_at, "
    "is_at_corrected, metrics) SELECT d.id, %s, 'bench', extract(epoch FROM t)::bigint, t, t, "
    "false, jsonb_build_object('cpu_percent', (d.id + seq) %% 100 + 0.5, 'memory_percent', "
    "seq %% 90, 'disk_percent', 41.25, 'temperature_celsius', 20.1 + seq %% 30, 'uptime_seconds', "
    "seq) FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 second', "
    "make_interval(secs => %s)) AS t CROSS JOIN LATERAL "
    "(SELECT extract(epoch FROM t)::bigint / 10 AS seq) AS numbered CROSS JOIN devices_device d"
)
_COPIED = (
    "INSERT INTO telemetry_reading (device_id, tenant_id, boot_id, seq, at, received_at, "
    "is_at_corrected, metrics) SELECT device_id, tenant_id, boot_id, seq, at + %s * interval '1 day', "
    "received_at + %s * interval '1 day', is_at_corrected, metrics FROM telemetry_reading "
    "WHERE received_at < %s"
)
_GROUPED = {
    "postgresql": (
        "CREATE TEMP TABLE fine AS SELECT r.device_id, m.key AS metric, "
        "date_bin('300 seconds', r.at, TIMESTAMPTZ 'epoch') AS bucket_at, count(*) AS count, "
        "min(m.value::float8) AS min, max(m.value::float8) AS max, sum(m.value::float8) AS sum, "
        "(array_agg(m.value::float8 ORDER BY r.at DESC, r.id DESC))[1] AS last, "
        "max(r.at) AS last_at FROM telemetry_reading r CROSS JOIN LATERAL jsonb_each(r.metrics) m "
        "GROUP BY 1, 2, 3",
        "CREATE TEMP TABLE hours AS SELECT device_id, metric, "
        "date_bin('3600 seconds', bucket_at, TIMESTAMPTZ 'epoch') AS hour, sum(count) AS count, "
        "min(min) AS min, max(max) AS max, sum(sum) AS sum, "
        "(array_agg(last ORDER BY bucket_at DESC))[1] AS last, max(last_at) AS last_at "
        "FROM fine GROUP BY 1, 2, 3",
    ),
    "sqlite": (
        "CREATE TEMP TABLE fine AS SELECT r.device_id, m.key AS metric, "
        "CAST(strftime('%s', r.at) AS INTEGER) / 300 AS number, count(*) AS count, "
        "min(m.value) AS min, max(m.value) AS max, sum(m.value) AS sum, max(r.at) AS last_at "
        "FROM telemetry_reading r CROSS JOIN json_each(r.metrics) m GROUP BY 1, 2, 3",
        "CREATE TEMP TABLE hours AS SELECT device_id, metric, number / 12 AS hour, "
        "sum(count) AS count, min(min) AS min, max(max) AS max, sum(sum) AS sum, "
        "max(last_at) AS last_at FROM fine GROUP BY 1, 2, 3",
    ),
}


@dataclass(kw_only=True)
class Bare:
    """A connection that knows nothing of the product."""

    vendor: str
    connection: Any

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """One statement and its rows; `%s` stands for a parameter on both."""
        if self.vendor == "sqlite":
            text = sql.replace("%s", "?").replace("%%", "%") if parameters else sql
            return list(self.connection.execute(text, list(parameters)).fetchall())
        cursor = self.connection.execute(sql, list(parameters) or None)
        return list(cursor.fetchall()) if cursor.description else []


def _bare(installation: Installation) -> Bare:
    if installation.postgres is None:
        raw = sqlite3.connect(installation.sqlite_path, isolation_level=None, timeout=20)
        raw.execute("PRAGMA cache_size=-16000")
        return Bare(vendor="sqlite", connection=raw)
    return Bare(
        vendor="postgresql",
        connection=psycopg.connect(installation.postgres.url("postgres"), autocommit=True),
    )


def _fill(bare: Bare, *, devices: int, readings: int, end: datetime, is_large: bool = False) -> int:
    """A tenant whose devices measured; returns its key."""
    now = _stored(bare, end)
    ((tenant,),) = bare.run(
        "INSERT INTO accounts_tenant (uid, name, kind, created_at) "
        "VALUES ('bench', 'Bench', 'organisation', %s) RETURNING id",
        [now],
    )
    yes, no = ("true", "false") if bare.vendor == "postgresql" else ("1", "0")
    for number in range(1, devices + 1):
        bare.run(
            f"INSERT INTO devices_device ({_DEVICE_COLUMNS}) VALUES (%s, %s, 1, %s, '', '', 'server', '', "
            f"'', '', '[]', 0, '{{}}', '{{}}', 'off', '[]', 'paired', {yes}, {no}, %s, 'claim', '', "
            "'', '')",
            [f"d{number}", f"hw{number}", tenant, now],
        )
    keys = [key for (key,) in bare.run("SELECT id FROM devices_device ORDER BY id")]
    steps = readings // devices
    start = end - timedelta(seconds=STEP_S * steps)
    days = _make_parts(bare, start, end)
    if is_large:
        _measure_by_server(bare, tenant, start=start, steps=steps, days=days)
    else:
        _measure(bare, keys, tenant, start=start, steps=steps)
    return int(tenant)


def _make_parts(bare: Bare, start: datetime, end: datetime) -> list[date]:
    """What the housekeeper made when those days were to come."""
    days = [start.date() + timedelta(days=n) for n in range((end.date() - start.date()).days + 1)]
    if bare.vendor == "postgresql":
        for day in days:
            bare.run("SELECT telemetry_make_partition(%s)", [day])
    return days


def _measure_by_server(
    bare: Bare, tenant: int, *, start: datetime, steps: int, days: list[date]
) -> None:
    """The same readings, made by PostgreSQL itself: one day's, and copies of it."""
    for day in days:
        bare.run(f"ALTER TABLE telemetry_reading_{day:%Y%m%d} SET UNLOGGED")
    indexes = bare.run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'telemetry_reading'"
    )
    for name, _ in indexes:
        bare.run(f"DROP INDEX {name}")
    a_day = min(steps, 86_400 // STEP_S)
    first_end = start + timedelta(seconds=STEP_S * a_day)
    bare.run(_MADE_BY_SERVER, [tenant, start, first_end, STEP_S])
    for copy in range(1, steps // a_day):
        bare.run(_COPIED, [copy, copy, first_end])
    for _, statement in indexes:
        bare.run(statement.replace(" ON ONLY ", " ON "))


def _measure(bare: Bare, keys: list[int], tenant: int, *, start: datetime, steps: int) -> None:
    """One reading of each device every ten seconds, in the order in which they would come."""
    rows: list[tuple[Any, ...]] = []
    for step in range(steps):
        at = _stored(bare, start + timedelta(seconds=step * STEP_S))
        seq = int(start.timestamp()) + step
        for key in keys:
            metrics = _METRICS.format((key + step) % 100, step % 90, 20 + step % 30, step * STEP_S)
            rows.append((key, tenant, "bench", seq, at, at, False, metrics))
        if len(rows) >= BATCH or step == steps - 1:
            _store(bare, rows)
            rows = []


def _store(bare: Bare, rows: list[tuple[Any, ...]]) -> None:
    if bare.vendor == "sqlite":
        bare.connection.execute("BEGIN")
        bare.connection.executemany(f"{_INSERT} (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        bare.connection.execute("COMMIT")
        return
    columns = _INSERT.removeprefix("INSERT INTO ").removesuffix(" VALUES ")
    with bare.connection.cursor() as cursor, cursor.copy(f"COPY {columns} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _stored(bare: Bare, moment: datetime) -> Any:
    return moment if bare.vendor == "postgresql" else moment.replace(tzinfo=None).isoformat(" ")


def _roll(bare: Bare, *, tenant: int, devices: int, readings: int, end: datetime) -> None:
    from kernel import row_security  # noqa: PLC0415  after Django is set up
    from telemetry.services import rolling  # noqa: PLC0415

    def product() -> None:
        with row_security.platform_scope("benchmark"):
            rolling.roll_up(end)

    bare_s = _seconds(lambda: [bare.run(statement) for statement in _GROUPED[bare.vendor]])
    product_s = _seconds(product)
    keys = [key for (key,) in bare.run("SELECT id FROM devices_device ORDER BY id")]
    _measure(bare, keys, tenant, start=end, steps=3)
    fresh_s = _seconds(product)
    ((buckets,),) = bare.run("SELECT count(*) FROM telemetry_readingrollup")
    say(f"rolled up into {buckets} buckets")
    table(
        [
            ["", "readings", "seconds", "readings/s", "x bare"],
            ["bare SQL", str(readings), f"{bare_s:.2f}", f"{readings / bare_s:.0f}", ""],
            [
                "product, all that waits",
                str(readings),
                f"{product_s:.2f}",
                f"{readings / product_s:.0f}",
                f"{product_s / bare_s:.2f}",
            ],
            [
                "product, 30 s of each device",
                str(3 * devices),
                f"{fresh_s:.2f}",
                f"{3 * devices / fresh_s:.0f}",
                "",
            ],
        ]
    )


_PARTS = (
    "SELECT sum(pg_relation_size(c.oid)), sum(pg_indexes_size(c.oid)) FROM pg_class c "
    "JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'telemetry_reading'::regclass"
)
_PAGES = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = %s"


def _disk(bare: Bare) -> None:
    """What a reading, and what it came to in buckets, takes on disk."""
    ((readings,),) = bare.run("SELECT count(*) FROM telemetry_reading")
    if bare.vendor == "postgresql":
        ((rows, indexes),) = bare.run(_PARTS)
        ((rollups,),) = bare.run("SELECT pg_total_relation_size('telemetry_readingrollup')")
    else:
        try:
            ((rows,),) = bare.run(_PAGES, ["telemetry_reading"])
        except sqlite3.OperationalError:
            say("this SQLite does not tell what its tables take")
            return
        ((indexes,),) = bare.run(_PAGES, ["reading_by_time"])
        ((rollups,),) = bare.run(
            "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name LIKE '%rollup%'"
        )
    table(
        [
            ["bytes per reading on disk", "rows", "indexes", "together", "buckets of it"],
            ["", *(f"{size / readings:.0f}" for size in (rows, indexes, rows + indexes, rollups))],
        ]
    )


def _charts(bare: Bare, *, tenant: int, end: datetime, chosen: argparse.Namespace) -> None:
    from kernel import row_security  # noqa: PLC0415  after Django is set up
    from kernel.actors import Actor  # noqa: PLC0415
    from telemetry import chart_selectors, chart_statements  # noqa: PLC0415
    from telemetry.api.metric_serializers import chart_json  # noqa: PLC0415

    actor = Actor(kind="user", id="bench", label="", user_id=1, roles={tenant: "viewer"})
    ((key,),) = bare.run("SELECT id FROM devices_device WHERE uid = 'd1'")
    rounds = chosen.rounds
    spans = {
        "1 h from raw, 30 s buckets": (timedelta(hours=1), 120),
        "6 h, 5 min buckets": (timedelta(hours=6), 72),
        "30 d, 1 h buckets": (timedelta(days=30), 720),
    }
    if chosen.large:
        spans = {
            "1 h from raw, 30 s buckets": (timedelta(hours=1), 120),
            "the newest 6 h from raw, 1 min buckets": (timedelta(hours=6), 360),
            "1 day from raw, 2 min buckets": (timedelta(days=1), 720),
        }
    rows = [["", "bare p50", "product p50", "p95", "p50 / bare"]]
    for title, (span, points) in spans.items():
        asked: dict[str, Any] = {"since": end - span, "until": end, "points": points, "now": end}
        plan = chart_selectors.plan_of(**asked)
        sql, parameters = chart_statements.chart_statement(
            device_id=key, tenant_id=tenant, metrics=["cpu_percent", "memory_percent"], plan=plan
        )

        def product(asked: dict[str, Any] = asked) -> None:
            with row_security.actor_scope(actor), row_security.reading(django.db.connection):
                chart = chart_selectors.chart(
                    actor=actor, device_uid="d1", metrics=["cpu_percent", "memory_percent"], **asked
                )
            json.dumps(chart_json(chart))

        def statement(sql: str = sql, parameters: list[Any] = parameters) -> None:
            bare.run(sql, parameters)

        taken = _in_turns([statement, product], rounds)
        floor, own = percentile(taken[0], 50), percentile(taken[1], 50)
        rows.append(
            [title, in_ms(floor), in_ms(own), in_ms(percentile(taken[1], 95)), f"{own / floor:.2f}"]
        )
    table(rows)


def _in_turns(calls: Sequence[Callable[[], Any]], rounds: int) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 10):
        for number, call in enumerate(calls):
            seconds = _seconds(call)
            if turn >= 10:
                taken[number].append(seconds)
    return taken


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _measured(backend: str, chosen: argparse.Namespace) -> None:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with installed(backend) as installation:
        if backend == "embedded":
            installation.product.manage("migrate", "--no-input")
        say(installation.title)
        os.environ.update(installation.product.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = f"homepot.settings.{backend}"
        bare = _bare(installation)
        with contextlib.closing(bare.connection):
            size: dict[str, Any] = {"devices": chosen.devices, "readings": chosen.readings}
            began = time.perf_counter()
            tenant = _fill(bare, **size, end=end, is_large=chosen.large)
            say(f"filled in {time.perf_counter() - began:.0f} s")
            bare.run("ANALYZE")
            django.setup()
            if not chosen.large:
                _roll(bare, tenant=tenant, **size, end=end)
                bare.run("ANALYZE")
            _charts(bare, tenant=tenant, end=end, chosen=chosen)
            _disk(bare)
        django.db.connections.close_all()


def main(options: Sequence[str] | None = None) -> None:
    """Run and print; each backend in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telemetry_reads")
    parser.add_argument("--readings", type=int)
    parser.add_argument("--devices", type=int)
    parser.add_argument("--large", action="store_true", help="50 million readings, charts only")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--backend", choices=BACKENDS)
    chosen = parser.parse_args(options)
    chosen.readings = chosen.readings or (50_000_000 if chosen.large else 1_000_000)
    chosen.devices = chosen.devices or (413 if chosen.large else 200)
    if chosen.large:
        heading(f"Charts: {chosen.readings} readings of {chosen.devices} devices")
        _measured("production", chosen)
        return
    if chosen.backend:
        _measured(chosen.backend, chosen)
        return
    heading(f"Rollup and charts: {chosen.readings} readings of {chosen.devices} devices")
    given = [f"--{name}={getattr(chosen, name)}" for name in ("readings", "devices", "rounds")]
    for backend in BACKENDS:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.telemetry_reads", *given, f"--backend={backend}"],
            cwd=ROOT,
            check=True,
        )


if __name__ == "__main__":
    main()
