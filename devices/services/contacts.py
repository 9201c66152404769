"""Devices that call over HTTP: each call proves the key and is a sign of life."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from devices import errors
from devices.services import credentials, presence, sessions
from devices.types import DeviceFacts
from kernel import row_security
from kernel.errors import InvalidCredentials
from kernel.unit_of_work import unit_of_work

# A device that calls in quick succession is written down as heard this often at most.
_NOTED_EVERY = timedelta(seconds=5)


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
        _note(device, now)
    return device


def _note(device: DeviceFacts, now: datetime) -> None:
    if device.heard_at is None:
        _bring_online(device.device_id, now)
        return
    noted_every = min(_NOTED_EVERY, timedelta(seconds=settings.OFFLINE_AFTER_SECONDS / 4))
    if now - device.heard_at >= noted_every:
        presence.touch(device_ids=[device.device_id], now=now)


def _bring_online(device_id: int, now: datetime) -> None:
    """It holds no session, so silence alone will take it offline again."""
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        if not facts.is_active:
            raise errors.DeviceUnpaired
        presence.mark_online(device_id=device_id, now=now)
