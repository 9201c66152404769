"""Claim codes for hardware that has not registered yet: printed before it is switched on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit.services import recording
from devices import errors
from devices.choices import Pairing
from devices.models import ClaimCode, Device
from devices.services import lives, sessions
from devices.types import DeviceRegistration
from kernel import tokens
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.unit_of_work import require_unit_of_work


def issue_claim_code(
    *, given: Mapping[str, Any], code: str, expires_at: datetime, actor: Actor, now: datetime
) -> Device:
    """Make the code good for the hardware's unclaimed life, which begins now if there is none.

    Within the caller's unit of work and a platform scope. The code outlasts the hardware's own
    registrations and is void with the first claim. What hardware says of itself outweighs
    `given`. Raises AlreadyPaired for hardware with an owner.
    """
    require_unit_of_work()
    registration = DeviceRegistration(
        hardware_id=given["hardware_id"],
        device_class=given["device_class"],
        device_type=given["device_type"],
        model=given["model"],
        capabilities=tuple(given["capabilities"]),
        relay_count=given["relay_count"],
    )
    device, is_new_life = lives.begin_or_find(registration, now)
    sessions.lock_session(device_id=device.pk)
    device.refresh_from_db(from_queryset=lives.lives_of(registration.hardware_id))
    if device.pairing == Pairing.PAIRED:
        raise errors.AlreadyPaired("This hardware has an owner.")
    if not device.is_active:
        raise Conflict("The device was unpaired just now. Try again.")
    if is_new_life:
        lives.describe(device, registration)
    ClaimCode.objects.create(
        device=device,
        source="owner",
        code_digest=tokens.keyed_digest("claim-code", code),
        expires_at=expires_at,
    )
    recording.record(
        tenant_id=None,
        action="devices.device.claim_code_issued",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before=None,
        after={
            "hardware_id": device.hardware_id,
            "epoch": device.epoch,
            "new": is_new_life,
            "expires_at": expires_at,
        },
        now=now,
    )
    return device
