"""Claiming: a code printed by the device makes its finder's tenant the owner."""

from __future__ import annotations

from datetime import datetime

from accounts.permissions import one_tenant
from audit.services import recording
from devices import errors, events, permissions
from devices.choices import EnrolledBy, Pairing
from devices.models import ClaimCode, Device
from devices.services import lives, sessions
from kernel import errors as kernel_errors
from kernel import live, ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

WRONG_TRIES = 5
LOCK_SECONDS = 15 * 60


def claim_device(
    *, code: str, name: str = "", tenant_id: int | None = None, actor: Actor, now: datetime
) -> Device:
    """Make the tenant (the actor's only one by default) the owner of the code's device.

    Raises TenantRequired where the actor belongs to several, PermissionDenied below admin and for
    a member limited to sites (they would not see the device), ClaimCodeInvalid for an unknown,
    expired or used code (the same answer), RateLimited after 5 wrong tries from one address or of
    one code within 15 minutes.
    """
    if tenant_id is None:
        tenant_id = one_tenant(actor)
    permissions.require_own(actor, tenant_id)
    if not actor.may_see_site(tenant_id, None):
        raise kernel_errors.PermissionDenied("You are limited to some sites. Register it there.")
    digest = tokens.keyed_digest("claim-code", tokens.normalise_code(code))
    guards = (f"claim:address:{actor.address}", f"claim:code:{digest}")
    # Counted before it is looked at, so that a burst of tries is one count after the other.
    for guard in guards:
        ratelimit.hit(key=guard, limit=WRONG_TRIES, window_s=LOCK_SECONDS, now=now)
    is_wrong = False
    try:
        with row_security.platform_scope("devices.claim"), unit_of_work():
            return _claim(digest, name, tenant_id, actor, now)
    except errors.ClaimCodeInvalid:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            for guard in guards:
                ratelimit.give_back(key=guard, window_s=LOCK_SECONDS, now=now)


def _claim(digest: str, name: str, tenant_id: int, actor: Actor, now: datetime) -> Device:
    # One that was good once is passed over at once: the clock must not tell it from no code at all.
    codes = ClaimCode.objects.filter(code_digest=digest, used_at__isnull=True, expires_at__gt=now)
    found = codes.values_list("device_id", flat=True).first()
    if found is None:
        raise errors.ClaimCodeInvalid
    sessions.lock_session(device_id=found)
    if not codes.update(used_at=now):
        raise errors.ClaimCodeInvalid
    device: Device = Device.objects.unscoped("the code names the device").get(pk=found)
    if device.pairing != Pairing.UNCLAIMED:
        raise errors.ClaimCodeInvalid
    ownership = lives.Ownership(
        tenant_id=tenant_id, by=actor.label, enrolled_by=EnrolledBy.CLAIM, name=name
    )
    lives.take_in(device, ownership, now)
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
    live.append(
        tenant_id=tenant_id, kind="device_added", payload={"device_uid": device.uid}, now=now
    )
    return device
