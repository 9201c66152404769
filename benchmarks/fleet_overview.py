"""The overview of one tenant with 100,000 devices among others, beside bare SQL.

    python -m benchmarks.fleet_overview [--devices N] [--tenants N] [--rounds N]

PostgreSQL as the app role, forced row security. Read in turns, in one process: one statement that
counts the tenant's devices by site with their presence, on a bare connection in a transaction with
the tenant's setting; each of the product's reads behind the overview; the whole page as Django
renders it; and the job that tallies all tenants. The first tenant has all devices but 1,000.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import django
import psycopg

from benchmarks.installation import Installation, installed
from benchmarks.report import heading, in_ms, percentile, table

_FILL = """
SELECT set_config('app.platform', 'benchmark', false);
INSERT INTO accounts_tenant (uid, name, kind, created_at)
  SELECT 't' || n, 'Tenant ' || n, 'organisation', now() FROM generate_series(1, {tenants}) n;
INSERT INTO devices_site (site_id, tenant_id, name, address, time_zone, latitude, longitude, created_at)
  SELECT 's' || n, t.id, 'Site ' || n, '', 'UTC', 45 + n % 10, n % 20, now()
  FROM generate_series(1, 100) n, accounts_tenant t WHERE t.uid = 't1';
INSERT INTO devices_device (uid, hardware_id, epoch, tenant_id, site_id, device_id, name,
    device_class, device_type, model, firmware_version, firmware_order, capabilities, relay_count,
    relay_names, input_config, power_restore_mode, tags, pairing, is_active, is_simulated,
    created_at, claimed_at, enrolled_by, claimed_by, unpaired_by, end_reason)
  SELECT 'd' || n, 'hw' || n, 1, t.id,
    CASE WHEN t.uid = 't1' THEN s.low + n % 100 END, '', 'Device ' || n, 'relay_controller', '',
    'HP-R4', '1.' || n % 8 || '.0', '1.' || n % 8, '["relay"]', 4, '{{}}', '{{}}', 'off', '[]',
    'paired', true, n % 50 = 0, now(), now(), 'claim', '', '', ''
  FROM generate_series(1, {devices}) n
  JOIN accounts_tenant t ON t.uid = CASE WHEN n <= 1000 THEN 't' || (2 + n % ({tenants} - 1)) ELSE 't1' END
  CROSS JOIN (SELECT min(id) AS low FROM devices_site) s;
INSERT INTO devices_devicepresence
    (device_id, tenant_id, is_online, last_seen_at, offline_due_at, contact, wire, address,
     client_session, is_flapping)
  SELECT id, tenant_id, id % 10 > 0, now() - (id % 1000) * interval '1 minute',
    CASE WHEN id % 10 > 0 THEN now() + interval '1 day' END, 0, 'http', '', '', id % 5000 = 0
  FROM devices_device;
INSERT INTO twins_twin (device_id, tenant_id, edition, updated_at, desired, desired_version,
    desired_by, desired_stamps, tombstones, reported, reported_version, reported_stamps,
    reported_epoch, applied_version, is_drifting, drift_since)
  SELECT id, tenant_id, 1, now(), '{{"mode": "eco"}}', 1, '', '{{}}', '{{}}', '{{}}', 0, '{{}}', 0,
    0, id % 100 = 0, CASE WHEN id % 100 = 0 THEN now() - interval '1 hour' END
  FROM devices_device WHERE id % 2 = 0;
INSERT INTO fleet_fleettally (tenant_id, site_id, is_simulated, at, total, online,
    never_connected, drifting, failed_commands)
  SELECT s.tenant_id, s.id, false, date_trunc('hour', now()) - n * interval '15 minutes', 1000, 900,
    0, 10, 1
  FROM generate_series(1, 2880) n, devices_site s;
INSERT INTO accounts_membership (user_id, tenant_id, role, created_at)
  SELECT u.id, t.id, 'owner', now() FROM accounts_user u, accounts_tenant t WHERE t.uid = 't1';
"""
_COUNTED = (
    "SELECT d.site_id, d.is_simulated, count(*), count(*) FILTER (WHERE p.is_online), "
    "count(*) FILTER (WHERE p.last_seen_at IS NULL) FROM devices_device d "
    "LEFT JOIN devices_devicepresence p ON p.device_id = d.id "
    "WHERE d.is_active AND d.tenant_id = ANY(%s) GROUP BY 1, 2"
)


def _calls(installation: Installation) -> dict[str, Callable[[], Any]]:
    os.environ.update(installation.product.environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "homepot.settings.production"
    django.setup()
    from django.db import connection  # noqa: PLC0415  after Django is set up
    from django.template.loader import render_to_string  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from accounts import selectors as accounts  # noqa: PLC0415
    from fleet import selectors as fleet  # noqa: PLC0415
    from fleet.models import FleetTally  # noqa: PLC0415
    from fleet.services import tallying  # noqa: PLC0415
    from fleet.slots import slot_of  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415
    from ops import overview  # noqa: PLC0415

    with row_security.platform_scope("benchmark"):
        administrator = accounts.first_administrator()
        assert administrator is not None
        actor = accounts.actor_for_user(user_id=administrator.pk)
    assert installation.postgres is not None
    raw = psycopg.connect(installation.postgres.url("homepot_app"), autocommit=True)

    def bare() -> None:
        tenants = sorted(actor.tenant_ids)
        with raw.transaction():
            joined = ",".join(map(str, tenants))
            raw.execute("SELECT set_config('app.tenant_id', %s, true)", [joined])
            raw.execute(_COUNTED, [tenants]).fetchall()

    def scoped(read: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with row_security.actor_scope(actor), row_security.reading(connection):
                return read()

        return run

    def tally() -> None:
        now = timezone.now()
        with row_security.platform_scope("benchmark"):
            FleetTally.objects.unscoped("a benchmark").filter(at=slot_of(now)).delete()
            tallying.take(now)

    def rendered() -> Any:
        asked = overview.Asked()
        sheet = overview.sheet(actor=actor, asked=asked, now=timezone.now())
        return render_to_string("ops/overview_tiles.html", {"sheet": sheet})

    return {
        "bare count": bare,
        "overview": scoped(lambda: fleet.overview(actor=actor, now=timezone.now())),
        "attention": scoped(lambda: fleet.attention(actor=actor, now=timezone.now())),
        "trend 24 h": scoped(
            lambda: fleet.trend(actor=actor, range_name="24h", now=timezone.now())
        ),
        "trend 30 d": scoped(
            lambda: fleet.trend(actor=actor, range_name="30d", now=timezone.now())
        ),
        "page": scoped(rendered),
        "tally of all": tally,
    }


def _timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 3):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if turn >= 3:
                taken[name].append(time.perf_counter() - began)
    return taken


def main(options: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_overview")
    parser.add_argument("--devices", type=int, default=101_000)
    parser.add_argument("--tenants", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=30)
    chosen = parser.parse_args(options)
    heading(f"Overview of a fleet: {chosen.devices - 1_000} devices at 100 sites")
    with installed("production") as installation:
        assert installation.postgres is not None
        with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as superuser:
            filled = _FILL.format(devices=chosen.devices, tenants=chosen.tenants)
            superuser.execute(filled)  # type: ignore[arg-type]
            superuser.execute("VACUUM ANALYZE")
        taken = _timed(_calls(installation), chosen.rounds)
    floor = percentile(taken["bare count"], 50)
    rows = [["", "p50", "p95", "p50 / bare count"]]
    for name, values in taken.items():
        half = percentile(values, 50)
        rows.append([name, in_ms(half), in_ms(percentile(values, 95)), f"{half / floor:.2f}"])
    table(rows)


if __name__ == "__main__":
    main()
