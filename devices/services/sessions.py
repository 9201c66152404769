"""Sessions of devices: opened with a higher epoch, fenced by the next one."""

from __future__ import annotations

from datetime import datetime

from devices import errors, events
from devices.models import Device, DeviceSession
from devices.services import presence
from devices.types import SessionFacts
from kernel import errors as kernel_errors
from kernel.compiled import Select, Slot, Update
from kernel.events import publish
from kernel.failpoints import failpoint
from kernel.locking import lock_rows, locking
from kernel.unit_of_work import require_unit_of_work, unit_of_work

_LOCKED_SESSION = Select(
    lambda: locking(DeviceSession.objects.filter(device_id=Slot("device_id"))).values_list(
        "epoch", "is_live", "observed_seq"
    )
)
# A statement of its own: one that also waits for the lock would show what was before the wait.
_DEVICE = Select(
    lambda: (
        Device.all_objects.unscoped("the caller has found the device within its scope")
        .filter(pk=Slot("device_id"))
        .values_list(
            "uid",
            "tenant_id",
            "is_active",
            "relay_count",
            "presence__is_online",
            "presence__last_seen_at",
        )
    )
)
_OBSERVED = Update(
    lambda: DeviceSession.objects.filter(
        device_id=Slot("device_id"), epoch=Slot("epoch"), observed_seq__lt=Slot("state_seq")
    )
)


def lock_session(*, device_id: int) -> SessionFacts:
    """Lock the device until the unit of work ends: the first lock of every write for a device."""
    require_unit_of_work()
    session = _LOCKED_SESSION.first(device_id=device_id)
    device = _DEVICE.first(device_id=device_id)
    if session is None or device is None:
        raise kernel_errors.NotFound
    epoch, is_live, observed_seq = session
    uid, tenant_id, is_active, relay_count, is_online, last_seen_at = device
    return SessionFacts(
        device_id=device_id,
        device_uid=uid,
        tenant_id=tenant_id,
        epoch=epoch,
        is_live=is_live,
        is_active=is_active,
        relay_count=relay_count,
        is_online=bool(is_online),
        last_seen_at=last_seen_at,
        observed_seq=observed_seq,
    )


def require_current(facts: SessionFacts, epoch: int) -> None:
    """Refuse a write by a session that a newer one has replaced. Raises SessionFenced."""
    if not facts.is_active:
        raise errors.DeviceUnpaired
    if facts.epoch != epoch:
        raise errors.SessionFenced


def require_living(facts: SessionFacts) -> None:
    """Refuse a change of a device whose life has ended. Raises DeviceArchived."""
    if not facts.is_active:
        raise errors.DeviceArchived


def accept_observation(*, facts: SessionFacts, state_seq: int | None) -> bool:
    """Whether the device's words about its state are newer than those already believed.

    Within the caller's unit of work, under the device's lock. Words without a number cannot be
    ordered: the caller judges them.
    """
    if state_seq is None:
        return True
    newer = {"device_id": facts.device_id, "epoch": facts.epoch, "state_seq": state_seq}
    return bool(_OBSERVED.run(where=newer, observed_seq=state_seq))


def open_session(
    *, device_id: int, wire: str = "websocket", address: str | None, now: datetime
) -> SessionFacts:
    """Open the next session of the device and fence those before it."""
    with unit_of_work():
        facts = lock_session(device_id=device_id)
        if not facts.is_active:
            raise errors.DeviceUnpaired
        epoch = facts.epoch + 1
        DeviceSession.objects.filter(device_id=device_id).update(
            epoch=epoch,
            is_live=True,
            wire=wire,
            opened_at=now,
            closed_at=None,
            close_reason="",
            observed_seq=-1,
            address=address or "",
        )
        presence.mark_online(device_id=device_id, now=now)
        publish(events.SessionOpened(occurred_at=now, device_id=device_id, epoch=epoch))
        failpoint("devices.session.written")
    failpoint("devices.session.committed")
    return SessionFacts(
        device_id=device_id,
        device_uid=facts.device_uid,
        tenant_id=facts.tenant_id,
        epoch=epoch,
        is_live=True,
        is_active=True,
        relay_count=facts.relay_count,
        is_online=True,
        last_seen_at=now,
    )


def close_session(*, device_id: int, epoch: int, reason: str, now: datetime) -> bool:
    """End the session if it is still the present one; the device is offline at once.

    Returns False for a session that was fenced or closed before: nothing changed.
    """
    with unit_of_work():
        lock_rows(DeviceSession.objects.filter(device_id=device_id))
        closed = DeviceSession.objects.filter(
            device_id=device_id, epoch=epoch, is_live=True
        ).update(is_live=False, closed_at=now, close_reason=reason[:40])
        if not closed:
            return False
        presence.mark_offline(device_id=device_id, now=now)
        publish(
            events.SessionClosed(occurred_at=now, device_id=device_id, epoch=epoch, reason=reason)
        )
    return True


def close_orphans(*, now: datetime) -> int:
    """Close every live session: for the start of the only process, which holds none yet."""
    live = list(DeviceSession.objects.filter(is_live=True).values_list("device_id", "epoch"))
    for device_id, epoch in live:
        close_session(device_id=device_id, epoch=epoch, reason="server_restart", now=now)
    return len(live)
