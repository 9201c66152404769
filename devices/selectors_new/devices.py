"""Reads about devices."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from devices.models import Device, DeviceCredential, DeviceEvent, DevicePresence, DeviceSession
from devices.querysets import DeviceQuerySet, connectivity_of
from devices.types import SessionCheck
from kernel import errors
from kernel.actors import Actor
from kernel.compiled import Select, Slot, key_slot


def _visible_by_uid(kind: Any, tenants: int) -> DeviceQuerySet:
    """The rule itself, for an actor whose tenants are yet to be told."""
    roles = {key_slot(number): "" for number in range(tenants)}
    return devices_visible_to(Actor(kind=kind, id="", label="", roles=roles)).filter(
        uid=Slot("uid")
    )


_BY_UID = Select(_visible_by_uid)
_KEYS_BY_UID = Select(
    lambda kind, tenants: _visible_by_uid(kind, tenants).values_list("pk", "tenant_id")
)


def devices_visible_to(actor: Actor) -> DeviceQuerySet:
    """Active devices of the actor's tenants, with presence and owner."""
    visible: DeviceQuerySet = Device.objects.visible_to(actor)
    return visible.with_presence()


def device_by_uid(*, actor: Actor, uid: str) -> Device:
    """The device, if the actor may see it; NotFound otherwise, whatever the reason."""
    tenants = {f"key_{number}": key for number, key in enumerate(actor.tenant_ids)}
    device: Device | None = _BY_UID.first(actor.kind, len(tenants), uid=uid, **tenants)
    if device is None:
        raise errors.NotFound
    return device


def device_keys(*, actor: Actor, uid: str) -> tuple[int, int | None]:
    """Primary keys of the device and of its tenant, found as `device_by_uid` finds it."""
    tenants = {f"key_{number}": key for number, key in enumerate(actor.tenant_ids)}
    found: tuple[int, int | None] | None = _KEYS_BY_UID.first(
        actor.kind, len(tenants), uid=uid, **tenants
    )
    if found is None:
        raise errors.NotFound
    return found


def connectivity(device: Device, now: datetime) -> str:
    """The device's connectivity at a time."""
    try:
        presence = device.presence
    except DevicePresence.DoesNotExist:
        return connectivity_of(is_online=False, last_seen_at=None, now=now, stale_after=timedelta())
    return connectivity_of(
        is_online=presence.is_online,
        last_seen_at=presence.last_seen_at,
        now=now,
        stale_after=timedelta(seconds=settings.OFFLINE_AFTER_SECONDS * 2 // 3),
    )


def session_checks(device_ids: Collection[int]) -> dict[int, SessionCheck]:
    """For each device whose socket a process holds: is that socket still rightful?"""
    credential = DeviceCredential.objects.filter(
        device_id=OuterRef("device_id"), revoked_at__isnull=True
    ).values("pk")
    rows = (
        DeviceSession.objects.filter(device_id__in=device_ids)
        .annotate(live_credential=Subquery(credential[:1]))
        .values_list("device_id", "epoch", "device__is_active", "live_credential")
    )
    return {
        device_id: SessionCheck(epoch=epoch, is_active=is_active, credential_id=credential_id)
        for device_id, epoch, is_active, credential_id in rows
    }


def uids_of(device_ids: Collection[int]) -> dict[int, str]:
    """The public id of each device."""
    devices = Device.all_objects.unscoped("ids to public ids")
    return dict(devices.filter(pk__in=device_ids).values_list("pk", "uid"))


def input_events_of(device: Device, actor: Actor) -> list[DeviceEvent]:
    """The last 100 input events of a device the actor may see, newest first."""
    events = DeviceEvent.objects.visible_to(actor).filter(device=device)
    return list(events.order_by("-pk")[:100])
