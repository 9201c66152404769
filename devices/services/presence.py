"""Presence: online by any traffic, offline by silence, each change logged and told once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import Case, F, Model, QuerySet, Value, When
from django.db.models.fields import DateTimeField

from devices.choices import Wire
from devices.models import DevicePresence, DeviceSession
from devices.services import (
    announcing,
    connectivity,
    flapping,
    lateness,
    presence_keys,
    presence_rows,
    presence_state,
    timeouts,
)
from devices.services.presence_state import State
from devices.types import Absence, Contact, Transition
from edge.protocol import limits
from kernel.locking import lock_rows, locking
from kernel.unit_of_work import before_commit, require_unit_of_work, unit_of_work

# Devices found silent in one transaction; a larger sweep takes several.
SWEEP_CHUNK = 5_000
# Rows of signs of life written in one transaction.
_SIGNS_CHUNK = 2_000
# Devices brought back in one transaction.
_RETURN_CHUNK = 200
# What ends a session for these ends the connections of the device's MQTT client too.
_ENDS_ALL: Final = frozenset({"unpaired", "credential_revoked"})
OVER_HTTP: Final = Contact()
_MAX_CLIENT_SESSION = 64
_M = TypeVar("_M", bound=Model)


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
    state = presence_state.read(device_id)
    if state is None or not state.is_active:
        return
    if state.is_online and by.session_epoch is None:
        presence_state.row(device_id).update(last_seen_at=now, offline_due_at=_due(now))
        return
    _begin(state, by, former, reason, now)


def greet(*, device_id: int, client_session: str, held: Contact | None, now: datetime) -> bool:
    """Note that the device's MQTT client has connected, as `mark_online` notes who was heard.

    While a session holds the device (`held`), that one stays its contact. A connection that was
    lost does not begin again: its greeting came late, and False is returned.
    """
    require_unit_of_work()
    state = presence_state.read(device_id)
    named = client_session[:_MAX_CLIENT_SESSION]
    if state is None or not state.is_active:
        return False
    if state.client_session == named and state.client_lost_at is not None:
        return False
    presence_state.row(device_id).update(client_session=named, client_lost_at=None)
    # Its messages may come before its greeting: they have begun the contact then.
    has_begun = state.wire == Wire.MQTT and state.greeter in ("", named)
    if state.is_online and (held is not None or has_begun):
        presence_state.row(device_id).update(last_seen_at=now, offline_due_at=_due(now))
        return True
    by = Contact(wire=Wire.MQTT, client_session=named)
    _begin(state, by, state.sessionless, connectivity.GREETED, now)
    return True


def say_goodbye(
    *, device_id: int, client_session: str, held: Contact | None, now: datetime
) -> bool:
    """Note that a connection of the device's MQTT client was lost, as `mark_offline` does.

    Returns whether the device is offline by it: not while a session holds it, nor when it is
    heard over HTTP, nor when a newer connection has greeted.
    """
    require_unit_of_work()
    state = presence_state.read(device_id)
    if state is None or state.greeter != client_session[:_MAX_CLIENT_SESSION]:
        return False
    presence_state.row(device_id).update(client_lost_at=now)
    if not state.is_online or held is not None or state.wire != Wire.MQTT:
        return False
    mark_offline(device_id=device_id, reason=connectivity.CONNECTION_LOST, now=now)
    return True


def mark_offline(*, device_id: int, of: Contact = OVER_HTTP, reason: str, now: datetime) -> None:
    """Note that the contact ended, within the caller's unit of work, under the device's lock.

    Where a session ends beside an MQTT client that has greeted and was not lost, the contact goes
    over to that one: the device is offline by its word or by silence.
    """
    require_unit_of_work()
    state = presence_state.read(device_id)
    if state is None or not state.is_online:
        return
    is_session = of.session_epoch is not None
    if is_session and state.greeter and state.is_active and reason not in _ENDS_ALL:
        by = Contact(wire=Wire.MQTT, client_session=state.greeter)
        _hand_over(state, of, by, reason, now)
        return
    presence_state.row(device_id).update(is_online=False, offline_due_at=None, changed_at=now)
    _note_end(state, of, reason, now)
    _changed(state, is_online=False, reason=reason, seen=state.last_seen_at, now=now)


def go_over(*, device_id: int, of: Contact, to: Contact, reason: str, now: datetime) -> None:
    """Note that the device left a session for a contact without one, and was there all the time.

    Within the caller's unit of work, under the device's lock.
    """
    require_unit_of_work()
    state = presence_state.read(device_id)
    if state is not None and state.is_online and state.is_active:
        _hand_over(state, of, to, reason, now)


def take_offline(*, device_ids: Sequence[int], reason: str, now: datetime) -> list[int]:
    """Note for many at once that they are gone; returns those that were not gone before.

    Within the caller's unit of work, under the devices' locks, before their sessions are closed.
    """
    require_unit_of_work()
    return _take(DevicePresence.objects.filter(device_id__in=device_ids), reason, now)


def touch(*, device_ids: Collection[int], now: datetime) -> dict[int, float | None]:
    """Note that these devices were heard at one time, as `note_signs` does."""
    return note_signs(signs=dict.fromkeys(device_ids, now))


def note_signs(*, signs: Mapping[int, datetime]) -> dict[int, float | None]:
    """Note when each of these devices was heard; those swept before that come back.

    Returns for how many seconds their rows need no writing, None for those that were offline; who
    is left out is to be noted again, because another transaction holds its row.
    """
    fresh: dict[int, int | None] = {}
    ordered = sorted(signs)
    for start in range(0, len(ordered), _SIGNS_CHUNK):
        some = {one: signs[one] for one in ordered[start : start + _SIGNS_CHUNK]}
        with unit_of_work():
            fresh |= presence_rows.write(some)
    noted: dict[int, float | None] = {
        one: timeouts.noted_every(allowed) for one, allowed in fresh.items()
    }
    missed = [one for one in ordered if one not in fresh]
    if missed:
        noted |= _note_missed({one: signs[one] for one in missed})
    return noted


def _note_missed(signs: Mapping[int, datetime]) -> dict[int, float | None]:
    """Those whose rows were not to be written: heard later already, offline, or held."""
    rows = DevicePresence.objects.filter(device_id__in=list(signs)).values_list(
        "device_id", "is_online", "last_seen_at", "changed_at", "offline_after_s"
    )
    settled: dict[int, float | None] = {}
    gone = []
    for device_id, is_online, seen, changed, allowed in rows:
        at = signs[device_id]
        if not is_online or (seen is not None and seen >= at):
            settled[device_id] = timeouts.noted_every(allowed) if is_online else None
        # A sign from before it was taken for gone brings nobody back.
        if not is_online and (changed is None or changed < at):
            gone.append(device_id)
    for start in range(0, len(gone), _RETURN_CHUNK):
        some = sorted(gone)[start : start + _RETURN_CHUNK]
        _bring_back({one: signs[one] for one in some})
    return settled


def sweep(now: datetime, *, absence: Absence | None = None) -> int:
    """Find the devices that have been silent too long; returns how many went offline.

    Any number of sweepers may run: each device is taken by a compare-and-set on its deadline.
    Those that were silent so long only because the server was away (`absence`) go for that reason.
    """
    due = DevicePresence.objects.filter(is_online=True, offline_due_at__lte=now)
    # One look for all: another one after each piece would pass by everything done before it.
    silent = sorted(
        due.values_list("device_id", "last_seen_at", "offline_after_s"), key=itemgetter(0)
    )
    pieces = [silent[start : start + SWEEP_CHUNK] for start in range(0, len(silent), SWEEP_CHUNK)]
    return sum(_sweep(lateness.still_silent(piece, now), absence, now) for piece in pieces)


@unit_of_work()
def _sweep(device_ids: list[int], absence: Absence | None, now: datetime) -> int:
    sessions = _among(DeviceSession.objects.all(), device_ids)
    # Whoever is busy with a device may be slow, or dead: the others do not wait for it.
    free = list(locking(sessions, waits=False).values_list("device_id", flat=True))
    # A device noted between the look and the lock keeps its place.
    silent = _among(DevicePresence.objects.filter(offline_due_at__lte=now), free)
    gone = []
    if absence is not None:
        unheard = silent.filter(
            last_seen_at__lte=absence.since, offline_due_at__gt=now - absence.length
        )
        gone += _take(unheard, connectivity.SERVER_RESTART, now)
    gone += _take(silent, connectivity.SILENCE, now)
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
def _bring_back(signs: Mapping[int, datetime]) -> None:
    """Devices that were taken for gone still hold their sessions: both come back to life."""
    for session in lock_rows(DeviceSession.objects.filter(device_id__in=list(signs))):
        if session.is_live or session.close_reason != connectivity.SILENCE:
            continue
        DeviceSession.objects.filter(pk=session.pk).update(
            is_live=True, closed_at=None, close_reason=""
        )
        mark_online(
            device_id=session.pk,
            by=contact_of(session),
            reason=connectivity.HEARD_AGAIN,
            now=signs[session.pk],
        )


def contact_of(session: DeviceSession) -> Contact:
    """The contact that a session is."""
    return Contact(session_epoch=session.epoch, wire=session.wire, address=session.address)


def heartbeat_seconds(offline_after_s: int | None = None) -> int:
    """How often a device should speak: three chances before it counts as offline, or more."""
    return min(max(1, timeouts.in_force(offline_after_s) // 3), limits.MAX_HEARTBEAT_SECONDS)


def _announce(changes: list[Transition]) -> None:
    """Tell what happened in this unit of work, but for what flapping devices did."""
    presence_keys.tell_after_commit(changes)
    announcing.tell(flapping.fold(changes))


def _changed(
    state: State, *, is_online: bool, reason: str, seen: datetime | None, now: datetime
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


def _begin(state: State, by: Contact, former: Contact, reason: str, now: datetime) -> None:
    """Begin the next contact; whichever was there ends with it."""
    changes: dict[str, Any] = {"contact": state.contact + 1, "contact_at": now}
    if by.session_epoch is None:
        changes |= {"wire": by.wire, "address": by.address}
    if not state.is_online:
        changes |= {
            "is_online": True, "changed_at": now, "known_since": state.known_since or now,
        }  # fmt: skip
    presence_state.row(state.device_id).update(
        last_seen_at=now, offline_due_at=_due(now), **changes
    )
    if state.is_online:
        _note_end(state, former, connectivity.SUPERSEDED, now)
        reason = connectivity.TOOK_OVER
    connectivity.note_begin(
        device_id=state.device_id,
        tenant_id=state.tenant_id,
        number=state.contact + 1,
        contact=by,
        reason=reason,
        now=now,
    )
    if not state.is_online:
        _changed(state, is_online=True, reason=reason, seen=now, now=now)


def _hand_over(state: State, of: Contact, by: Contact, reason: str, now: datetime) -> None:
    """Go on with another contact; the device's silence is counted from what was heard."""
    presence_state.row(state.device_id).update(
        contact=state.contact + 1, contact_at=now, wire=by.wire, address=by.address
    )
    _note_end(state, of, reason, now)
    connectivity.note_begin(
        device_id=state.device_id,
        tenant_id=state.tenant_id,
        number=state.contact + 1,
        contact=by,
        reason=connectivity.TOOK_OVER,
        now=now,
    )


def _note_end(state: State, contact: Contact, reason: str, now: datetime) -> None:
    connectivity.note_end(
        device_id=state.device_id,
        tenant_id=state.tenant_id,
        number=state.contact,
        # What is known of a contact without a session is in its row.
        contact=state.sessionless if contact.session_epoch is None else contact,
        reason=reason,
        began_at=state.contact_at,
        now=now,
    )


def _among(rows: QuerySet[_M], device_ids: Sequence[int]) -> QuerySet[_M]:
    """Rows of these devices; thousands of keys travel as one array where that can be."""
    if connection.vendor != "postgresql":
        return rows.filter(device_id__in=device_ids)
    column = f'"{rows.model._meta.db_table}"."device_id"'
    # A name of ours; the keys are a parameter.
    return rows.extra(where=[f"{column} = ANY(%s)"], params=[list(device_ids)])  # noqa: S610


def _due(now: datetime) -> object:
    return Value(now, output_field=DateTimeField()) + timeouts.silence()
