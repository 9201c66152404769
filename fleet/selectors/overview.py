"""The fleet in numbers: a handful of statements, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q

from devices import selectors as devices
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
    # Of a device there is one presence and one twin: joining them multiplies nothing.
    rows: Any = needs.standings(actor, now).annotate(
        in_sync=Count("pk", filter=Q(twin__is_drifting=False, twin__desired_version__gt=0)),
        drifting=Count("pk", filter=Q(twin__is_drifting=True)),
    )
    found = {}
    for row in rows:
        key = (row.pop("site_id"), row.pop("is_simulated"))
        found[key] = Standing(**row)
    return found


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
