"""Presence: online by any traffic, offline by silence, each change logged and told once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from django.db import connection
from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.db.models.fields import DateTimeField

from devices.models import DevicePresence, DeviceSession
from devices.services import announcing, connectivity, flapping, timeouts
from devices.types import Contact, Transition
from edge.protocol import limits
from kernel.compiled import Select, Slot
from kernel.locking import lock_rows, locking
from kernel.unit_of_work import before_commit, require_unit_of_work, unit_of_work

# Devices found silent in one transaction; a larger sweep takes several.
SWEEP_CHUNK = 5_000
# Devices brought back in one transaction.
_RETURN_CHUNK = 200
OVER_HTTP: Final = Contact()
_M = TypeVar("_M", bound=Model)
_STATE = Select(
    lambda: DevicePresence.objects.filter(device_id=Slot("device_id")).values_list(
        "device_id",
        "device__uid",
        "device__tenant_id",
        "device__is_active",
        "is_online",
        "last_seen_at",
        "contact",
        "contact_at",
        "changed_at",
        "known_since",
        "is_flapping",
        "offline_after_s",
    )
)


@dataclass(frozen=True, slots=True)
class _State:
    """A presence row as it is under the device's lock, in the order of `_STATE`."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    is_active: bool
    is_online: bool
    last_seen_at: datetime | None
    contact: int
    contact_at: datetime | None
    changed_at: datetime | None
    known_since: datetime | None
    is_flapping: bool
    offline_after_s: int | None


def mark_online(
    *,
    device_id: int,
    by: Contact = OVER_HTTP,
    former: Contact = OVER_HTTP,
    reason: str = connectivity.HEARD,
    now: datetime,
) -> None:
    """Note that the device was heard, within the caller's unit of work, under its lock.

    A session is a contact of its own: where the device is online already, the `former` contact
    ends with it. One whose life has ended stays offline, whoever has just heard it.
    """
    require_unit_of_work()
    state = _state(device_id)
    if state is None or not state.is_active:
        return
    due = _due(now)
    row = DevicePresence.objects.filter(device_id=device_id)
    if state.is_online and by.session_epoch is None:
        row.update(last_seen_at=now, offline_due_at=due)
        return
    changes = (
        {} if state.is_online else {"changed_at": now, "known_since": state.known_since or now}
    )
    row.update(
        is_online=True,
        last_seen_at=now,
        offline_due_at=due,
        contact=state.contact + 1,
        contact_at=now,
        **changes,
    )
    if state.is_online:
        _note_end(state, former, connectivity.SUPERSEDED, now)
        reason = connectivity.TOOK_OVER
    connectivity.note_begin(
        device_id=device_id,
        tenant_id=state.tenant_id,
        number=state.contact + 1,
        contact=by,
        reason=reason,
        now=now,
    )
    if not state.is_online:
        _changed(state, is_online=True, reason=reason, seen=now, now=now)


def mark_offline(*, device_id: int, of: Contact = OVER_HTTP, reason: str, now: datetime) -> None:
    """Note that the contact ended, within the caller's unit of work, under the device's lock."""
    require_unit_of_work()
    state = _state(device_id)
    if state is None or not state.is_online:
        return
    DevicePresence.objects.filter(device_id=device_id).update(
        is_online=False, offline_due_at=None, changed_at=now
    )
    _note_end(state, of, reason, now)
    _changed(state, is_online=False, reason=reason, seen=state.last_seen_at, now=now)


def take_offline(*, device_ids: Sequence[int], reason: str, now: datetime) -> list[int]:
    """Note for many at once that they are gone; returns those that were not gone before.

    Within the caller's unit of work, under the devices' locks, before their sessions are closed.
    """
    require_unit_of_work()
    return _take(DevicePresence.objects.filter(device_id__in=device_ids), reason, now)


def touch(*, device_ids: Collection[int], now: datetime) -> None:
    """Note in one statement that these devices were heard; those swept meanwhile come back."""
    if not device_ids:
        return
    # Only forwards: a batch written late must not pull a newer time back.
    heard = DevicePresence.objects.filter(device_id__in=device_ids)
    updated = (
        heard.filter(is_online=True)
        .filter(Q(last_seen_at__lt=now) | Q(last_seen_at__isnull=True))
        .update(last_seen_at=now, offline_due_at=_due(now))
    )
    if updated == len(device_ids):
        return
    gone = sorted(heard.filter(is_online=False).values_list("device_id", flat=True))
    for start in range(0, len(gone), _RETURN_CHUNK):
        _bring_back(gone[start : start + _RETURN_CHUNK], now)


def sweep(now: datetime) -> int:
    """Find the devices that have been silent too long; returns how many went offline.

    Any number of sweepers may run: each device is taken by a compare-and-set on its deadline.
    """
    due = DevicePresence.objects.filter(is_online=True, offline_due_at__lte=now)
    # One look for all: another one after each piece would pass by everything done before it.
    silent = sorted(due.values_list("device_id", flat=True))
    pieces = range(0, len(silent), SWEEP_CHUNK)
    return sum(_sweep(silent[start : start + SWEEP_CHUNK], now) for start in pieces)


@unit_of_work()
def _sweep(device_ids: list[int], now: datetime) -> int:
    sessions = _among(DeviceSession.objects.all(), device_ids)
    list(locking(sessions).values_list("device_id"))
    # A device heard between the look and the lock keeps its place.
    silent = _among(DevicePresence.objects.filter(offline_due_at__lte=now), device_ids)
    gone = _take(silent, connectivity.SILENCE, now)
    _among(DeviceSession.objects.filter(is_live=True), gone).update(
        is_live=False, closed_at=now, close_reason=connectivity.SILENCE
    )
    return len(gone)


def _take(presences: QuerySet[DevicePresence], reason: str, now: datetime) -> list[int]:
    """Lock those that are online, log the ends of their contacts, and note that they are gone."""
    # Most have not changed for long: a time that says no more than that is not worth its reading.
    lately = Case(When(changed_at__gt=now - flapping.WITHIN, then=F("changed_at")))
    rows = locking(presences.filter(is_online=True)).values_list(
        "device_id", "device__uid", "tenant_id", "last_seen_at", lately, "is_flapping"
    )
    gone = []
    for device_id, uid, tenant_id, seen, previous, is_flapping in rows:
        gone.append(device_id)
        change = Transition(
            device_id=device_id,
            device_uid=uid,
            tenant_id=tenant_id,
            is_online=False,
            reason=reason,
            at=now,
            last_seen_at=seen,
            previous_at=previous,
            is_flapping=is_flapping,
        )
        before_commit(_announce, change)
    connectivity.note_ends(device_ids=gone, reason=reason, now=now)
    _among(DevicePresence.objects.all(), gone).update(
        is_online=False, offline_due_at=None, changed_at=now
    )
    return gone


@unit_of_work()
def _bring_back(device_ids: Sequence[int], now: datetime) -> None:
    """Devices that were taken for gone still hold their sessions: both come back to life."""
    for session in lock_rows(DeviceSession.objects.filter(device_id__in=device_ids)):
        if session.is_live or session.close_reason != connectivity.SILENCE:
            continue
        DeviceSession.objects.filter(pk=session.pk).update(
            is_live=True, closed_at=None, close_reason=""
        )
        mark_online(
            device_id=session.pk,
            by=contact_of(session),
            reason=connectivity.HEARD_AGAIN,
            now=now,
        )


def contact_of(session: DeviceSession) -> Contact:
    """The contact that a session is."""
    return Contact(session_epoch=session.epoch, wire=session.wire, address=session.address)


def heartbeat_seconds(offline_after_s: int | None = None) -> int:
    """How often a device should speak: three chances before it counts as offline, or more."""
    return min(max(1, timeouts.in_force(offline_after_s) // 3), limits.MAX_HEARTBEAT_SECONDS)


def _announce(changes: list[Transition]) -> None:
    """Tell what happened in this unit of work, but for what flapping devices did."""
    announcing.tell(flapping.fold(changes))


def _changed(
    state: _State, *, is_online: bool, reason: str, seen: datetime | None, now: datetime
) -> None:
    change = Transition(
        device_id=state.device_id,
        device_uid=state.device_uid,
        tenant_id=state.tenant_id,
        is_online=is_online,
        reason=reason,
        at=now,
        last_seen_at=seen,
        previous_at=state.changed_at,
        is_flapping=state.is_flapping,
    )
    before_commit(_announce, change)


def _note_end(state: _State, contact: Contact, reason: str, now: datetime) -> None:
    connectivity.note_end(
        device_id=state.device_id,
        tenant_id=state.tenant_id,
        number=state.contact,
        contact=contact,
        reason=reason,
        began_at=state.contact_at,
        now=now,
    )


def _state(device_id: int) -> _State | None:
    found = _STATE.first(device_id=device_id)
    return None if found is None else _State(*found)


def _among(rows: QuerySet[_M], device_ids: Sequence[int]) -> QuerySet[_M]:
    """Rows of these devices; thousands of keys travel as one array where that can be."""
    if connection.vendor != "postgresql":
        return rows.filter(device_id__in=device_ids)
    column = f'"{rows.model._meta.db_table}"."device_id"'
    # A name of ours; the keys are a parameter.
    return rows.extra(where=[f"{column} = ANY(%s)"], params=[list(device_ids)])  # noqa: S610


def _due(now: datetime) -> object:
    return Value(now, output_field=DateTimeField()) + timeouts.silence()
