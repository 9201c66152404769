"""The connectivity log: one line for each beginning and end of a contact, never two.

Lines are written in the transaction of the change they tell, under the device's lock; the unique
key of contact and kind is what holds if ever anything else does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from devices.choices import ConnectionKind
from devices.models import DeviceConnection
from devices.types import Contact
from kernel.compiled import Insert

# Why a contact began.
OPENED: Final = "session_opened"
HEARD: Final = "heard"
HEARD_AGAIN: Final = "heard_again"
TOOK_OVER: Final = "took_over"
AFTER_RESTART: Final = "after_restart"
GREETED: Final = "greeted"
# Why one ended, besides the reasons of the wires themselves (docs/presence.md).
SUPERSEDED: Final = "superseded"
SILENCE: Final = "silence"
CONNECTION_LOST: Final = "connection_lost"
SERVER_RESTART: Final = "server_restart"
# Nothing that a device did or suffered: neither flapping nor an outage.
OURS: Final = frozenset({SERVER_RESTART, AFTER_RESTART, SUPERSEDED, TOOK_OVER})

KEPT_FOR = timedelta(days=400)
FORGET_CHUNK = 5_000
_LINE = Insert(DeviceConnection)
_COLUMNS = (
    "device_id, tenant_id, contact, kind, reason, session_epoch, wire, address, at, duration_s"
)
# Names of our own columns only; every value is a parameter.
_END_MANY = (
    f"INSERT INTO devices_deviceconnection ({_COLUMNS}) "  # noqa: S608
    "SELECT p.device_id, p.tenant_id, p.contact, %s, %s, "
    "CASE WHEN s.is_live THEN s.epoch END, "
    "CASE WHEN s.is_live THEN s.wire ELSE p.wire END, "
    "CASE WHEN s.is_live THEN s.address ELSE p.address END, "
    "%s, {duration} "
    "FROM devices_devicepresence p JOIN devices_devicesession s ON s.device_id = p.device_id "
    "WHERE p.device_id {among} AND p.is_online "
    "ON CONFLICT (device_id, contact, kind) DO NOTHING"
)


def note_begin(
    *, device_id: int, tenant_id: int | None, number: int, contact: Contact, reason: str,
    now: datetime,
) -> None:  # fmt: skip
    """Log that a contact began, within the caller's unit of work, under the device's lock."""
    _note(device_id, tenant_id, number, contact, ConnectionKind.CONNECTED, reason, now, None)


def note_end(
    *, device_id: int, tenant_id: int | None, number: int, contact: Contact, reason: str,
    began_at: datetime | None, now: datetime,
) -> None:  # fmt: skip
    """Log that a contact ended, within the caller's unit of work, under the device's lock."""
    lasted = None if began_at is None else round(max((now - began_at).total_seconds(), 0.0), 3)
    _note(device_id, tenant_id, number, contact, ConnectionKind.DISCONNECTED, reason, now, lasted)


def note_ends(*, device_ids: Sequence[int], reason: str, now: datetime) -> int:
    """Log in one statement that the contacts of those that are online end; returns how many.

    Within the caller's unit of work, under the devices' locks, before their sessions and their
    presence are changed.
    """
    if not device_ids:
        return 0
    moment = connection.ops.adapt_datetimefield_value(now)
    keys: list[Any] = list(device_ids)
    if connection.vendor == "postgresql":
        lasted = "round(extract(epoch FROM greatest(%s - p.contact_at, interval '0'))::numeric, 3)"
        text = _END_MANY.format(duration=lasted, among="= ANY(%s)")
        keys = [keys]
    else:
        lasted = "round(max((julianday(%s) - julianday(p.contact_at)) * 86400.0, 0.0), 3)"
        text = _END_MANY.format(duration=lasted, among=f"IN ({', '.join(['%s'] * len(keys))})")
    with connection.cursor() as cursor:
        cursor.execute(text, [ConnectionKind.DISCONNECTED.value, reason, moment, moment, *keys])
        return int(cursor.rowcount)


def adopt(*, device_id: int, tenant_id: int) -> None:
    """Give what was logged of a device before it had an owner to its first one."""
    lines = DeviceConnection.objects.unscoped("the device whose lock is held")
    lines.filter(device_id=device_id, tenant_id__isnull=True).update(tenant_id=tenant_id)


def forget_old(now: datetime, *, chunk: int = FORGET_CHUNK) -> int:
    """Delete lines older than the log is kept, some with each statement; returns how many."""
    forgotten = 0
    lines = DeviceConnection.objects.unscoped("the end of the log, of all tenants")
    old = lines.filter(at__lt=now - KEPT_FOR).order_by("at")
    while keys := list(old.values_list("pk", flat=True)[:chunk]):
        lines.filter(pk__in=keys).delete()
        forgotten += len(keys)
    return forgotten


def _note(
    device_id: int, tenant_id: int | None, number: int, contact: Contact, kind: ConnectionKind,
    reason: str, now: datetime, lasted: float | None,
) -> None:  # fmt: skip
    _LINE.one(
        DeviceConnection(
            device_id=device_id,
            tenant_id=tenant_id,
            contact=number,
            kind=kind,
            reason=reason[:40],
            session_epoch=contact.session_epoch,
            wire=contact.wire,
            address=contact.address,
            at=now,
            duration_s=lasted,
        )
    )
