"""Reads about devices."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Subquery

from devices.models import Device, DeviceCredential, DeviceEvent, DevicePresence, DeviceSession
from devices.querysets import DeviceQuerySet, connectivity_of
from devices.types import SessionCheck
from kernel import errors
from kernel.actors import Actor


def devices_visible_to(actor: Actor) -> DeviceQuerySet:
    """Active devices of the actor's tenants, with presence and owner."""
    visible: DeviceQuerySet = Device.objects.visible_to(actor)
    return visible.with_presence()


def device_by_uid(*, actor: Actor, uid: str) -> Device:
    """The device, if the actor may see it; NotFound otherwise, whatever the reason."""
    device: Device | None = devices_visible_to(actor).filter(uid=uid).first()
    if device is None:
        raise errors.NotFound
    return device


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
