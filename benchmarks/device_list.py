"""The device list of 100,000 devices of one tenant, in every order, beside SQL written by hand.

    python -m benchmarks.device_list [--devices N] [--rounds N]

PostgreSQL as the app role with forced row security. Read in turns, in one process: the statement
that somebody writes by hand for the first 51 rows of an order with all that a row shows of the
device, its presence, site and owner; the product's page as the view reads it (which also looks up
relays, metrics and twins of the rows); its page far inside the list; and at last the whole page over
HTTP as a browser gets it, with the counts above the list. Aim: 200 ms for each page at p95.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import os
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import django
import psycopg

from benchmarks.groups import fill
from benchmarks.installation import Installation, installed
from benchmarks.report import heading, in_ms, percentile, say, table
from tests.product import ProductProcess

AIM_S = 0.2
_COLUMNS = (
    "d.*, p.is_online, p.last_seen_at, p.offline_after_s, s.name, s.site_id, t.uid, t.name "
    "FROM devices_device d JOIN devices_devicepresence p ON p.device_id = d.id "
    "LEFT JOIN devices_site s ON s.id = d.site_id JOIN accounts_tenant t ON t.id = d.tenant_id"
)
# How somebody orders by a column who knows the tables.
_BY_HAND = {
    "name": "d.name",
    "status": "CASE WHEN p.last_seen_at IS NULL THEN 2 WHEN p.is_online THEN 0 ELSE 1 END",
    "relays": "d.relay_count",
    "load": "(m.metrics ->> 'cpu_percent')::float8",
    "firmware": "d.firmware_order",
    "last_seen": "p.last_seen_at",
    "site": "s.name",
    "tags": "d.tags::text",
    "sync": "w.drift_since",
    "model": "d.model",
    "claimed": "d.claimed_at",
}
_ALSO = {
    "load": " LEFT JOIN telemetry_latestmetrics m ON m.device_id = d.id",
    "sync": " LEFT JOIN twins_twin w ON w.device_id = d.id",
}
_PAGES = (
    "", "?sort=-last_seen", "?sort=-load", "?connectivity=offline", "?q=Device+999",
    "?query=status:online+and+tag:lobby+and+firmware<1.12",
)  # fmt: skip


def _statement(column: str) -> str:
    return (
        f"SELECT {_COLUMNS}{_ALSO.get(column, '')} WHERE d.is_active AND d.tenant_id = %s "
        f"ORDER BY {_BY_HAND[column]}, d.id LIMIT 51"
    )


def _calls(installation: Installation, column: str) -> dict[str, Callable[[], Any]]:
    from django.db import connection  # noqa: PLC0415  after Django is set up
    from django.utils import timezone  # noqa: PLC0415

    from kernel import row_security  # noqa: PLC0415
    from ops import device_list  # noqa: PLC0415

    actor = _actor()
    (tenant_id,) = actor.tenant_ids
    raw = _raw(installation)

    def by_hand() -> None:
        with raw.transaction():
            raw.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
            raw.execute(_statement(column), [tenant_id]).fetchall()  # type: ignore[arg-type]

    def page(**chosen: str) -> Any:
        with row_security.actor_scope(actor), row_security.reading(connection):
            return device_list.device_page(
                actor=actor, chosen={"sort": column, **chosen}, columns=(), now=timezone.now()
            )

    deep = page()
    for _ in range(20):
        deep = page(after=deep.after) if deep.after else deep
    return {
        "by hand": by_hand,
        "first page": page,
        "page 21": lambda: page(after=deep.after),
    }


_shared: dict[str, Any] = {}


def _raw(installation: Installation) -> psycopg.Connection[Any]:
    assert installation.postgres is not None
    if "raw" not in _shared:
        _shared["raw"] = psycopg.connect(
            installation.postgres.url("homepot_app"),
            autocommit=True,
            cursor_factory=psycopg.ClientCursor,
        )
    found: psycopg.Connection[Any] = _shared["raw"]
    return found


def _actor() -> Any:
    from accounts import selectors as accounts  # noqa: PLC0415  after Django is set up

    administrator = accounts.first_administrator()
    assert administrator is not None
    actor = accounts.actor_for_user(user_id=administrator.pk)
    (tenant_id,) = (
        row.tenant_id
        for row in accounts.memberships_of(administrator.pk)
        if row.tenant.uid == "bench"
    )
    return replace(actor, roles={tenant_id: "owner"}, member_tenants=actor.tenant_ids)


def _timed(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 3):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if turn >= 3:
                taken[name].append(time.perf_counter() - began)
    return taken


def _browser(product: ProductProcess) -> Callable[[str], bytes]:
    """What fetches a page as the administrator, signed in as people do."""
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )

    def fetch(path: str, **form: str) -> bytes:
        body = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(
            f"{product.base_url}{path}", data=body, headers={"Referer": product.base_url}
        )
        with opener.open(request) as answer:
            found: bytes = answer.read()
        return found

    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', fetch("/login").decode())
    assert token
    fetch(
        "/login",
        email=product.admin_email,
        password=product.admin_password,
        csrfmiddlewaretoken=token[1],
    )
    return fetch


def _over_http(installation: Installation, rounds: int) -> list[list[str]]:
    fetch = _browser(installation.product)
    rows = [["page over HTTP", "p50", "p95", "KB"]]
    for query in _PAGES:
        address = "/dashboard/devices" + query
        address += ("&" if query else "?") + "tenant=bench"
        address = address.replace("<", "%3C")
        size = len(fetch(address))
        assert b'data-device-uid="' in fetch(address), address
        taken = _timed({"page": lambda address=address: fetch(address)}, rounds)["page"]  # type: ignore[misc]
        rows.append(
            [
                f"/dashboard/devices{query}",
                in_ms(percentile(taken, 50)),
                in_ms(percentile(taken, 95)),
                str(size // 1024),
            ]
        )
    return rows


def main(options: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device_list")
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    chosen = parser.parse_args(options)
    heading(f"Device list of {chosen.devices} devices of one tenant (aim <= {in_ms(AIM_S)})")
    with installed("production") as installation:
        installation.product.start()
        fill(installation, chosen.devices)
        os.environ.update(installation.product.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "homepot.settings.production"
        django.setup()
        say("order: by hand p50, p95; first page p50, p95; page 21 p50, p95")
        for column in _BY_HAND:
            taken = _timed(_calls(installation, column), chosen.rounds)
            figures = [
                in_ms(percentile(values, percent))
                for values in taken.values()
                for percent in (50, 95)
            ]
            say(f"  {column:10} " + "  ".join(figure.rjust(10) for figure in figures))
        say()
        table(_over_http(installation, chosen.rounds))


if __name__ == "__main__":
    main()
