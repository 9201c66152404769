"""Reads about devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet

from devices.errors import DeviceArchived
from devices.models import (
    Device,
    DeviceCapability,
    DeviceCredential,
    DeviceEvent,
    DevicePresence,
    DeviceSession,
)
from devices.querysets import DeviceQuerySet, connectivity_of
from devices.types import SessionCheck
from kernel import errors
from kernel.actors import Actor
from kernel.compiled import Select, Slot, key_slot

# Uids that are looked for in one statement.
_TOGETHER = 1_000


def devices_visible_to(actor: Actor) -> DeviceQuerySet:
    """Active devices of the actor's tenants, with presence, owner and site."""
    visible: DeviceQuerySet = Device.objects.visible_to(actor)
    return visible.with_presence()


def archive_visible_to(actor: Actor) -> DeviceQuerySet:
    """Devices of the actor's tenants whose lives have ended, with presence, owner and site."""
    visible: DeviceQuerySet = Device.all_objects.visible_to(actor)
    return visible.filter(is_active=False).with_presence()


class _Finder:
    """Finds a device by its uid, or a living one by what its site calls it, within a scope.

    Most actors are without limits to sites: for them the statements are written once.
    """

    def __init__(self, narrow: Callable[[DeviceQuerySet], QuerySet[Any, Any]]) -> None:
        self._narrow = narrow
        self._by_uid = Select(lambda *kind: self._compiled("uid", *kind)[:1])
        self._by_device_id = Select(lambda *kind: self._compiled("device_id", *kind)[:2])

    def find(self, actor: Actor, uid: str, *, include_archived: bool) -> Any:
        """The device. Raises NotFound; for one whose life ended DeviceArchived, unless included."""
        found = self._look(self._by_uid, actor, {"uid": uid})
        # Two tenants of one user may call a device the same: which is meant is not guessed.
        found = found or self._look(self._by_device_id, actor, {"device_id": uid})
        if len(found) == 1:
            return found[0]
        archived = self._narrow(archive_visible_to(actor)).filter(uid=uid).first()
        if archived is None:
            raise errors.NotFound
        if not include_archived:
            raise DeviceArchived
        return archived

    def _look(self, statement: Select, actor: Actor, wanted: dict[str, str]) -> list[Any]:
        if actor.site_limits:
            return list(self._narrow(devices_visible_to(actor)).filter(**wanted)[:2])
        tenants = {f"key_{number}": key for number, key in enumerate(actor.tenant_ids)}
        return statement.rows(actor.kind, len(tenants), **wanted, **tenants)

    def _compiled(self, column: str, kind: Any, tenants: int) -> Any:
        """The rule itself, for an actor whose tenants are yet to be told."""
        roles = {key_slot(number): "" for number in range(tenants)}
        visible = devices_visible_to(Actor(kind=kind, id="", label="", roles=roles))
        return self._narrow(visible.filter(**{column: Slot(column)}))


_DEVICE = _Finder(lambda found: found)
_KEYS = _Finder(lambda found: found.values_list("pk", "tenant_id"))


def device_by_uid(*, actor: Actor, uid: str, include_archived: bool = False) -> Device:
    """The device of that uid, or the living one its site calls so, if the actor may see it.

    Raises NotFound otherwise, whatever the reason. For an archived device of the actor's own it
    raises DeviceArchived, so that whoever means to change one is refused; reads include it.
    """
    device: Device = _DEVICE.find(actor, uid, include_archived=include_archived)
    return device


def device_keys(
    *, actor: Actor, uid: str, include_archived: bool = False
) -> tuple[int, int | None]:
    """Primary keys of the device and of its tenant, found as `device_by_uid` finds it."""
    found: tuple[int, int | None] = _KEYS.find(actor, uid, include_archived=include_archived)
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
        stale_after=stale_after(presence.offline_after_s),
    )


def stale_after(offline_after_s: int | None) -> timedelta:
    """The silence after which a device that is online is called stale."""
    allowed = settings.OFFLINE_AFTER_SECONDS if offline_after_s is None else offline_after_s
    return timedelta(seconds=allowed * 2 // 3)


def session_checks(device_ids: Collection[int]) -> dict[int, SessionCheck]:
    """For each device whose socket a process holds: is that socket still rightful?"""
    keys: dict[int, set[int]] = defaultdict(set)
    live = DeviceCredential.objects.filter(device_id__in=device_ids, revoked_at__isnull=True)
    for device_id, credential_id in live.values_list("device_id", "pk"):
        keys[device_id].add(credential_id)
    rows = DeviceSession.objects.filter(device_id__in=device_ids)
    return {
        device_id: SessionCheck(
            epoch=epoch,
            is_active=is_active,
            credential_ids=frozenset(keys[device_id]),
            doubted_since=greeted_at,
        )
        for device_id, epoch, is_active, greeted_at in rows.values_list(
            "device_id", "epoch", "device__is_active", "greeted_at"
        )
    }


def keys_by_uid(
    *, actor: Actor, uids: Collection[str], tenant_id: int | None = None
) -> dict[str, int]:
    """Primary keys of the living devices of those uids that the actor may see, by uid.

    With a tenant only of its devices.
    """
    wanted, visible = sorted(set(uids)), Device.objects.visible_to(actor)
    if tenant_id is not None:
        visible = visible.filter(tenant_id=tenant_id)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _TOGETHER):
        some = visible.filter(uid__in=wanted[start : start + _TOGETHER])
        found.update(some.values_list("uid", "pk"))
    return found


def uids_of(device_ids: Collection[int]) -> dict[int, str]:
    """The public id of each device."""
    devices = Device.all_objects.unscoped("ids to public ids")
    return dict(devices.filter(pk__in=device_ids).values_list("pk", "uid"))


def capabilities_of(device_id: int) -> frozenset[str]:
    """What the device says it can do; nothing for one that never said."""
    rows = DeviceCapability.objects.unscoped("the caller has found the device within its scope")
    return frozenset(rows.filter(device_id=device_id).values_list("name", flat=True))


def ended_since(moment: datetime) -> set[int]:
    """Primary keys of the devices whose lives ended since then, of all tenants."""
    devices = Device.all_objects.unscoped("the caller holds sockets, of whatever tenant")
    return set(devices.filter(unpaired_at__gte=moment).values_list("pk", flat=True))


def lives_visible_to(actor: Actor, device: Device) -> DeviceQuerySet:
    """Each life of the device's hardware that the actor may see, newest first.

    The lives of others simply do not appear.
    """
    visible: DeviceQuerySet = Device.all_objects.visible_to(actor)
    same: DeviceQuerySet = visible.filter(hardware_id=device.hardware_id).with_presence()
    counted: DeviceQuerySet = same.annotate(input_event_count=Count("input_events"))
    return counted.order_by("-epoch")


def input_events_of(device: Device, actor: Actor) -> list[DeviceEvent]:
    """The last 100 input events of a device the actor may see, newest first."""
    events = DeviceEvent.objects.visible_to(actor).filter(device=device)
    return list(events.order_by("-pk")[:100])
