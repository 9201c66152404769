"""Devices that call over HTTP: each call proves the key and is a sign of life."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from devices import errors
from devices.choices import Pairing
from devices.models import DeviceCredential, DeviceSession
from devices.services import credentials, presence, sessions
from devices.types import Contact, DeviceFacts, KnownCaller
from kernel import row_security
from kernel.compiled import Select, key_slot
from kernel.errors import InvalidCredentials
from kernel.locking import locking
from kernel.unit_of_work import require_unit_of_work, unit_of_work

# For as many devices as there are slots: the last key may come several times.
_SESSIONS = Select(
    lambda length: locking(
        DeviceSession.objects.filter(device_id__in=[key_slot(n) for n in range(length)])
    ).values_list("pk")
)
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
        )
    )
)
# A device that calls in quick succession is written down as heard this often at most.
_NOTED_EVERY = timedelta(seconds=5)


class _GoodKey(NamedTuple):
    """A key that counts, with what its device goes by and when that was last heard."""

    names: set[str]
    tenant_id: int | None
    heard_at: datetime | None


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
    _lock({caller.device_id for caller in callers})
    good = _good_keys({caller.credential_id for caller in callers}, now)
    confirmed = set()
    heard: dict[int, datetime | None] = {}
    for caller in callers:
        key = good.get(caller.credential_id)
        if key is None or caller.name not in key.names or caller.tenant_id != key.tenant_id:
            continue
        confirmed.add(caller)
        heard[caller.device_id] = key.heard_at
    _note_all(heard, now)
    return confirmed


def _lock(device_ids: Collection[int]) -> None:
    # SQLite has no row locks: there the unit of work holds the only write lock.
    if connection.features.has_select_for_update:
        keys = _slots(device_ids)
        _SESSIONS.rows(len(keys), **keys)


def _good_keys(credential_ids: Collection[int], now: datetime) -> dict[int, _GoodKey]:
    keys = _slots(credential_ids)
    return {
        pk: _GoodKey({uid, site_chosen_id}, tenant_id, seen_at if is_online else None)
        for pk, retires_at, uid, site_chosen_id, tenant_id, is_online, seen_at in _LIVING_KEYS.rows(
            len(keys), **keys
        )
        if retires_at is None or retires_at > now
    }


def _slots(keys: Collection[int]) -> dict[str, int]:
    """The keys for statements of a few lengths only: the last one fills up the rest."""
    ordered = sorted(keys)
    length = 1 << (len(ordered) - 1).bit_length()
    ordered += ordered[-1:] * (length - len(ordered))
    return {f"key_{position}": key for position, key in enumerate(ordered)}


def _note_all(heard: dict[int, datetime | None], now: datetime) -> None:
    for device_id in sorted(device_id for device_id, at in heard.items() if at is None):
        presence.mark_online(device_id=device_id, now=now)
    long_ago = now - _noted_every()
    due = sorted(device_id for device_id, at in heard.items() if at and at <= long_ago)
    presence.touch(device_ids=due, now=now)


def _note(device: DeviceFacts, address: str | None, now: datetime) -> None:
    if device.heard_at is None:
        _bring_online(device.device_id, address, now)
    elif now - device.heard_at >= _noted_every():
        presence.touch(device_ids=[device.device_id], now=now)


def _noted_every() -> timedelta:
    return min(_NOTED_EVERY, timedelta(seconds=settings.OFFLINE_AFTER_SECONDS / 4))


def _bring_online(device_id: int, address: str | None, now: datetime) -> None:
    """It holds no session, so silence alone will take it offline again."""
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        if not facts.is_active:
            raise errors.DeviceUnpaired
        presence.mark_online(device_id=device_id, by=Contact(address=address or ""), now=now)
