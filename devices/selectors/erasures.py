"""Reads about the erasing of a device's personal data."""

from __future__ import annotations

from devices.models import DeviceErasure
from devices.selectors.devices import device_by_uid
from kernel import errors
from kernel.actors import Actor


def erasure_of(*, actor: Actor, device_uid: str) -> DeviceErasure:
    """The erasure of a device the actor may see. Raises NotFound, also when none was asked for."""
    device = device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    rows = DeviceErasure.objects.visible_to(actor)
    found: DeviceErasure | None = rows.filter(device_id=device.pk).first()
    if found is None:
        raise errors.NotFound
    return found
