"""The fleet in numbers: a handful of statements, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Count

from devices import selectors as devices
from devices.choices import Sync
from devices.selectors import attention as needs
from fleet.types import Overview, SiteStanding, Standing, VersionCount
from kernel.actors import Actor

# Site (None: no site), and whether it is of simulated devices.
_Key = tuple[int | None, bool]
_NOBODY: Final = Standing()


def overview(*, actor: Actor, now: datetime) -> Overview:
    """How the actor's living devices stand: in all, by site, by firmware."""
    counted = _standings(actor, now)
    return Overview(
        at=now,
        real=_sum(counted, is_simulated=False),
        simulated=_sum(counted, is_simulated=True),
        unpaired=devices.archive_visible_to(actor).order_by().count(),
        sites=_sites(actor, counted),
        versions=[
            VersionCount(
                device_class=row["device_class"],
                firmware_version=row["firmware_version"],
                real=row["real"],
                simulated=row["simulated"],
            )
            for row in needs.versions(actor)
        ],
    )


def _standings(actor: Actor, now: datetime) -> dict[_Key, Standing]:
    in_sync, drifting = (_by_key(actor, state) for state in (Sync.IN_SYNC, Sync.DRIFT))
    found = {}
    for row in needs.standings(actor, now):
        key = (row["site_id"], row["is_simulated"])
        found[key] = Standing(
            total=row["total"],
            online=row["online"],
            stale=row["stale"],
            never_connected=row["never_connected"],
            in_sync=in_sync.get(key, 0),
            drifting=drifting.get(key, 0),
        )
    return found


def _by_key(actor: Actor, state: str) -> dict[_Key, int]:
    found = devices.in_sync_state(devices.devices_visible_to(actor), state)
    rows = found.select_related(None).order_by().values("site_id", "is_simulated")
    counted: Any = rows.annotate(number=Count("pk"))
    return {(row["site_id"], row["is_simulated"]): row["number"] for row in counted}


def _sum(counted: Mapping[_Key, Standing], *, is_simulated: bool) -> Standing:
    return sum((found for (_, of), found in counted.items() if of == is_simulated), start=_NOBODY)


def _sites(actor: Actor, counted: Mapping[_Key, Standing]) -> list[SiteStanding]:
    out = {outage.site_id for outage in needs.outages_going_on(actor)}
    return [
        SiteStanding(
            site_id=site.site_id,
            name=site.name,
            tenant_uid=site.tenant.uid,
            latitude=site.latitude,
            longitude=site.longitude,
            real=counted.get((site.pk, False), _NOBODY),
            simulated=counted.get((site.pk, True), _NOBODY),
            is_out=site.pk in out,
        )
        for site in devices.sites_visible_to(actor).order_by("name", "pk")
    ]
