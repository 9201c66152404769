"""Devices on wires without sessions: every call over HTTP and message over MQTT is a sign of life.

A call proves its key; of a message the broker has authenticated the sender.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from django.conf import settings
from django.db import transaction

from devices import errors
from devices.choices import Pairing, Wire
from devices.models import Device, DeviceCredential
from devices.services import (
    credentials,
    left_sessions,
    presence,
    sessions,
    signs_of_life,
    timeouts,
)
from devices.types import Contact, DeviceFacts, KnownCaller, KnownPublisher, SessionFacts
from kernel import row_security
from kernel.compiled import Select, Slot, key_slot
from kernel.errors import InvalidCredentials, NotFound
from kernel.unit_of_work import before_commit, require_unit_of_work, unit_of_work

# For as many devices as there are slots: the last key may come several times.
_LIVING_KEYS = Select(
    lambda length: (
        DeviceCredential.objects.filter(
            pk__in=[key_slot(n) for n in range(length)], revoked_at__isnull=True
        )
        .exclude(key_hash="")
        .exclude(device__pairing=Pairing.UNPAIRED)
        .values_list(
            "pk",
            "retires_at",
            "device__uid",
            "device__device_id",
            "device__tenant_id",
            "device__presence__is_online",
            "device__presence__last_seen_at",
            "device__presence__offline_after_s",
        )
    )
)
_LIVING = Select(
    lambda length: (
        Device.objects.unscoped("whom the broker lets in is known by name only")
        .filter(uid__in=[Slot(f"uid_{n}") for n in range(length)])
        .exclude(pairing=Pairing.UNPAIRED)
        .values_list(
            "pk",
            "uid",
            "tenant_id",
            "presence__is_online",
            "presence__last_seen_at",
            "presence__offline_after_s",
            "presence__client_session",
            "presence__client_lost_at",
            "session__is_live",
            "session__opened_at",
            "session__greeted_at",
        )
    )
)
_OVER_MQTT: Final = Contact(wire=Wire.MQTT)
# A device that is let in anew in quick succession is written down as heard this often at most.
_NOTED_EVERY = timedelta(seconds=5)
_Key = TypeVar("_Key", int, str)


class _Heard(NamedTuple):
    """A device that is heard now, as its row was: None while it counts as offline."""

    device_id: int
    heard_at: datetime | None
    offline_after_s: int | None
    by: Contact
    now: datetime


class _GoodKey(NamedTuple):
    """A key that counts, with what its device goes by and how its row is."""

    names: set[str]
    tenant_id: int | None
    heard_at: datetime | None
    offline_after_s: int | None


def admit_device(
    *, device_uid: str, key: str, address: str | None, request_id: str = "", now: datetime
) -> DeviceFacts:
    """The device that shows this key over HTTP, noted as heard.

    Raises InvalidCredentials (counted against the address; RateLimited past 30 in a minute) and
    DeviceUnpaired for who holds the key of a life that has ended.
    """
    try:
        device = credentials.authenticate_device(
            device_uid=device_uid,
            token=key,
            address=address,
            request_id=request_id,
            via="api",
            now=now,
        )
    except errors.DeviceUnpaired:
        raise
    except InvalidCredentials:
        credentials.count_failed_login(address=address, now=now)
        raise
    with row_security.device_scope(device.tenant_id):
        _note(device, address, now)
    return device


def caller_of(device: DeviceFacts, *, name: str) -> KnownCaller:
    """The device as a caller to be confirmed later; `name` is what it called itself."""
    return KnownCaller(device.device_id, device.credential_id, device.tenant_id, device.uid, name)


def confirm_callers(*, callers: Collection[KnownCaller], now: datetime) -> set[KnownCaller]:
    """Lock the devices of these callers and tell which may still speak, noted as heard.

    For many devices at once, within the caller's unit of work: until it ends, no key of theirs is
    voided and none of their lives ends. Whoever is left out is to be asked anew by
    `admit_device`, which knows why.
    """
    require_unit_of_work()
    if not callers:
        return set()
    sessions.lock_devices(device_ids={caller.device_id for caller in callers})
    good = _good_keys({caller.credential_id for caller in callers}, now)
    confirmed = set()
    for caller in callers:
        key = good.get(caller.credential_id)
        if key is None or caller.name not in key.names or caller.tenant_id != key.tenant_id:
            continue
        confirmed.add(caller)
        heard = _Heard(caller.device_id, key.heard_at, key.offline_after_s, presence.OVER_HTTP, now)
        before_commit(_note_all, heard)
    return confirmed


def confirm_fetch(*, caller: KnownCaller, now: datetime) -> SessionFacts | None:
    """Lock the device that fetches its commands over HTTP and note that; None as `confirm_callers`.

    Within the caller's unit of work. What is returned is how it stood before this fetch, but for
    a session that it has left.
    """
    if not confirm_callers(callers={caller}, now=now):
        return None
    return sessions.note_poll(
        facts=sessions.lock_on_every_wire(device_id=caller.device_id), now=now
    )


def confirm_publishers(*, device_uids: Collection[str], now: datetime) -> dict[str, KnownPublisher]:
    """Lock the devices of these MQTT clients and tell which still live, noted as heard.

    For many devices at once, within the caller's unit of work: until it ends, none of their lives
    ends. Whoever is left out is nobody, or its life has ended.
    """
    require_unit_of_work()
    if not device_uids:
        return {}
    sessions.lock_devices(device_ids=(), device_uids=device_uids)
    # A statement of its own: one that also waits for the lock would show what was before the wait.
    uids = _filled(device_uids)
    names = {f"uid_{position}": uid for position, uid in enumerate(uids)}
    known = {}
    for pk, uid, tenant_id, is_online, seen_at, allowed, client, lost_at, *session in _LIVING.rows(
        len(uids), **names
    ):
        known[uid] = KnownPublisher(pk, tenant_id, uid)
        if client and not lost_at:
            beside = left_sessions.Beside(*session)
            left_sessions.note_publisher(device_id=pk, session=beside, now=now)
        heard = _Heard(pk, seen_at if is_online else None, allowed, _OVER_MQTT, now)
        before_commit(_note_all, heard)
    return known


def greet(*, device_uid: str, client_session: str, now: datetime) -> bool:
    """Note that the device's MQTT client has connected: it is online at once.

    `client_session` is the name the client gave this connection; the same one twice is one.
    Returns False for a connection that is known to be lost: its greeting came late. Raises
    NotFound, and DeviceUnpaired for a device whose life has ended.
    """
    with unit_of_work():
        facts = _lock_publisher(device_uid)
        is_here = presence.greet(
            device_id=facts.device_id, client_session=client_session, held=_held(facts), now=now
        )
        if is_here and client_session != facts.beside.greeter:
            sessions.note_greeting(facts=facts, now=now)
        return is_here


def say_goodbye(*, device_uid: str, client_session: str, now: datetime) -> bool:
    """Note that a connection of the device's MQTT client has ended; returns whether it is gone.

    It is offline at once, unless a newer connection has greeted, a session holds the device, or
    it is heard over HTTP. Raises NotFound, and DeviceUnpaired for a device whose life has ended.
    """
    with unit_of_work():
        facts = _lock_publisher(device_uid)
        return presence.say_goodbye(
            device_id=facts.device_id, client_session=client_session, held=_held(facts), now=now
        )


def _lock_publisher(device_uid: str) -> SessionFacts:
    devices = Device.all_objects.unscoped("whom the broker lets in is known by name only")
    device_id = devices.filter(uid=device_uid).values_list("pk", flat=True).first()
    if device_id is None:
        raise NotFound
    facts = sessions.lock_on_every_wire(device_id=device_id)
    if not facts.is_active:
        raise errors.DeviceUnpaired
    return facts


def _held(facts: SessionFacts) -> Contact | None:
    if not facts.is_live:
        return None
    return Contact(session_epoch=facts.epoch, wire=facts.wire, address=facts.address)


def _good_keys(credential_ids: Collection[int], now: datetime) -> dict[int, _GoodKey]:
    keys = {f"key_{position}": key for position, key in enumerate(_filled(credential_ids))}
    return {
        pk: _GoodKey({uid, site_chosen_id}, tenant_id, seen_at if is_online else None, allowed)
        for pk, retires_at, uid, site_chosen_id, tenant_id, is_online, seen_at, allowed in (
            _LIVING_KEYS.rows(len(keys), **keys)
        )
        if retires_at is None or retires_at > now
    }


def _filled(keys: Collection[_Key]) -> list[_Key]:
    """The keys for statements of a few lengths only: the last one fills up the rest."""
    ordered = sorted(keys)
    length = 1 << (len(ordered) - 1).bit_length()
    return ordered + ordered[-1:] * (length - len(ordered))


def _note_all(heard: list[_Heard]) -> None:
    """Note all that were heard in this unit of work, last and in one order.

    One after the other as they were confirmed, two units of work could wait for each other's rows.
    """
    latest = {one.device_id: one for one in heard}
    due: dict[int, datetime] = {}
    fresh_until: dict[int, float] = {}
    for device_id, one in sorted(latest.items()):
        every = timeouts.noted_every(one.offline_after_s)
        if one.heard_at is None:
            presence.mark_online(device_id=device_id, by=one.by, now=one.now)
        elif (one.now - one.heard_at).total_seconds() >= every:
            due[device_id] = one.now
        else:
            fresh_until[device_id] = one.heard_at.timestamp() + every
    for device_id, seconds in presence.note_signs(signs=due).items():
        if seconds is not None:
            fresh_until[device_id] = due[device_id].timestamp() + seconds
    signs = signs_of_life.current()
    transaction.on_commit(lambda: signs.note_all(latest, fresh_until=fresh_until))


def _note(device: DeviceFacts, address: str | None, now: datetime) -> None:
    if device.heard_at is None:
        _bring_online(device.device_id, address, now)
    elif now - device.heard_at >= _noted_every():
        presence.touch(device_ids=[device.device_id], now=now)
    signs_of_life.current().note(device.device_id)


def _noted_every() -> timedelta:
    return min(_NOTED_EVERY, timedelta(seconds=settings.OFFLINE_AFTER_SECONDS / 4))


def _bring_online(device_id: int, address: str | None, now: datetime) -> None:
    """It holds no session, so silence alone will take it offline again."""
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        if not facts.is_active:
            raise errors.DeviceUnpaired
        presence.mark_online(device_id=device_id, by=Contact(address=address or ""), now=now)
