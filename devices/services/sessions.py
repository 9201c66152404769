"""Sessions of devices: opened with a higher epoch, fenced by the next one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from devices import errors, events
from devices.models import Device, DeviceSession
from devices.services import connectivity, presence, timeouts
from devices.session_types import NOWHERE, Beside
from devices.types import Contact, HeldSession, SessionFacts
from kernel import errors as kernel_errors
from kernel.compiled import Select, Slot, Update, key_slot
from kernel.events import publish
from kernel.failpoints import failpoint
from kernel.locking import lock_rows, locking
from kernel.unit_of_work import require_unit_of_work, unit_of_work

# Sessions closed in one transaction.
_TOGETHER = 500
_POLL_NOTED_EVERY: Final = timedelta(seconds=5)
_LOCKED_SESSION = Select(
    lambda: locking(DeviceSession.objects.filter(device_id=Slot("device_id"))).values_list(
        "epoch", "is_live", "observed_seq", "wire", "address", "close_reason"
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
            "presence__offline_after_s",
        )
    )
)
# Not read for a device in a session, where every command would pay for it.
_BESIDE = Select(
    lambda: DeviceSession.objects.filter(device_id=Slot("device_id")).values_list(
        "device__presence__client_session",
        "device__presence__client_lost_at",
        "greeted_at",
        "polled_at",
        "polls_since",
        "device__poll_interval_s",
    )
)
# For as many devices as there are slots: the last key may come several times.
_LOCKED_ALL = Select(
    lambda length: locking(
        DeviceSession.objects.filter(device_id__in=[key_slot(n) for n in range(length)])
    ).values_list("pk")
)
_PRESENT = Select(
    lambda length: DeviceSession.objects.filter(
        device_id__in=[key_slot(n) for n in range(length)]
    ).values_list("device_id", "epoch", "device__is_active", "device__tenant_id")
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
    epoch, is_live, observed_seq, wire, address, close_reason = session
    uid, tenant_id, is_active, relay_count, is_online, last_seen_at, offline_after_s = device
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
        wire=wire,
        address=address,
        close_reason=close_reason,
        offline_after_s=offline_after_s,
        beside=NOWHERE if is_live else _beside(device_id),
    )


def lock_on_every_wire(*, device_id: int) -> SessionFacts:
    """The same, with how it is heard besides a session that holds it."""
    facts = lock_session(device_id=device_id)
    return replace(facts, beside=_beside(device_id)) if facts.is_live else facts


def _beside(device_id: int) -> Beside:
    client_session, client_lost_at, greeted_at, polled_at, polls_since, poll_interval_s = (
        _BESIDE.first(device_id=device_id)
    )
    return Beside(
        greeter="" if client_lost_at else client_session or "",
        greeted_at=greeted_at,
        polled_at=polled_at,
        polls_since=polls_since,
        poll_interval_s=poll_interval_s,
    )


def require_current(facts: SessionFacts, epoch: int | None) -> None:
    """Refuse a write by a session that a newer one has replaced. Raises SessionFenced.

    A wire without sessions writes without an `epoch`: nothing but the end of the life fences it.
    """
    if not facts.is_active:
        raise errors.DeviceUnpaired
    if epoch is not None and facts.epoch != epoch:
        raise errors.SessionFenced


def lock_devices(*, device_ids: Collection[int], device_uids: Collection[str] = ()) -> None:
    """Lock many devices at once, in the one order, until the unit of work ends."""
    require_unit_of_work()
    # SQLite has no row locks: there the unit of work holds the only write lock.
    if not connection.features.has_select_for_update:
        return
    everybody = Device.all_objects.unscoped("whoever may not speak is judged under the lock")
    named = everybody.filter(uid__in=device_uids).values_list("pk", flat=True)
    wanted = {*device_ids, *named} if device_uids else device_ids
    if wanted:
        keys = _slots(wanted)
        _LOCKED_ALL.rows(len(keys), **keys)


def lock_free_devices(*, device_ids: Collection[int]) -> set[int]:
    """Lock those of the devices that nobody else holds and return them: it waits for none."""
    require_unit_of_work()
    free = locking(DeviceSession.objects.filter(device_id__in=device_ids), waits=False)
    return set(free.values_list("device_id", flat=True))


def confirm_sessions(
    *, held: Collection[HeldSession]
) -> dict[HeldSession, HeldSession | kernel_errors.HomepotError]:
    """Lock the devices of these sessions and tell of each who owns it now, or why it is over.

    For many at once, within the caller's unit of work: until it ends, no newer session of theirs
    begins and none of their lives ends. A session that is over is a SessionFenced or a
    DeviceUnpaired; neither is raised.
    """
    require_unit_of_work()
    if not held:
        return {}
    device_ids = {session.device_id for session in held}
    lock_devices(device_ids=device_ids)
    # A statement of its own: one that also waits for the lock would show what was before the wait.
    keys = _slots(device_ids)
    present = {row[0]: row[1:] for row in _PRESENT.rows(len(keys), **keys)}
    return {session: _judged(session, present.get(session.device_id)) for session in held}


def _judged(
    session: HeldSession, present: tuple[int, bool, int | None] | None
) -> HeldSession | kernel_errors.HomepotError:
    epoch, is_active, tenant_id = present or (0, False, None)
    if not is_active:
        return errors.DeviceUnpaired()
    if epoch != session.epoch:
        return errors.SessionFenced()
    return session if tenant_id == session.tenant_id else session._replace(tenant_id=tenant_id)


def _slots(keys: Collection[int]) -> dict[str, int]:
    """The keys for statements of a few lengths only: the last one fills up the rest."""
    ordered = sorted(keys)
    length = 1 << (len(ordered) - 1).bit_length()
    ordered += ordered[-1:] * (length - len(ordered))
    return {f"key_{position}": key for position, key in enumerate(ordered)}


def require_living(facts: SessionFacts) -> None:
    """Refuse a change of a device whose life has ended. Raises DeviceArchived."""
    if not facts.is_active:
        raise errors.DeviceArchived


def accept_observation(
    *, facts: SessionFacts, state_seq: int | None, is_counting_anew: bool = False
) -> bool:
    """Whether the device's words about its state are newer than those already believed.

    Within the caller's unit of work, under the device's lock. Words without a number cannot be
    ordered: the caller judges them. Those of a device that may be `is_counting_anew` are believed
    whatever their number, from which the count goes on.
    """
    if state_seq is None:
        return True
    if is_counting_anew:
        _row(facts.device_id).update(observed_seq=state_seq)
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
        _row(device_id).update(
            epoch=epoch,
            is_live=True,
            wire=wire,
            opened_at=now,
            closed_at=None,
            close_reason="",
            observed_seq=-1,
            address=address or "",
            polled_at=None,
            polls_since=None,
        )
        presence.mark_online(
            device_id=device_id,
            by=Contact(session_epoch=epoch, wire=wire, address=address or ""),
            former=_contact(facts),
            reason=_why_it_opens(facts),
            now=now,
        )
        publish(events.SessionOpened(occurred_at=now, device_id=device_id, epoch=epoch))
        failpoint("devices.session.written")
    failpoint("devices.session.committed")
    return replace(
        facts,
        epoch=epoch,
        is_live=True,
        is_online=True,
        last_seen_at=now,
        observed_seq=-1,
        wire=wire,
        address=address or "",
        close_reason="",
        beside=NOWHERE,
    )


def note_poll(*, facts: SessionFacts, now: datetime) -> SessionFacts:
    """Note that the device fetches its commands over HTTP, within the caller's unit of work.

    Locked `lock_on_every_wire`. A device that has done so for as long as it may be silent has left
    its session, whatever holds that one: it ends, and is fenced. Returns the device as it stood
    before, but for such a session.
    """
    require_unit_of_work()
    before = facts.beside
    is_going_on = before.is_polling(now)
    since = before.polls_since if is_going_on and before.polls_since is not None else now
    if facts.is_live and now - since >= timedelta(seconds=timeouts.in_force(facts.offline_after_s)):
        facts = leave(facts=facts, to=presence.OVER_HTTP, now=now)
    if not is_going_on or before.polled_at is None or now - before.polled_at >= _POLL_NOTED_EVERY:
        _row(facts.device_id).update(polled_at=now, polls_since=since)
    return facts


def note_greeting(*, facts: SessionFacts, now: datetime) -> None:
    """Note that the device took to MQTT, within the caller's unit of work, under its lock."""
    require_unit_of_work()
    _row(facts.device_id).update(greeted_at=now, polled_at=None, polls_since=None)
    if not facts.is_live:
        _row(facts.device_id).update(observed_seq=-1)


def leave(*, facts: SessionFacts, to: Contact, now: datetime) -> SessionFacts:
    """End and fence the live session of a device that has gone over to a contact without one.

    Within the caller's unit of work, under the device's lock. Returns how it stands then.
    """
    require_unit_of_work()
    left = Contact(session_epoch=facts.epoch, wire=facts.wire, address=facts.address)
    presence.go_over(
        device_id=facts.device_id, of=left, to=to, reason=connectivity.SUPERSEDED, now=now
    )
    _closed([facts.device_id], connectivity.SUPERSEDED, now)
    _row(facts.device_id).update(epoch=facts.epoch + 1, observed_seq=-1)
    _tell(facts.device_id, facts.epoch, connectivity.SUPERSEDED, now)
    return replace(facts, epoch=facts.epoch + 1, is_live=False)


def _row(device_id: int) -> QuerySet[DeviceSession]:
    return DeviceSession.objects.filter(device_id=device_id)


def close_session(*, device_id: int, epoch: int, reason: str, now: datetime) -> bool:
    """End the session if it is still the present one; the device is offline at once.

    Returns False for a session that was fenced or closed before: nothing changed.
    """
    with unit_of_work():
        (session,) = lock_rows(DeviceSession.objects.filter(device_id=device_id)) or (None,)
        if session is None or session.epoch != epoch or not session.is_live:
            return False
        _closed([device_id], reason, now)
        presence.mark_offline(
            device_id=device_id, of=presence.contact_of(session), reason=reason, now=now
        )
        _tell(device_id, epoch, reason, now)
    return True


def close_orphans(*, now: datetime) -> int:
    """Close every live session: for the start of the only process, which holds none yet."""
    closed = 0
    live = DeviceSession.objects.filter(is_live=True)
    while device_ids := list(live.values_list("device_id", flat=True)[:_TOGETHER]):
        closed += _close_all(sorted(device_ids), connectivity.SERVER_RESTART, now)
    return closed


@unit_of_work()
def _close_all(device_ids: list[int], reason: str, now: datetime) -> int:
    sessions = lock_rows(DeviceSession.objects.filter(device_id__in=device_ids, is_live=True))
    held = [session.pk for session in sessions]
    presence.take_offline(device_ids=held, reason=reason, now=now)
    _closed(held, reason, now)
    for session in sessions:
        _tell(session.pk, session.epoch, reason, now)
    return len(held)


def _closed(device_ids: list[int], reason: str, now: datetime) -> None:
    DeviceSession.objects.filter(device_id__in=device_ids, is_live=True).update(
        is_live=False, closed_at=now, close_reason=reason[:40]
    )


def _tell(device_id: int, epoch: int, reason: str, now: datetime) -> None:
    publish(events.SessionClosed(occurred_at=now, device_id=device_id, epoch=epoch, reason=reason))


def _contact(facts: SessionFacts) -> Contact:
    """The contact that ends when another session begins."""
    if not facts.is_live:
        return presence.OVER_HTTP
    return Contact(session_epoch=facts.epoch, wire=facts.wire, address=facts.address)


def _why_it_opens(facts: SessionFacts) -> str:
    restarted = not facts.is_live and facts.close_reason == connectivity.SERVER_RESTART
    return connectivity.AFTER_RESTART if restarted else connectivity.OPENED
