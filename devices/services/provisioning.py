"""How hardware becomes a device: registration with the provisioning key."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from audit.services import recording
from devices import errors, events, registry
from devices.choices import Pairing
from devices.models import ClaimCode, Device, DevicePresence, DeviceSession
from devices.services import sessions
from devices.services.credentials import hash_key, replace_credential
from devices.types import DeviceRegistration, ProvisionedDevice
from kernel import ratelimit, tokens
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

_DESCRIPTION = (
    "device_class", "device_type", "model", "firmware_version", "capabilities", "relay_count",
    "is_simulated",
)  # fmt: skip


def register_device(
    *,
    registration: DeviceRegistration,
    provision_key: str,
    address: str | None,
    request_id: str = "",
    now: datetime,
) -> ProvisionedDevice:
    """Begin a life for the hardware, or give the unclaimed one a fresh token and claim code.

    Raises ProvisionKeyInvalid, AlreadyPaired for hardware with an owner, RateLimited past
    PROVISIONS_PER_MINUTE from one address.
    """
    ratelimit.hit(
        key=f"provision:{address}", limit=settings.PROVISIONS_PER_MINUTE, window_s=60, now=now
    )
    expected = settings.DEVICE_PROVISION_KEY
    if not expected or not hmac.compare_digest(expected.encode(), provision_key.encode()):
        raise errors.ProvisionKeyInvalid
    token = tokens.new_token()
    code = tokens.new_code()
    # bcrypt takes its time; the write lock is not held meanwhile.
    key_hash = hash_key(token)
    actor = Actor(
        kind="device",
        id=registration.hardware_id,
        label=f"hardware {registration.hardware_id}",
        address=address,
        request_id=request_id,
        via="api",
    )
    with unit_of_work():
        device, is_new_life = _life_of(registration, now)
        registry.registered(
            registry.Registered(device_id=device.pk, relay_count=device.relay_count)
        )
        replace_credential(device_id=device.pk, key_hash=key_hash, now=now)
        expires_at = _renew_claim_code(device, code, now)
        recording.record(
            tenant_id=None,
            action="devices.device.provisioned",
            actor=actor,
            target_type="device",
            target_id=device.uid,
            before=None,
            after={"epoch": device.epoch, "hardware_id": device.hardware_id, "new": is_new_life},
            now=now,
        )
        publish(
            events.DeviceProvisioned(occurred_at=now, device_id=device.pk, is_new_life=is_new_life)
        )
    return ProvisionedDevice(
        device_id=device.pk,
        device_uid=device.uid,
        device_token=token,
        claim_code=code,
        claim_expires_at=expires_at,
    )


def _life_of(registration: DeviceRegistration, now: datetime) -> tuple[Device, bool]:
    lives = Device.all_objects.unscoped("hardware is looked up before it has a tenant")
    lives = lives.filter(hardware_id=registration.hardware_id)
    living = lives.active().first()
    if living is None:
        last = lives.order_by("-epoch").first()
        try:
            with transaction.atomic():
                return _new_life(registration, 1 if last is None else last.epoch + 1, now), True
        except IntegrityError:
            # The same hardware registered twice at once; the other's row can be seen by now.
            living = lives.active().first()
            if living is None:
                raise
    # Somebody may be claiming it: what counts is how it stands once it is ours to change.
    sessions.lock_session(device_id=living.pk)
    living.refresh_from_db(from_queryset=lives)
    if living.pairing == Pairing.PAIRED:
        raise errors.AlreadyPaired
    if not living.is_active:
        raise Conflict("The device was unpaired just now. Try again.", retry_after=1)
    _describe(living, registration)
    living.save(update_fields=_DESCRIPTION)
    return living, False


def _new_life(registration: DeviceRegistration, epoch: int, now: datetime) -> Device:
    device = Device(
        uid=tokens.new_public_id(),
        hardware_id=registration.hardware_id,
        epoch=epoch,
        created_at=now,
    )
    _describe(device, registration)
    device.save(force_insert=True)
    DeviceSession.objects.create(device=device)
    DevicePresence.objects.create(device=device)
    return device


def _describe(device: Device, registration: DeviceRegistration) -> None:
    device.device_class = registration.device_class
    device.device_type = registration.device_type
    device.model = registration.model
    device.firmware_version = registration.firmware_version
    device.capabilities = list(registration.capabilities)
    device.relay_count = registration.relay_count
    device.is_simulated = registration.is_simulated


def _renew_claim_code(device: Device, code: str, now: datetime) -> datetime:
    expires_at = now + timedelta(hours=settings.CLAIM_CODE_HOURS)
    ClaimCode.objects.update_or_create(
        device=device,
        defaults={
            "code_digest": tokens.keyed_digest("claim-code", code),
            "expires_at": expires_at,
            "used_at": None,
        },
    )
    return expires_at
