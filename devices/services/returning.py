"""How hardware that changed hands gets the key of its new life: by the key of the former one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from devices.choices import LifeEnd, Pairing, TransferState
from devices.models import Device, DeviceCredential, DeviceTransfer
from devices.services import credentials, sessions
from devices.types import FormerKey, ProvisionedDevice
from kernel import ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.errors import InvalidCredentials
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work


def _keep_nothing(returned: ProvisionedDevice) -> None:
    """For callers who have no answer to keep."""


def return_hardware(
    *,
    former: FormerKey,
    keep: Callable[[ProvisionedDevice], None] = _keep_nothing,
    address: str | None,
    request_id: str = "",
    now: datetime,
) -> ProvisionedDevice:
    """Give hardware that was transferred a key of its new life, in place of the one handed out.

    The proof is the key that was the former life's when it ended (`successor_of`). Until the new
    key is used, asking again gives another one, and the one before is void. `keep` is called in
    the unit of work, as in `register_at_site`.

    Raises InvalidCredentials for everything else, no telling which; such tries are counted
    against the address. RateLimited past the limit of those, and past PROVISIONS_PER_MINUTE.
    """
    ratelimit.hit(
        key=f"return:{address}", limit=settings.PROVISIONS_PER_MINUTE, window_s=60, now=now
    )
    key = tokens.new_token()
    # bcrypt takes its time; no lock is held meanwhile.
    key_hash = credentials.hash_key(key)
    try:
        # The hardware shows the key of one tenant's device and gets that of another's.
        with row_security.platform_scope("devices.return"), unit_of_work():
            device = successor_of(former)
            if device is None:
                raise InvalidCredentials
            credentials.replace_credential(device_id=device.pk, key=key, key_hash=key_hash, now=now)
            record_return(device, _itself(device, address, request_id), now)
            returned = ProvisionedDevice(
                device_id=device.pk,
                device_uid=device.uid,
                device_token=key,
                claim_code=None,
                claim_expires_at=None,
            )
            keep(returned)
    except InvalidCredentials:
        credentials.count_failed_login(address=address, now=now)
        raise
    return returned


def successor_of(former: FormerKey) -> Device | None:
    """The living device that the hardware of a transferred life is now, its lock held; or None.

    Within the caller's unit of work and a platform scope. The key must have been good when that
    life ended. Transfer after transfer is followed as long as no key of the lives between was
    ever used: from then on the hardware has proven itself to somebody else. The living one must
    have a key that waits for its first use: one that its owner voided stays void.
    """
    life = credentials.ended_life_of(device_uid=former.device_uid, key=former.key)
    while life is not None:
        life = _next_life(life)
        if life is None:
            return None
        device = _locked_if_living(life)
        keys = _keys_of(device)
        if any(key.first_used_at is not None for key in keys):
            return None
        if device.is_active:
            is_waiting = any(key.revoked_at is None for key in keys)
            return device if is_waiting and device.pairing == Pairing.PAIRED else None
    return None


def record_return(device: Device, actor: Actor, now: datetime) -> None:
    """Write down in its owner's log that the hardware itself was given a key."""
    credentials.record_change(
        "reissued",
        device_uid=device.uid,
        tenant_id=device.tenant_id,
        before=None,
        after={"credential": "current", "epoch": device.epoch},
        actor=actor,
        now=now,
    )


def _next_life(device_id: int) -> int | None:
    """The life that a transfer began for the hardware of a life that it ended."""
    transfers = DeviceTransfer.objects.unscoped("the hardware proves itself, whoever owns it")
    accepted = transfers.filter(
        device_id=device_id,
        device__end_reason=LifeEnd.TRANSFERRED,
        state=TransferState.ACCEPTED,
        new_device__isnull=False,
    )
    found: int | None = accepted.values_list("new_device_id", flat=True).first()
    return found


def _locked_if_living(device_id: int) -> Device:
    """The device as it stands. Ended lives need no lock: nothing of them changes."""
    devices = Device.all_objects.unscoped("the hardware proves itself, whoever owns it")
    device: Device = devices.get(pk=device_id)
    if device.is_active:
        # It may be handed on at this moment; then it is one more life between.
        sessions.lock_session(device_id=device_id)
        device.refresh_from_db(from_queryset=devices)
    return device


def _keys_of(device: Device) -> list[DeviceCredential]:
    keys = DeviceCredential.objects.filter(device_id=device.pk)
    return lock_rows(keys) if device.is_active else list(keys)


def _itself(device: Device, address: str | None, request_id: str) -> Actor:
    """The hardware as its new owner knows it: by nothing of the life before."""
    actor = Actor.device(
        device_id=device.pk, uid=device.uid, tenant_id=device.tenant_id, address=address
    )
    return replace(actor, via="api", request_id=request_id)
