"""Claiming: a code printed by the device makes its finder's tenant the owner."""

from __future__ import annotations

from datetime import datetime

from accounts.services import tenancy
from audit.services import recording
from devices import errors, events, permissions, registry
from devices.choices import Pairing
from devices.models import ClaimCode, Device
from devices.services import sessions
from kernel import errors as kernel_errors
from kernel import ratelimit, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

WRONG_TRIES = 5
LOCK_SECONDS = 15 * 60


def claim_device(
    *, code: str, name: str = "", tenant_id: int | None = None, actor: Actor, now: datetime
) -> Device:
    """Make the tenant (the actor's personal one by default) the owner of the code's device.

    Raises ClaimCodeInvalid for an unknown, expired or used code (the same answer), RateLimited
    after 5 wrong tries from one address or of one code within 15 minutes.
    """
    if tenant_id is None and actor.user_id is not None:
        tenant_id = tenancy.personal_tenant_id(actor.user_id)
    permissions.require_own(actor, tenant_id)
    if tenant_id is None:
        raise kernel_errors.PermissionDenied
    digest = tokens.keyed_digest("claim-code", tokens.normalise_code(code))
    guards = (f"claim:address:{actor.address}", f"claim:code:{digest}")
    # Counted before it is looked at, so that a burst of tries is one count after the other.
    for guard in guards:
        ratelimit.hit(key=guard, limit=WRONG_TRIES, window_s=LOCK_SECONDS, now=now)
    is_wrong = False
    try:
        with unit_of_work():
            return _claim(digest, name, tenant_id, actor, now)
    except errors.ClaimCodeInvalid:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            for guard in guards:
                ratelimit.give_back(key=guard, window_s=LOCK_SECONDS, now=now)


def _claim(digest: str, name: str, tenant_id: int, actor: Actor, now: datetime) -> Device:
    found = ClaimCode.objects.filter(code_digest=digest).values_list("device_id", flat=True).first()
    if found is None:
        raise errors.ClaimCodeInvalid
    sessions.lock_session(device_id=found)
    used = ClaimCode.objects.filter(
        code_digest=digest, used_at__isnull=True, expires_at__gt=now
    ).update(used_at=now)
    if not used:
        raise errors.ClaimCodeInvalid
    device: Device = Device.objects.unscoped("the code names the device").get(pk=found)
    device.tenant_id, device.pairing, device.claimed_at = tenant_id, Pairing.PAIRED, now
    device.name = name.strip()
    device.save(update_fields=["tenant", "pairing", "claimed_at", "name"])
    registry.claimed(registry.Claimed(device_id=device.pk, tenant_id=tenant_id))
    recording.record(
        tenant_id=tenant_id,
        action="devices.device.claimed",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before={"pairing": Pairing.UNCLAIMED.value},
        after={"pairing": Pairing.PAIRED.value, "name": device.name, "epoch": device.epoch},
        now=now,
    )
    publish(events.DeviceClaimed(occurred_at=now, device_id=device.pk, tenant_id=tenant_id))
    return device
