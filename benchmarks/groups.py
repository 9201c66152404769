"""Count and first page of dynamic groups among 100,000 devices, beside SQL written by hand.

    python -m benchmarks.groups [--devices N] [--rounds N] [--explain]

PostgreSQL as the app role with forced row security; all devices are of one tenant, with tags,
presence, twins and metrics. Read in turns, in one process: a statement written by hand, on a bare
connection in a transaction with the tenant's setting; the statement that the compiler wrote, in the
same way; and the whole of it from the text of the query to rows or a number, as a route does it.
Both statements read the same columns; "inf" is what the limit of two seconds has ended. Aim: at most 1.3 times the one written by hand.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import psycopg

from benchmarks.installation import Installation, installed
from benchmarks.report import heading, in_ms, percentile, say, table
from devices.firmware_versions import order_key
from kernel.errors import HomepotError

AIM = 1.3
PAGE = 50
SITES = 20
VERSIONS = 30
_FILL = """
SELECT set_config('app.platform', 'benchmark', false);
INSERT INTO accounts_tenant (uid, name, kind, created_at)
  VALUES ('bench', 'Benchmark', 'organisation', now());
INSERT INTO accounts_membership (user_id, tenant_id, role, created_at)
  SELECT u.id, t.id, 'owner', now() FROM accounts_user u, accounts_tenant t WHERE t.uid = 'bench';
INSERT INTO devices_site (site_id, tenant_id, name, address, time_zone, created_at)
  SELECT 'site-' || n, t.id, 'Site ' || n, '', 'UTC', now()
  FROM generate_series(0, {sites} - 1) n, accounts_tenant t WHERE t.uid = 'bench';
INSERT INTO devices_device (uid, hardware_id, epoch, tenant_id, site_id, device_id, name,
    device_class, device_type, model, firmware_version, firmware_order, capabilities, relay_count,
    relay_names, input_config, power_restore_mode, tags, pairing, is_active, is_simulated,
    created_at, claimed_at, enrolled_by, claimed_by, unpaired_by, end_reason)
  SELECT 'd' || n, 'hw' || n, 1, t.id, s.id, '', 'Device ' || n, 'relay_controller', '',
    'HP-R' || n % 4, v.version, v.key, '["relay"]', 4, '{{}}', '{{}}', 'off', '[]', 'paired', true,
    n % 50 = 0, now(), now(), 'claim', '', '', ''
  FROM generate_series(1, {devices}) n
  JOIN bench_versions v ON v.number = n % {versions}
  JOIN accounts_tenant t ON t.uid = 'bench'
  JOIN devices_site s ON s.site_id = 'site-' || (n / 7) % {sites};
INSERT INTO devices_devicepresence
    (device_id, tenant_id, is_online, last_seen_at, offline_due_at, contact, wire, address,
     client_session, is_flapping)
  SELECT id, tenant_id, id % 3 > 0, now() - (id % 7200) * interval '1 second',
    CASE WHEN id % 3 > 0 THEN now() + interval '1 day' END, 0, 'http', '', '', false
  FROM devices_device;
INSERT INTO devices_devicesession
    (device_id, tenant_id, epoch, is_live, wire, close_reason, observed_seq, address)
  SELECT id, tenant_id, 1, true, 'websocket', '', -1, '' FROM devices_device;
INSERT INTO devices_devicetag (device_id, tenant_id, key, value)
  SELECT id, tenant_id, 'lobby', '' FROM devices_device WHERE id % 4 = 0
  UNION ALL SELECT id, tenant_id, 'floor', (id % 10)::text FROM devices_device
  UNION ALL SELECT id, tenant_id, 'vip', '' FROM devices_device WHERE id % 1000 = 0;
INSERT INTO twins_twin (device_id, tenant_id, edition, updated_at, desired, desired_version,
    desired_by, desired_stamps, tombstones, reported, reported_version, reported_stamps,
    reported_epoch, applied_version, is_drifting, drift_since)
  SELECT id, tenant_id, 2, now(), '{{"mode": "eco"}}', 1, '', '{{}}', '{{}}',
    jsonb_build_object('mode', (ARRAY['eco', 'day', 'night'])[1 + id % 3], 'level', id % 100), 1,
    '{{}}', 0, 1, id % 50 = 0, CASE WHEN id % 50 = 0 THEN now() - interval '2 hours' END
  FROM devices_device;
INSERT INTO telemetry_latestmetrics (device_id, tenant_id, metrics, at, received_at)
  SELECT id, tenant_id, jsonb_build_object('cpu_percent', id % 100, 'temperature', id % 40), now(),
    now() FROM devices_device;
"""
_JOINS = {
    "presence": "JOIN devices_devicepresence ON devices_devicepresence.device_id = devices_device.id",
    "site": "LEFT JOIN devices_site ON devices_site.id = devices_device.site_id",
    "twin": "LEFT JOIN twins_twin ON twins_twin.device_id = devices_device.id",
    "metrics": "LEFT JOIN telemetry_latestmetrics "
    "ON telemetry_latestmetrics.device_id = devices_device.id",
    "tenant": "JOIN accounts_tenant ON accounts_tenant.id = devices_device.tenant_id",
}
_SHOWN = ("presence", "site", "tenant")
_TAGGED = (
    "EXISTS (SELECT FROM devices_devicetag "
    "WHERE devices_devicetag.device_id = devices_device.id AND devices_devicetag.key = {})"
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A query, and how somebody writes it who knows the tables."""

    text: str
    joins: tuple[str, ...]
    where: str
    values: tuple[Any, ...] = ()


def _cases(now: datetime) -> list[Case]:
    return [
        Case(
            text="status:online and tag:lobby and firmware<1.12 and not site:site-3",
            joins=("presence", "site"),
            where="devices_devicepresence.is_online AND "
            + _TAGGED.format("'lobby'")
            + " AND devices_device.firmware_order > '' AND devices_device.firmware_order < %s"
            " AND devices_site.site_id IS DISTINCT FROM 'site-3'",
            values=(order_key("1.12"),),
        ),
        Case(text="tag:vip", joins=(), where=_TAGGED.format("'vip'")),
        Case(
            text="reported.mode:eco and reported.level>90",
            joins=("twin",),
            where="twins_twin.reported ->> 'mode' = 'eco' "
            "AND (twins_twin.reported ->> 'level')::float8 > 90",
        ),
        Case(
            text="metric.cpu_percent>95 and status:online",
            joins=("metrics", "presence"),
            where="(telemetry_latestmetrics.metrics ->> 'cpu_percent')::float8 > 95 "
            "AND devices_devicepresence.is_online",
        ),
        Case(
            text="last_seen>1h or sync:drift",
            joins=("presence", "twin"),
            where="(devices_devicepresence.last_seen_at < %s OR twins_twin.is_drifting)",
            values=(now - timedelta(hours=1),),
        ),
        Case(
            text="firmware>=1.29 and name~9",
            joins=(),
            where="devices_device.firmware_order >= %s AND devices_device.name ILIKE '%%9%%'",
            values=(order_key("1.29"),),
        ),
    ]


@dataclass(kw_only=True)
class Bench:
    """What is timed: statements on a bare connection, and the product."""

    actor: Any
    raw: psycopg.Connection[Any]
    tenant_id: int
    now: datetime

    def bare(self, text: str, values: Sequence[Any]) -> list[Any]:
        """The statement alone, in a transaction with the scope of the tenant."""
        with self.raw.transaction():
            self.raw.execute("SELECT set_config('app.tenant_id', %s, true)", [str(self.tenant_id)])
            return self.raw.execute(text, values).fetchall()  # type: ignore[arg-type]

    def by_hand(self, case: Case, *, is_page: bool, columns: str) -> tuple[str, list[Any]]:
        """The statement somebody would write."""
        joins = dict.fromkeys((*_SHOWN, *case.joins) if is_page else case.joins)
        wanted = columns if is_page else "count(*)"
        text = (
            f"SELECT {wanted} FROM devices_device {' '.join(_JOINS[name] for name in joins)} "
            f"WHERE devices_device.is_active AND devices_device.tenant_id = %s AND {case.where}"
        )
        if is_page:
            text += f" ORDER BY devices_device.id DESC LIMIT {PAGE + 1}"
        return text, [self.tenant_id, *case.values]

    def found(self, case: Case) -> Any:
        """The queryset of the product, from the text on."""
        from groups import selectors  # noqa: PLC0415  after Django is set up
        from groups.query import parse_text  # noqa: PLC0415

        query = parse_text(case.text)
        return selectors.devices_matching(query=query, actor=self.actor, now=self.now)

    def compiled(self, case: Case, *, is_page: bool) -> tuple[str, Any]:
        """The statement that the compiler wrote, as the product sends it."""
        from django.db import connection  # noqa: PLC0415

        from kernel import row_security  # noqa: PLC0415

        sent: list[tuple[str, Any]] = []

        def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            sent.append((sql, params))
            return execute(sql, params, many, context)

        found = self.found(case)
        with row_security.actor_scope(self.actor), connection.execute_wrapper(note):
            if is_page:
                list(found.order_by("-pk")[: PAGE + 1])
            else:
                found.select_related(None).order_by().count()
        return max(sent, key=lambda one: len(one[0]))

    def whole(self, case: Case, *, is_page: bool) -> Callable[[], Any]:
        """All that a route does between the text and the answer."""
        from groups import fact_selectors, selectors  # noqa: PLC0415
        from kernel import row_security  # noqa: PLC0415

        def run() -> Any:
            with row_security.actor_scope(self.actor):
                if not is_page:
                    return selectors.count(self.found(case))
                with fact_selectors.bounded():
                    return list(self.found(case).order_by("-pk")[: PAGE + 1])

        return run


def _bench(installation: Installation) -> Bench:
    os.environ.update(installation.product.environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "homepot.settings.production"
    django.setup()
    from accounts import selectors as accounts  # noqa: PLC0415  after Django is set up
    from kernel.actors import Actor  # noqa: PLC0415

    assert installation.postgres is not None
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as superuser:
        found = superuser.execute("SELECT id FROM accounts_tenant WHERE uid = 'bench'").fetchone()
    assert found is not None
    administrator = accounts.first_administrator()
    assert administrator is not None
    raw = psycopg.connect(
        installation.postgres.url("homepot_app"),
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    )
    actor = Actor(
        kind="user",
        id=str(administrator.pk),
        label="",
        user_id=administrator.pk,
        roles={found[0]: "owner"},
    )
    return Bench(actor=actor, raw=raw, tenant_id=found[0], now=datetime.now(UTC))


def fill(installation: Installation, devices: int) -> None:
    """Put the devices of one tenant into the database, with all that queries ask about."""
    assert installation.postgres is not None
    versions = [(number, f"1.{number}.0") for number in range(VERSIONS)]
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as superuser:
        superuser.execute("CREATE TEMP TABLE bench_versions (number int, version text, key text)")
        with superuser.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO bench_versions VALUES (%s, %s, %s)",
                [(number, version, order_key(version)) for number, version in versions],
            )
        statements = _FILL.format(devices=devices, sites=SITES, versions=VERSIONS)
        superuser.execute(statements)  # type: ignore[arg-type]
        superuser.execute("VACUUM ANALYZE")


def _timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 3):
        for name, call in calls.items():
            began = time.perf_counter()
            try:
                call()
                ended = time.perf_counter()
            except HomepotError:
                # Stopped by the limit of two seconds, which is no time to compare.
                ended = math.inf
            if turn >= 3:
                taken[name].append(ended - began)
    return taken


def _measure(bench: Bench, case: Case, *, is_page: bool, rounds: int) -> list[list[str]]:
    compiled, given = bench.compiled(case, is_page=is_page)
    columns = compiled.partition("SELECT ")[2].partition(" FROM ")[0]
    text, values = bench.by_hand(case, is_page=is_page, columns=columns)
    by_hand, by_compiler = bench.bare(text, values), bench.bare(compiled, given)
    if by_hand != by_compiler:
        raise AssertionError(f"{case.text}: the statement written by hand finds something else")
    taken = _timed(
        {
            "by hand": lambda: bench.bare(text, values),
            "compiled": lambda: bench.bare(compiled, given),
            "whole": bench.whole(case, is_page=is_page),
        },
        rounds,
    )
    what = "first page" if is_page else f"count ({by_hand[0][0]})"
    floor = taken["by hand"]
    return [
        [
            f"{what}, {name}",
            in_ms(percentile(one, 50)),
            in_ms(percentile(one, 95)),
            f"{percentile(one, 50) / percentile(floor, 50):.2f}",
            f"{percentile(one, 95) / percentile(floor, 95):.2f}",
        ]
        for name, one in taken.items()
    ]


def _explain(bench: Bench, case: Case) -> None:
    for is_page in (False, True):
        text, values = bench.compiled(case, is_page=is_page)
        say(f"  plan of the {'first page' if is_page else 'count'}:")
        for (line,) in bench.bare(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {text}", values):
            say(f"    {line}")


def main(options: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.groups")
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--only", default="", help="queries that contain this text")
    parser.add_argument("--explain", action="store_true", help="show how PostgreSQL went about it")
    chosen = parser.parse_args(options)
    heading(f"Dynamic groups among {chosen.devices} devices of one tenant (aim <= {AIM})")
    with installed("production") as installation:
        installation.product.start()
        fill(installation, chosen.devices)
        bench = _bench(installation)
        for case in _cases(bench.now):
            if chosen.only not in case.text:
                continue
            say()
            say(case.text)
            rows = [["", "p50", "p95", "p50 / by hand", "p95 / by hand"]]
            for is_page in (False, True):
                rows += _measure(bench, case, is_page=is_page, rounds=chosen.rounds)
            table(rows)
            if chosen.explain:
                _explain(bench, case)


if __name__ == "__main__":
    main()
