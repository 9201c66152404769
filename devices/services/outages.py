"""Site outages: nearly all devices of a site lost within a minute are one event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, F

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


def sweep(now: datetime) -> int:
    """Open and close outages; any number of sweepers may run. Returns how many changed."""
    changed = _close_those_over(now)
    losses = [loss for loss in _losses(now) if len(loss.moments) >= LEAST]
    online = _online([loss.site_pk for loss in losses])
    return changed + sum(_open(loss, online.get(loss.site_pk, 0), now) for loss in losses)


def _losses(now: datetime) -> list[_Loss]:
    """Sites that lost devices lately which are still gone; nothing of them is excused."""
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
    by_site: dict[int, list[datetime]] = defaultdict(list)
    for site_pk, tenant_id, device_id, at in lost.values_list(
        "device__site_id", "device__tenant_id", "device_id", "at"
    ):
        if not excused.covers(tenant_id=tenant_id, site_id=site_pk, device_id=device_id):
            by_site[site_pk].append(at)
    return [_Loss(site_pk, sorted(moments)) for site_pk, moments in by_site.items()]


def _open(loss: _Loss, online: int, now: datetime) -> bool:
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


def _online(site_pks: Collection[int]) -> dict[int, int]:
    """How many devices are online at each of the sites; those without any are left out."""
    devices = Device.objects.unscoped("sites that lost devices")
    there = devices.filter(site_id__in=site_pks, presence__is_online=True).order_by()
    return dict(there.values_list("site_id").annotate(Count("pk")))


def _close_those_over(now: datetime) -> int:
    rows = SiteOutage.objects.unscoped("outages of all tenants").filter(ended_at__isnull=True)
    closed, open_now = 0, list(rows.select_related("site"))
    online = _online([outage.site_id for outage in open_now])
    for outage in open_now:
        # Half of those that were lost, beside those that never went.
        back = online.get(outage.site_id, 0) - (outage.total - outage.lost)
        if back >= outage.lost / 2 or outage.site.removed_at is not None:
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
