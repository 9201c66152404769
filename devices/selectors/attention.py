"""Which devices and sites need somebody: the longest of each need, and how many there are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Min, Q, QuerySet

from devices.choices import Connectivity, KeyRole
from devices.models import DeviceCredential, FlapEpisode, SiteOutage
from devices.querysets import DeviceQuerySet
from devices.selectors.conditions import connectivity_is
from devices.selectors.devices import devices_visible_to
from kernel.actors import Actor

# A device is installed before it is switched on.
NEVER_AFTER: Final = timedelta(hours=24)
# A new key is fetched and used by a healthy device within minutes.
KEY_AFTER: Final = timedelta(hours=1)


def standings(actor: Actor, now: datetime) -> QuerySet[Any, Any]:
    """How the actor's living devices stand, by site and by whether they are simulated."""
    rows = devices_visible_to(actor).select_related(None).order_by()
    counted: QuerySet[Any, Any] = rows.values("site_id", "is_simulated").annotate(
        total=Count("pk"),
        online=Count("pk", filter=Q(presence__is_online=True)),
        stale=Count("pk", filter=connectivity_is(Connectivity.STALE, now)),
        never_connected=Count("pk", filter=Q(presence__last_seen_at__isnull=True)),
    )
    return counted


def offline_longest(actor: Actor) -> DeviceQuerySet:
    """Devices that were connected once and are gone, the longest gone first."""
    gone = Q(presence__is_online=False, presence__last_seen_at__isnull=False)
    found = _of_tenants(devices_visible_to(actor).filter(gone), actor)
    return found.order_by("presence__last_seen_at", "pk")


def never_connected(actor: Actor, now: datetime) -> DeviceQuerySet:
    """Devices that have had a day to connect and never did, the oldest first."""
    silent = Q(presence__last_seen_at__isnull=True, created_at__lt=now - NEVER_AFTER)
    return devices_visible_to(actor).filter(silent).order_by("created_at", "pk")


def flapping(actor: Actor) -> DeviceQuerySet:
    """Devices that come and go right now."""
    found = _of_tenants(devices_visible_to(actor).filter(presence__is_flapping=True), actor)
    return found.order_by("presence__changed_at", "pk")


def _of_tenants(found: DeviceQuerySet, actor: Actor) -> DeviceQuerySet:
    """The same devices; said of their presence as well, whose indexes begin with the tenant."""
    if actor.is_system:
        return found
    return found.filter(presence__tenant_id__in=actor.tenant_ids)


def open_episodes(device_ids: list[int]) -> dict[int, tuple[datetime, int]]:
    """Since when each of these devices comes and goes, and how often it has."""
    rows = FlapEpisode.objects.unscoped("devices found within the actor's scope")
    found = rows.filter(device_id__in=device_ids, ended_at__isnull=True)
    return {row.device_id: (row.began_at, row.count) for row in found}


def unfinished_keys(actor: Actor, now: datetime) -> QuerySet[DeviceCredential]:
    """Keys of rotations that stand still, the oldest first.

    A new key that its device has not used within an hour, and an old one that is still good.
    """
    waiting = Q(role=KeyRole.PENDING, created_at__lt=now - KEY_AFTER)
    retiring = Q(role=KeyRole.RETIRING)
    # Both kinds have a deadline, and by that an index: they are few among all keys.
    rows = DeviceCredential.objects.filter(
        waiting | retiring, revoked_at__isnull=True, retires_at__isnull=False
    )
    visible = devices_visible_to(actor).select_related(None).order_by()
    within = rows.filter(device_id__in=visible.values("pk"))
    return within.select_related("device__site", "device__tenant").order_by("created_at", "pk")


def outages_going_on(actor: Actor) -> QuerySet[SiteOutage]:
    """Outages of the actor's sites that have not ended, the longest first."""
    found: QuerySet[SiteOutage] = SiteOutage.objects.visible_to(actor).filter(ended_at__isnull=True)
    return found.select_related("site__tenant").order_by("began_at")


def versions(actor: Actor) -> QuerySet[Any, Any]:
    """How many of the actor's living devices of each class run which firmware, most first."""
    rows = devices_visible_to(actor).select_related(None).order_by()
    counted: QuerySet[Any, Any] = rows.values("device_class", "firmware_version").annotate(
        real=Count("pk", filter=Q(is_simulated=False)),
        simulated=Count("pk", filter=Q(is_simulated=True)),
        # Of one version there is one key to its order.
        order=Min("firmware_order"),
    )
    ordered: QuerySet[Any, Any] = counted.order_by(F("device_class").asc(), F("order").desc())
    return ordered
