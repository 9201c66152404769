"""The end of a life: its device may nothing any more, and what was known of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F

from audit.services import recording
from devices import events, permissions, registry, selectors
from devices.choices import LifeEnd, Pairing
from devices.models import ClaimCode, Device, DeviceCredential, DevicePresence, DeviceSession
from devices.services import connectivity, sessions
from devices.services.final_state import final_states
from kernel import live
from kernel.actors import Actor
from kernel.compiled import Slot, Update
from kernel.events import publish
from kernel.locking import lock_rows
from kernel.unit_of_work import require_unit_of_work, unit_of_work

# Why a session closed; presence never brings such a one back.
CLOSE_REASON = "unpaired"
# What the audit calls it; a device whose site or owner went was unpaired with it.
_ACTIONS = {
    LifeEnd.RELEASED: "devices.device.released",
    LifeEnd.TRANSFERRED: "devices.device.transferred",
}
# Lives ended with the same few statements.
_TOGETHER = 500
_ARCHIVED = Update(
    lambda: Device.all_objects.unscoped("a device whose lock is held").filter(pk=Slot("pk"))
)


def unpair_device(*, device_uid: str, actor: Actor, now: datetime) -> Device:
    """End the life of a device of the actor's tenant and return its archive; twice is fine.

    Raises NotFound, PermissionDenied below admin.
    """
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
        permissions.require_own(actor, device.tenant_id)
        return end_life(device_id=device.pk, reason=LifeEnd.UNPAIRED, actor=actor, now=now)


def end_life(*, device_id: int, reason: LifeEnd, actor: Actor, now: datetime) -> Device:
    """End a life within the caller's unit of work; ending an ended one changes nothing.

    Takes the device's lock. Its keys and claim codes are void, its session is fenced, its open
    commands end, and its state of the moment before is kept. Returns the archived device with
    presence, owner, site and session. Raises NotFound.
    """
    require_unit_of_work()
    sessions.lock_session(device_id=device_id)
    (device,) = _end([device_id], reason, actor, now)
    return device


def end_lives(
    *, device_ids: Sequence[int], reason: LifeEnd, actor: Actor, now: datetime
) -> list[Device]:
    """End many lives as `end_life` does, with some statements for hundreds of them.

    Within the caller's unit of work; takes the locks of all devices first, in order. Returns the
    archived devices.
    """
    require_unit_of_work()
    ordered = sorted(device_ids)
    groups = [ordered[start : start + _TOGETHER] for start in range(0, len(ordered), _TOGETHER)]
    for some in groups:
        lock_rows(DeviceSession.objects.filter(device_id__in=some))
    return [device for some in groups for device in _end(some, reason, actor, now)]


def _end(device_ids: Sequence[int], reason: LifeEnd, actor: Actor, now: datetime) -> list[Device]:
    """End lives whose locks are held; those that had ended come back as they were."""
    devices = _reread(device_ids)
    living = [device for device in devices if device.is_active]
    if not living:
        return devices
    keys = [device.pk for device in living]
    # Before the keys go: a socket that hears of both must close as unpaired, not as locked out.
    for device in living:
        publish(
            events.DeviceUnpaired(
                occurred_at=now,
                device_id=device.pk,
                device_uid=device.uid,
                tenant_id=device.tenant_id,
                reason=str(reason),
            )
        )
    # Signs of life come in without the device's lock: none between the look and the end.
    heard = {row.pk: row for row in lock_rows(DevicePresence.objects.filter(pk__in=keys))}
    for device in living:
        device.presence = heard[device.pk]
    kept = final_states(living, now)
    for device in living:
        _archive(device, kept[device.pk], reason, actor, now)
    _lock_out(living, now)
    registry.lives_ended([_ended(device, now) for device in living])
    for device in living:
        _tell(device, kept[device.pk], actor, now)
    return devices


def _reread(device_ids: Sequence[int]) -> list[Device]:
    rows = Device.all_objects.unscoped("the devices whose locks are held")
    related = rows.select_related("presence", "session", "site", "tenant")
    return list(related.filter(pk__in=device_ids).order_by("pk"))


def _archive(
    device: Device, kept: dict[str, object], reason: LifeEnd, actor: Actor, now: datetime
) -> None:
    changes: dict[str, Any] = {
        "pairing": Pairing.UNPAIRED,
        "is_active": False,
        "unpaired_at": now,
        "unpaired_by": actor.label[:200],
        "end_reason": reason,
        "final_state": kept,
    }
    for name, value in changes.items():
        setattr(device, name, value)
    _ARCHIVED.run(where={"pk": device.pk}, **changes)


def _lock_out(devices: Sequence[Device], now: datetime) -> None:
    """Void every key and code, fence the sessions, and let nothing call the devices online."""
    keys = [device.pk for device in devices]
    # Without a word on each key: who hears that the device was unpaired needs none.
    DeviceCredential.objects.filter(device_id__in=keys, revoked_at__isnull=True).update(
        revoked_at=now, key_hash=""
    )
    ClaimCode.objects.filter(device_id__in=keys, used_at__isnull=True).update(used_at=now)
    connectivity.note_ends(device_ids=keys, reason=CLOSE_REASON, now=now)
    DeviceSession.objects.filter(pk__in=keys, is_live=True).update(closed_at=now)
    DeviceSession.objects.filter(pk__in=keys).update(
        epoch=F("epoch") + 1, close_reason=CLOSE_REASON, is_live=False
    )
    DevicePresence.objects.filter(pk__in=keys, is_online=True).update(changed_at=now)
    DevicePresence.objects.filter(pk__in=keys).update(is_online=False, offline_due_at=None)
    for device in devices:
        session, presence = device.session, device.presence
        session.epoch, session.close_reason = session.epoch + 1, CLOSE_REASON
        session.closed_at = now if session.is_live else session.closed_at
        session.is_live = False
        presence.is_online, presence.offline_due_at = False, None


def _ended(device: Device, now: datetime) -> registry.Ended:
    return registry.Ended(
        device_id=device.pk,
        device_uid=device.uid,
        tenant_id=device.tenant_id,
        reason=str(device.end_reason),
        now=now,
    )


def _tell(device: Device, kept: dict[str, object], actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=device.tenant_id,
        action=_ACTIONS.get(LifeEnd(device.end_reason), "devices.device.unpaired"),
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before=kept,
        after={
            "pairing": Pairing.UNPAIRED.value,
            "is_active": False,
            "end_reason": str(device.end_reason),
            "unpaired_at": now.isoformat(),
        },
        now=now,
    )
    live.append(
        tenant_id=device.tenant_id,
        kind="device_removed",
        payload={"device_uid": device.uid, "reason": str(device.end_reason)},
        now=now,
    )
