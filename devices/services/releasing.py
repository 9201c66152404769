"""Giving a device back: its life ends, and an unclaimed one of the same hardware begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from audit.services import recording
from devices import events, permissions, selectors
from devices.choices import LifeEnd
from devices.models import ClaimCode, Device
from devices.services import lives, sessions, unpairing
from devices.types import DeviceRegistration
from kernel import row_security, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """A device given back; the code makes its holder the next owner and is shown this once."""

    device_uid: str
    claim_code: str = field(repr=False)
    claim_expires_at: datetime
    archived: Device


def release_device(*, device_uid: str, actor: Actor, now: datetime) -> Released:
    """End the device's life here and begin an unclaimed one that the code's holder may claim.

    The hardware keeps the code valid when it registers again. Raises NotFound, PermissionDenied
    below admin, and DeviceArchived for a life that has ended: a code is told only once.
    """
    device_id, tenant_id = selectors.device_keys(actor=actor, uid=device_uid)
    permissions.require_own(actor, tenant_id)
    code = tokens.new_code()
    expires_at = now + timedelta(hours=settings.CLAIM_CODE_HOURS)
    # A life without an owner is a row without a tenant.
    with row_security.platform_scope("devices.release"), unit_of_work():
        sessions.require_living(sessions.lock_session(device_id=device_id))
        archived = unpairing.end_life(
            device_id=device_id, reason=LifeEnd.RELEASED, actor=actor, now=now
        )
        begun = _begin_next(archived, actor, now)
        ClaimCode.objects.create(
            device=begun,
            source="owner",
            code_digest=tokens.keyed_digest("claim-code", code),
            expires_at=expires_at,
        )
    return Released(
        device_uid=begun.uid, claim_code=code, claim_expires_at=expires_at, archived=archived
    )


def _begin_next(archived: Device, actor: Actor, now: datetime) -> Device:
    registration = DeviceRegistration(
        hardware_id=_hardware_id(archived),
        device_class=archived.device_class,
        device_type=archived.device_type,
        model=archived.model,
        firmware_version=archived.firmware_version,
        capabilities=tuple(archived.capabilities),
        relay_count=archived.relay_count,
        is_simulated=archived.is_simulated,
    )
    begun, is_new_life = lives.begin_or_find(registration, now)
    if begun.epoch <= archived.epoch:
        begun.epoch = archived.epoch + 1
        begun.save(update_fields=("epoch",))
    lives.describe(begun, registration)
    recording.record(
        tenant_id=None,
        action="devices.device.provisioned",
        actor=actor,
        target_type="device",
        target_id=begun.uid,
        before=None,
        after={"epoch": begun.epoch, "hardware_id": begun.hardware_id, "new": is_new_life},
        now=now,
    )
    publish(events.DeviceProvisioned(occurred_at=now, device_id=begun.pk, is_new_life=is_new_life))
    return begun


def _hardware_id(archived: Device) -> str:
    """What the hardware goes by; a name that its site gave it tells of the tenant, and stays there."""
    own = f"{archived.tenant.uid}:" if archived.tenant is not None else ""
    is_named_by_site = bool(own) and archived.hardware_id.startswith(own)
    return f"released:{tokens.new_public_id()}" if is_named_by_site else archived.hardware_id
