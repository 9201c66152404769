"""Reads about connections: the log of a device, and how many devices stand right now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.permissions import has_role
from devices import permissions, presence_store
from devices.models import Device, DeviceConnection, FlapEpisode, PresencePolicy, SiteOutage
from devices.presence_store import StoreAway
from devices.querysets import connectivity_of
from devices.selectors.devices import stale_after
from devices.types import DeviceStatus
from kernel import errors
from kernel.actors import Actor

FLAPPING = "FLAPPING"
COMINGS_REACH = timedelta(days=30)


def connections_of(*, device: Device, actor: Actor, limit: int) -> list[dict[str, Any]]:
    """The last lines of the log of a device the actor may see, newest first.

    What happened while the device flapped is one item of kind FLAPPING.
    """
    episodes = FlapEpisode.objects.visible_to(actor).filter(device=device)
    within = FlapEpisode.objects.unscoped("the device was found within the actor's scope").filter(
        device_id=OuterRef("device_id"),
        began_at__lte=OuterRef("at"),
        last_at__gte=OuterRef("at"),
    )
    lines = DeviceConnection.objects.visible_to(actor).filter(device=device)
    told = lines.filter(~Exists(within)).order_by("-contact", "-kind")[:limit]
    items = [(line.at, _line(line)) for line in told]
    folded = [(found.last_at, _episode(found)) for found in episodes.order_by("-last_at")[:limit]]
    return [item for _, item in _in_order(items, folded)[:limit]]


def comings_and_goings(
    *, actor: Actor, device_ids: Collection[int], until: datetime, limit: int
) -> list[DeviceConnection]:
    """The last lines before a time in the logs of devices, newest first, of up to 30 days."""
    rows = DeviceConnection.objects.visible_to(actor).filter(
        device_id__in=device_ids, at__lt=until, at__gte=until - COMINGS_REACH
    )
    return list(rows.order_by("-at", "-pk")[:limit])


def statuses(*, actor: Actor, uids: Collection[str], now: datetime) -> list[DeviceStatus]:
    """How those of the devices that the actor may see stand, by uid.

    Read with one query, and one question to the presence store for what is newer than the rows.
    """
    rows = Device.objects.visible_to(actor).filter(uid__in=set(uids)).order_by("uid")
    found = list(
        rows.values_list(
            "pk",
            "uid",
            "presence__is_online",
            "presence__last_seen_at",
            "presence__changed_at",
            "presence__offline_after_s",
            "presence__is_flapping",
        )
    )
    heard = _heard([row[0] for row in found])
    return [
        DeviceStatus(
            uid=uid,
            connectivity=connectivity_of(
                is_online=bool(is_online),
                last_seen_at=seen,
                now=now,
                stale_after=stale_after(allowed),
            ),
            last_seen_at=seen,
            since=since,
            is_flapping=bool(is_flapping),
        )
        for pk, uid, is_online, row_seen, since, allowed, is_flapping in found
        for seen in (_newer(row_seen, heard.get(pk), now),)
    ]


def _heard(device_ids: Collection[int]) -> dict[int, float]:
    try:
        return presence_store.current().last_heard(device_ids)
    except StoreAway:
        return {}


def _newer(seen: datetime | None, heard: float | None, now: datetime) -> datetime | None:
    # Nobody who was never seen becomes so by the store alone.
    if seen is None or heard is None or heard <= seen.timestamp():
        return seen
    return min(datetime.fromtimestamp(heard, UTC), now)


def site_outages_of(*, site_pk: int, actor: Actor, limit: int = 100) -> list[SiteOutage]:
    """The last outages of a site the actor may see, newest first."""
    found = SiteOutage.objects.visible_to(actor).filter(site_id=site_pk)
    return list(found.select_related("site").order_by("-began_at")[:limit])


def presence_policies_visible_to(actor: Actor) -> QuerySet[PresencePolicy]:
    """Policies of the tenants where the actor is an admin.

    Raises PermissionDenied for who is an admin nowhere.
    """
    found: QuerySet[PresencePolicy] = PresencePolicy.objects.visible_to(actor).select_related(
        "tenant"
    )
    if actor.is_system:
        return found
    managed = [tenant for tenant in actor.tenant_ids if has_role(actor, tenant, "admin")]
    if not managed:
        raise errors.PermissionDenied("This needs the role admin or more.")
    return found.filter(tenant_id__in=managed)


def presence_policy_by_uid(*, actor: Actor, uid: str) -> PresencePolicy:
    """The policy, if it is of the actor's tenants; NotFound otherwise.

    Raises PermissionDenied for a member below admin.
    """
    visible = PresencePolicy.objects.visible_to(actor).select_related("tenant")
    policy: PresencePolicy | None = visible.filter(uid=uid).first()
    if policy is None:
        raise errors.NotFound
    permissions.require_own(actor, policy.tenant_id)
    return policy


def _in_order(
    lines: list[tuple[datetime, dict[str, Any]]], episodes: list[tuple[datetime, dict[str, Any]]]
) -> list[tuple[datetime, dict[str, Any]]]:
    """Both together, newest first; lines stay in the order of their contacts."""
    merged, waiting = [], list(episodes)
    for line in lines:
        while waiting and waiting[0][0] >= line[0]:
            merged.append(waiting.pop(0))
        merged.append(line)
    return merged + waiting


def _line(line: DeviceConnection) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "reason": line.reason,
        "contact": line.contact,
        "session_epoch": line.session_epoch,
        "wire": line.wire,
        "address": line.address,
        "at": line.at,
        "duration_s": line.duration_s,
        "count": None,
        "began_at": None,
        "ended_at": None,
    }


def _episode(episode: FlapEpisode) -> dict[str, Any]:
    return {
        "kind": FLAPPING,
        "reason": "flapping",
        "contact": None,
        "session_epoch": None,
        "wire": None,
        "address": "",
        "at": episode.last_at,
        "duration_s": None,
        "count": episode.count,
        "began_at": episode.began_at,
        "ended_at": episode.ended_at,
    }
