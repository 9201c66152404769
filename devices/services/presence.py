"""Presence: online by any traffic, offline by silence, each change told once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from devices import events
from devices.choices import Connectivity
from devices.models import Device, DevicePresence, DeviceSession
from kernel import live
from kernel.events import publish
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

# Devices found silent in one transaction; a larger sweep takes several.
SWEEP_CHUNK = 500


def mark_online(*, device_id: int, now: datetime) -> None:
    """Note that the device was heard, within the caller's unit of work.

    One whose life has ended stays offline, whoever has just heard it.
    """
    came_back = (
        DevicePresence.objects.filter(device_id=device_id)
        .filter(is_online=False, device__is_active=True)
        .update(is_online=True, last_seen_at=now, offline_due_at=now + _silence())
    )
    if came_back:
        _tell([device_id], is_online=True, now=now)
    else:
        DevicePresence.objects.filter(device_id=device_id, is_online=True).update(
            last_seen_at=now, offline_due_at=now + _silence()
        )


def mark_offline(*, device_id: int, now: datetime) -> None:
    """Note that the device's session ended, within the caller's unit of work."""
    went = DevicePresence.objects.filter(device_id=device_id, is_online=True).update(
        is_online=False, offline_due_at=None
    )
    if went:
        _tell([device_id], is_online=False, now=now)


def touch(*, device_ids: Collection[int], now: datetime) -> None:
    """Note in one statement that these devices were heard; those swept meanwhile come back."""
    if not device_ids:
        return
    # Only forwards: a batch written late must not pull a newer time back.
    heard = DevicePresence.objects.filter(device_id__in=device_ids)
    updated = (
        heard.filter(is_online=True)
        .filter(Q(last_seen_at__lt=now) | Q(last_seen_at__isnull=True))
        .update(last_seen_at=now, offline_due_at=now + _silence())
    )
    if updated == len(device_ids):
        return
    for device_id in heard.filter(is_online=False).values_list("device_id", flat=True):
        _bring_back(device_id, now)


def sweep(now: datetime) -> int:
    """Find the devices that have been silent too long; returns how many went offline.

    Any number of sweepers may run: each device is taken by a compare-and-set on its deadline.
    """
    swept = 0
    while True:
        due = list(
            DevicePresence.objects.filter(is_online=True, offline_due_at__lte=now).values_list(
                "device_id", flat=True
            )[:SWEEP_CHUNK]
        )
        if not due:
            return swept
        swept += _take_offline(due, now)


def _take_offline(device_ids: list[int], now: datetime) -> int:
    with unit_of_work():
        lock_rows(DeviceSession.objects.filter(device_id__in=device_ids))
        # A device heard between the look and the lock keeps its place.
        silent = lock_rows(
            DevicePresence.objects.filter(
                device_id__in=device_ids, is_online=True, offline_due_at__lte=now
            )
        )
        gone = [presence.device_id for presence in silent]
        DevicePresence.objects.filter(device_id__in=gone).update(
            is_online=False, offline_due_at=None
        )
        DeviceSession.objects.filter(device_id__in=gone, is_live=True).update(
            is_live=False, closed_at=now, close_reason="silence"
        )
        _tell(gone, is_online=False, now=now)
    return len(gone)


def _bring_back(device_id: int, now: datetime) -> None:
    """A device that was taken for gone still holds its session: both come back to life."""
    with unit_of_work():
        lock_rows(DeviceSession.objects.filter(device_id=device_id))
        revived = DeviceSession.objects.filter(
            device_id=device_id, is_live=False, close_reason="silence"
        ).update(is_live=True, closed_at=None, close_reason="")
        if revived:
            mark_online(device_id=device_id, now=now)


def _tell(device_ids: Collection[int], *, is_online: bool, now: datetime) -> None:
    devices = Device.all_objects.unscoped("presence is the platform's own knowledge")
    rows = devices.filter(pk__in=device_ids).select_related("presence")
    for device in rows:
        seen = device.presence.last_seen_at
        live.append(
            tenant_id=device.tenant_id,
            kind="presence",
            payload={
                "device_uid": device.uid,
                "connectivity": Connectivity.ONLINE if is_online else Connectivity.OFFLINE,
                "last_seen_at": None if seen is None else seen.isoformat(),
            },
            now=now,
        )
        publish(events.PresenceChanged(occurred_at=now, device_id=device.pk, is_online=is_online))


def heartbeat_seconds() -> int:
    """How often a device should speak: three chances before it counts as offline."""
    return max(1, settings.OFFLINE_AFTER_SECONDS // 3)


def _silence() -> timedelta:
    return timedelta(seconds=settings.OFFLINE_AFTER_SECONDS)
