"""Device list and fleet counters of one tenant among 500 with 100,000 devices, beside bare SQL.

    python -m benchmarks.fleet_lists [--devices N] [--tenants N] [--rounds N]

PostgreSQL as the app role. Read in turns, in one process: the SQL that Django itself writes for the
list and the counters, on a bare connection in a transaction with the tenant's setting; the same
through the product's selectors and serializers; and the list over HTTP. All of it once with forced
row security and once with it taken off. Aim: selectors at most 3 times the bare SQL at p95.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import django
import psycopg

from benchmarks.installation import Installation, installed
from benchmarks.report import heading, in_ms, percentile, say, table

AIM = 3.0
PAGE = 50
_FILL = """
SELECT set_config('app.platform', 'benchmark', false);
INSERT INTO accounts_tenant (uid, name, kind, created_at)
  SELECT 't' || n, 'Tenant ' || n, 'organisation', now() FROM generate_series(1, {tenants}) n;
INSERT INTO devices_device (uid, hardware_id, epoch, tenant_id, device_id, name, device_class,
    device_type, model, firmware_version, capabilities, relay_count, relay_names, input_config,
    power_restore_mode, tags, pairing, is_active, is_simulated, created_at, claimed_at, enrolled_by,
    claimed_by, unpaired_by, end_reason)
  SELECT 'd' || n, 'hw' || n, 1, t.id, '', 'Device ' || n, 'relay_controller', '', 'HP-R4', '1.0.0',
    '["relay"]', 4, '{{}}', '{{}}', 'off', '["lobby"]', 'paired', true, n % 50 = 0, now(), now(),
    'claim', '', '', ''
  FROM generate_series(1, {devices}) n
  JOIN accounts_tenant t ON t.uid = 't' || (1 + n % {tenants});
INSERT INTO devices_devicepresence
    (device_id, tenant_id, is_online, last_seen_at, offline_due_at, contact, wire, address,
     client_session, is_flapping)
  SELECT id, tenant_id, id % 3 > 0, now(), CASE WHEN id % 3 > 0 THEN now() + interval '1 day' END,
    0, 'http', '', '', false
  FROM devices_device;
INSERT INTO devices_devicesession
    (device_id, tenant_id, epoch, is_live, wire, close_reason, observed_seq, address)
  SELECT id, tenant_id, 1, true, 'websocket', '', -1, '' FROM devices_device;
INSERT INTO accounts_membership (user_id, tenant_id, role, created_at)
  SELECT u.id, t.id, 'owner', now() FROM accounts_user u, accounts_tenant t WHERE t.uid = 't1';
"""


@dataclass(kw_only=True)
class Reader:
    """What is timed; each call does the same work."""

    actor: Any
    raw: psycopg.Connection[Any]
    statements: dict[str, tuple[str, Any]]

    def bare(self, name: str) -> None:
        """The statement alone, in a transaction with the scope of the tenant."""
        text, parameters = self.statements[name]
        tenants = ",".join(map(str, sorted(self.actor.tenant_ids)))
        with self.raw.transaction():
            self.raw.execute("SELECT set_config('app.tenant_id', %s, true)", [tenants])
            self.raw.execute(text, parameters).fetchall()


def _reader(installation: Installation) -> Reader:
    os.environ.update(installation.product.environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "homepot.settings.production"
    django.setup()
    from accounts import selectors as accounts  # noqa: PLC0415  after Django is set up
    from devices import selectors as devices  # noqa: PLC0415

    administrator = accounts.first_administrator()
    assert administrator is not None
    actor = accounts.actor_for_user(user_id=administrator.pk)
    listed = devices.devices_visible_to(actor).order_by("-pk")[: PAGE + 1]
    assert installation.postgres is not None
    raw = psycopg.connect(
        installation.postgres.url("homepot_app"),
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    )
    counters = (
        "SELECT count(*), count(*) FILTER (WHERE p.is_online), "
        "count(*) FILTER (WHERE p.last_seen_at IS NULL), "
        "count(*) FILTER (WHERE d.is_simulated) FROM devices_device d "
        "LEFT JOIN devices_devicepresence p ON p.device_id = d.id "
        "WHERE d.is_active AND d.tenant_id = ANY(%s)"
    )
    return Reader(
        actor=actor,
        raw=raw,
        statements={
            "list": listed.query.sql_with_params(),
            "counters": (counters, [sorted(actor.tenant_ids)]),
        },
    )


def _product_calls(reader: Reader) -> dict[str, Callable[[], Any]]:
    from django.db import connection  # noqa: PLC0415  after Django is set up

    from devices import selectors as devices  # noqa: PLC0415
    from devices.api.serializers import DeviceOutput  # noqa: PLC0415
    from kernel import row_security  # noqa: PLC0415
    from ops import selectors as ops  # noqa: PLC0415

    def scoped(read: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with row_security.actor_scope(reader.actor), row_security.reading(connection):
                return read()

        return run

    def rows() -> list[Any]:
        return list(devices.devices_visible_to(reader.actor).order_by("-pk")[: PAGE + 1])

    def shown() -> Any:
        # As the view reads them: how the keys stand comes with a statement for the whole page.
        found = devices.with_sync(devices.with_keys(devices.devices_visible_to(reader.actor)))
        return DeviceOutput(list(found.order_by("-pk")[: PAGE + 1])[:PAGE], many=True).data

    return {
        "list, rows": scoped(rows),
        "list, JSON": scoped(shown),
        "counters": scoped(lambda: ops.counts(actor=reader.actor)),
    }


def _timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 20):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if turn >= 20:
                taken[name].append(time.perf_counter() - began)
    return taken


def _over_http(installation: Installation) -> Callable[[], Any]:
    product = installation.product
    host = urlsplit(product.base_url).netloc
    connection = http.client.HTTPConnection(host)
    login = json.dumps({"email": product.admin_email, "password": product.admin_password})
    connection.request("POST", "/api/v1/auth/login", login, {"Content-Type": "application/json"})
    token = json.loads(connection.getresponse().read())["access_token"]

    def read() -> None:
        connection.request(
            "GET",
            f"/api/v1/devices?page_size={PAGE}",
            headers={"Authorization": f"Bearer {token}"},
        )
        answer = connection.getresponse()
        assert len(json.loads(answer.read())["items"]) == PAGE

    return read


def _report(taken: dict[str, list[float]]) -> None:
    floors = {"counters": "bare counters"}
    rows = [["", "p50", "p95", "p95 / bare"]]
    for name, values in taken.items():
        floor = taken[floors.get(name, "bare list")]
        ratio = "" if name.startswith("bare") else f"{_p95(values) / _p95(floor):.2f}"
        rows.append([name, in_ms(percentile(values, 50)), in_ms(_p95(values)), ratio])
    table(rows)


def _p95(values: Sequence[float]) -> float:
    return percentile(values, 95)


def _set_row_security(installation: Installation, *, is_on: bool) -> None:
    assert installation.postgres is not None
    verb = "ENABLE" if is_on else "DISABLE"
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as superuser:
        names = superuser.execute(
            "SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public'"
        ).fetchall()
        for (name,) in names:
            superuser.execute(f"ALTER TABLE {name} {verb} ROW LEVEL SECURITY")  # type: ignore[arg-type]


def _fill(installation: Installation, *, devices: int, tenants: int) -> None:
    assert installation.postgres is not None
    with psycopg.connect(installation.postgres.url("postgres"), autocommit=True) as superuser:
        superuser.execute(_FILL.format(devices=devices, tenants=tenants))  # type: ignore[arg-type]
        superuser.execute("VACUUM ANALYZE")


def main(options: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_lists")
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--tenants", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=300)
    chosen = parser.parse_args(options)
    heading(f"Device list and counters: {chosen.devices} devices in {chosen.tenants} tenants")
    with installed("production") as installation:
        _fill(installation, devices=chosen.devices, tenants=chosen.tenants)
        installation.product.start()
        reader = _reader(installation)
        calls = {
            "bare list": lambda: reader.bare("list"),
            "bare counters": lambda: reader.bare("counters"),
            **_product_calls(reader),
            "list, HTTP": _over_http(installation),
        }
        for is_on in (True, False):
            _set_row_security(installation, is_on=is_on)
            say(f"{'forced row security' if is_on else 'row security off'} (aim <= {AIM})")
            _report(_timed(calls, chosen.rounds))


if __name__ == "__main__":
    main()
