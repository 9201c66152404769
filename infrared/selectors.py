"""Reads about infrared codes."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from devices import selectors as device_selectors
from infrared.models import DeviceIrCode
from infrared.types import IrCodeView
from kernel import errors
from kernel.actors import Actor

WHY = "codes of the device whose lock is held"


def codes_of(*, actor: Actor, device_uid: str) -> QuerySet[DeviceIrCode]:
    """The codes of a device the actor may see. Raises NotFound."""
    device_id, _ = device_selectors.device_keys(actor=actor, uid=device_uid, include_archived=True)
    found: QuerySet[DeviceIrCode] = DeviceIrCode.objects.visible_to(actor).filter(
        device_id=device_id
    )
    return found


def code_by_uid(*, actor: Actor, device_uid: str, uid: uuid.UUID) -> IrCodeView:
    """One code of a device the actor may see. Raises NotFound."""
    found = codes_of(actor=actor, device_uid=device_uid).filter(uid=uid).first()
    if found is None:
        raise errors.NotFound
    return view_of(found)


def code_named(*, device_id: int, name: str) -> DeviceIrCode | None:
    """The code of a device by its uid or its name, for who holds the device's lock."""
    codes = DeviceIrCode.objects.unscoped(WHY).filter(device_id=device_id)
    uid = _as_uuid(name)
    found: DeviceIrCode | None = None if uid is None else codes.filter(uid=uid).first()
    if found is None:
        found = codes.filter(name=name).first()
    return found


def view_of(code: DeviceIrCode) -> IrCodeView:
    """The code as every interface shows it."""
    return IrCodeView(
        uid=str(code.uid),
        name=code.name,
        frequency_hz=code.frequency_hz,
        timings=tuple(code.timings),
        repeat_from=code.repeat_from,
        protocol=code.protocol,
        repeat=code.repeat,
        source=str(code.source),
        created_at=code.created_at,
        created_by=code.created_by,
        updated_at=code.updated_at,
    )


def _as_uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None
