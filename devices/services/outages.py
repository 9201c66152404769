"""Site outages: nearly all devices of a site lost within a minute are one event.

Simulated devices say nothing of a site where real ones are: neither that they are lost nor that
they are there. Where there are only simulated ones, those count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q

from devices import events, registry, selectors
from devices.choices import ConnectionKind
from devices.models import Device, DeviceConnection, Site, SiteOutage
from devices.services.connectivity import OURS
from devices.services.unpairing import CLOSE_REASON
from devices.types import Happening
from kernel import live
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

WITHIN = timedelta(seconds=60)
SHARE = 0.8
LEAST = 3
# Losses between two looks are in one window of the next one, if it looks back so much further.
_LOOK_BACK = WITHIN + timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class _Loss:
    """Devices of a site that are gone, with the moments in which they went."""

    site_pk: int
    moments: list[datetime]


@dataclass(frozen=True, slots=True)
class _Standing:
    """How many of a site's devices that count are there, and how many of those are online."""

    is_simulated: bool
    devices: int
    online: int


_NOBODY = _Standing(is_simulated=False, devices=0, online=0)


def sweep(now: datetime) -> int:
    """Open and close outages; any number of sweepers may run. Returns how many changed."""
    changed = _close_those_over(now)
    by_site = _losses(now)
    standing = _standing([site for site, lost in by_site.items() if len(lost) >= LEAST])
    for site_pk, there in standing.items():
        moments = [
            at for is_simulated, at in by_site[site_pk] if is_simulated == there.is_simulated
        ]
        changed += _open(_Loss(site_pk, sorted(moments)), there.online, now)
    return changed


def _losses(now: datetime) -> dict[int, list[tuple[bool, datetime]]]:
    """Who was lost lately at which site and is still gone, unless that is excused.

    Of each whether it is simulated, and when it went.
    """
    lines = DeviceConnection.objects.unscoped("losses at the sites of all tenants")
    lost = lines.filter(
        at__gt=now - _LOOK_BACK,
        at__lte=now,
        kind=ConnectionKind.DISCONNECTED,
        device__is_active=True,
        device__site__isnull=False,
        device__presence__is_online=False,
        contact=F("device__presence__contact"),
    ).exclude(reason__in=[*OURS, CLOSE_REASON])
    known = SiteOutage.objects.unscoped("outages of all tenants").filter(ended_at__isnull=True)
    lost = lost.exclude(device__site_id__in=known.values("site_id"))
    excused = selectors.devices_in_maintenance(now)
    by_site: dict[int, list[tuple[bool, datetime]]] = defaultdict(list)
    for site_pk, tenant_id, device_id, is_simulated, at in lost.values_list(
        "device__site_id", "device__tenant_id", "device_id", "device__is_simulated", "at"
    ):
        if not excused.covers(tenant_id=tenant_id, site_id=site_pk, device_id=device_id):
            by_site[site_pk].append((is_simulated, at))
    return by_site


def _open(loss: _Loss, online: int, now: datetime) -> bool:
    if len(loss.moments) < LEAST:
        return False
    began_at, lost = _densest(loss.moments)
    total = online + len(loss.moments)
    if lost < LEAST or lost < SHARE * total:
        return False
    try:
        with unit_of_work():
            site = Site.objects.unscoped("a site that lost its devices").get(pk=loss.site_pk)
            with transaction.atomic():
                outage = SiteOutage.objects.create(
                    tenant_id=site.tenant_id,
                    site=site,
                    began_at=began_at,
                    noticed_at=now,
                    lost=lost,
                    total=total,
                )
            _tell(outage, site, now)
            publish(
                events.SiteOutageBegan(
                    occurred_at=now,
                    outage_id=outage.pk,
                    site_pk=site.pk,
                    tenant_id=site.tenant_id,
                    lost=lost,
                    total=total,
                )
            )
            _note("site_outage", outage, now)
    except IntegrityError:
        # One is open already; another sweeper may have been quicker.
        return False
    return True


def _densest(moments: Sequence[datetime]) -> tuple[datetime, int]:
    """The beginning of the minute with the most losses, and how many it has."""
    best, most, first = moments[0], 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] > WITHIN:
            first += 1
        if last - first + 1 > most:
            best, most = moments[first], last - first + 1
    return best, most


def _standing(site_pks: Collection[int]) -> dict[int, _Standing]:
    """How the devices of these sites stand that count there; sites without any are left out."""
    devices = Device.objects.unscoped("sites that lost devices").filter(site_id__in=site_pks)
    counted = devices.order_by().values_list("site_id", "is_simulated")
    numbers = counted.annotate(
        devices=Count("pk"), online=Count("pk", filter=Q(presence__is_online=True))
    )
    rows = [(site_pk, _Standing(*rest)) for site_pk, *rest in numbers]
    # The real ones of a site come after the simulated ones, and replace them.
    return dict(sorted(rows, key=lambda row: not row[1].is_simulated))


def _close_those_over(now: datetime) -> int:
    rows = SiteOutage.objects.unscoped("outages of all tenants").filter(ended_at__isnull=True)
    closed, open_now = 0, list(rows.select_related("site"))
    standing = _standing([outage.site_id for outage in open_now])
    for outage in open_now:
        there = standing.get(outage.site_id, _NOBODY)
        # Half of those that were lost, beside those that never went.
        back = there.online - (outage.total - outage.lost)
        # Those that were moved or unpaired meanwhile do not come back.
        gone = there.devices - there.online
        if min(outage.lost - back, gone) <= outage.lost / 2 or outage.site.removed_at is not None:
            closed += _close(outage, now)
    return closed


@unit_of_work()
def _close(outage: SiteOutage, now: datetime) -> int:
    rows = SiteOutage.objects.unscoped("an open outage")
    if not rows.filter(pk=outage.pk, ended_at__isnull=True).update(ended_at=now):
        return 0
    outage.ended_at = now
    _tell(outage, outage.site, now)
    publish(
        events.SiteOutageEnded(
            occurred_at=now,
            outage_id=outage.pk,
            site_pk=outage.site_id,
            tenant_id=outage.tenant_id,
        )
    )
    _note("site_outage_ended", outage, now)
    return 1


def _note(kind: str, outage: SiteOutage, now: datetime) -> None:
    registry.happened(
        [
            Happening(
                kind=kind,
                tenant_id=outage.tenant_id,
                at=now,
                site_pk=outage.site_id,
                count=outage.lost,
                total=outage.total,
                began_at=outage.began_at,
            )
        ]
    )


def _tell(outage: SiteOutage, site: Site, now: datetime) -> None:
    live.append(
        tenant_id=outage.tenant_id,
        kind="site_outage",
        payload={
            "site": site.site_id,
            "lost": outage.lost,
            "total": outage.total,
            "began_at": outage.began_at.isoformat(),
            "ended_at": None if outage.ended_at is None else outage.ended_at.isoformat(),
        },
        now=now,
    )
