"""How hardware becomes a device: registration with the installation's key or a batch's."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from django.conf import settings

from audit.services import recording
from devices import errors, events, registry
from devices.choices import EnrolledBy, Pairing
from devices.models import ClaimCode, Device, DeviceCredential
from devices.services import credentials, lives, provisioning_keys, returning, sessions
from devices.types import BatchKeyFacts, DeviceRegistration, FormerKey, ProvisionedDevice
from kernel import live, ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.events import publish
from kernel.unit_of_work import unit_of_work


def register_device(
    *,
    registration: DeviceRegistration,
    provision_key: str,
    former: FormerKey | None = None,
    address: str | None,
    request_id: str = "",
    now: datetime,
) -> ProvisionedDevice:
    """Begin a life for the hardware, or give the unclaimed one a fresh token and claim code.

    With the key of a batch the device belongs to the key's tenant and site at once, and there is
    nothing to claim. Hardware whose life was claimed with a code handed on, before it ever came
    back, gets its token, and so does hardware that was transferred and proves itself with the
    key of its former life before the new owner's was used.

    Raises ProvisionKeyInvalid, AlreadyPaired for other hardware with an owner (no use of a batch
    key is counted), RateLimited past PROVISIONS_PER_MINUTE from one address.
    """
    ratelimit.hit(
        key=f"provision:{address}", limit=settings.PROVISIONS_PER_MINUTE, window_s=60, now=now
    )
    is_batch = _is_batch_key(provision_key)
    token = tokens.new_token()
    # bcrypt takes its time; the write lock is not held meanwhile.
    key_hash = credentials.hash_key(token)
    actor = Actor(
        kind="device",
        id=registration.hardware_id,
        label=f"hardware {registration.hardware_id}",
        address=address,
        request_id=request_id,
        via="api",
    )
    claim_code, expires_at = None, None
    with row_security.platform_scope("devices.provisioning"), unit_of_work():
        batch = None
        if is_batch:
            batch = provisioning_keys.admit_key(
                key=provision_key, device_class=registration.device_class, now=now
            )
        device, is_new_life = _life_of(registration, batch, former, now)
        credentials.replace_credential(device_id=device.pk, key=token, key_hash=key_hash, now=now)
        if device.pairing == Pairing.PAIRED:
            returning.record_return(device, actor, now)
        elif batch is not None:
            _take_in(device, batch, actor, now)
        else:
            claim_code = tokens.new_code()
            expires_at = _renew_claim_code(device, claim_code, now)
        _record(device, is_new_life, actor, now)
    return ProvisionedDevice(
        device_id=device.pk,
        device_uid=device.uid,
        device_token=token,
        claim_code=claim_code,
        claim_expires_at=expires_at,
    )


def _is_batch_key(provision_key: str) -> bool:
    expected = settings.DEVICE_PROVISION_KEY
    if expected and hmac.compare_digest(expected.encode(), provision_key.encode()):
        return False
    if not provision_key.startswith(provisioning_keys.PREFIX):
        raise errors.ProvisionKeyInvalid
    return True


def _life_of(
    registration: DeviceRegistration,
    batch: BatchKeyFacts | None,
    former: FormerKey | None,
    now: datetime,
) -> tuple[Device, bool]:
    living, is_new = lives.begin_or_find(registration, now)
    # Somebody may be claiming it: what counts is how it stands once it is ours to change.
    sessions.lock_session(device_id=living.pk)
    living.refresh_from_db(from_queryset=lives.lives_of(registration.hardware_id))
    if living.pairing == Pairing.PAIRED and not _may_return(living, batch, former):
        raise errors.AlreadyPaired
    if not living.is_active:
        raise Conflict("The device was unpaired just now. Try again.", retry_after=1)
    lives.describe(living, registration)
    if living.tenant_id is not None:
        # What it says of itself may have brought rows that are the owner's as well.
        registry.claimed(registry.Claimed(device_id=living.pk, tenant_id=living.tenant_id))
    return living, is_new


def _may_return(living: Device, batch: BatchKeyFacts | None, former: FormerKey | None) -> bool:
    """Whether hardware with an owner gets a key again: one that nobody holds or has used."""
    if batch is not None and batch.tenant_id != living.tenant_id:
        return False
    if not DeviceCredential.objects.filter(device_id=living.pk).exists():
        # Its owner claimed it with a code handed on, before the hardware came back.
        return True
    if former is None:
        return False
    successor = returning.successor_of(former)
    return successor is not None and successor.pk == living.pk


def _take_in(device: Device, batch: BatchKeyFacts, actor: Actor, now: datetime) -> None:
    provisioning_keys.count_use(batch, device_uid=device.uid, actor=actor, now=now)
    ownership = lives.Ownership(
        tenant_id=batch.tenant_id,
        site_id=batch.site_id,
        by=f"provisioning key {batch.name}",
        enrolled_by=EnrolledBy.BATCH_KEY,
    )
    lives.take_in(device, ownership, now)
    recording.record(
        tenant_id=batch.tenant_id,
        action="devices.device.claimed",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before={"pairing": Pairing.UNCLAIMED.value},
        after={
            "pairing": Pairing.PAIRED.value,
            "epoch": device.epoch,
            "enrolled_by": EnrolledBy.BATCH_KEY.value,
            "provisioning_key": batch.uid,
        },
        now=now,
    )
    publish(events.DeviceClaimed(occurred_at=now, device_id=device.pk, tenant_id=batch.tenant_id))
    live.append(
        tenant_id=batch.tenant_id,
        kind="device_added",
        payload={"device_uid": device.uid},
        now=now,
    )


def _record(device: Device, is_new_life: bool, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=device.tenant_id,
        action="devices.device.provisioned",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before=None,
        after={"epoch": device.epoch, "hardware_id": device.hardware_id, "new": is_new_life},
        now=now,
    )
    publish(events.DeviceProvisioned(occurred_at=now, device_id=device.pk, is_new_life=is_new_life))


def _renew_claim_code(device: Device, code: str, now: datetime) -> datetime:
    expires_at = now + timedelta(hours=settings.CLAIM_CODE_HOURS)
    # What the hardware printed before is void; a code that a former owner handed on is not.
    ClaimCode.objects.filter(device=device, source="device").delete()
    ClaimCode.objects.create(
        device=device,
        source="device",
        code_digest=tokens.keyed_digest("claim-code", code),
        expires_at=expires_at,
    )
    return expires_at
