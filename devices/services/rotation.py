"""Rotation of a device's key in two phases: the old one is good until the new one was used."""

from __future__ import annotations

from datetime import datetime, timedelta

from devices import permissions, selectors
from devices.choices import KeyRole, RevokeOld
from devices.models import DeviceCredential
from devices.services import credentials, sessions
from devices.types import RotatedKey
from kernel import tokens
from kernel.actors import Actor
from kernel.errors import ValidationFailed
from kernel.unit_of_work import unit_of_work

DEFAULT_GRACE_SECONDS = 24 * 60 * 60
MAX_GRACE_SECONDS = 7 * DEFAULT_GRACE_SECONDS
# How long a new key waits for its first use.
PENDING_FOR = timedelta(days=30)
# Keys looked up in one query of the sweep.
SWEEP_CHUNK = 200


def rotate_token(
    *,
    device_uid: str,
    grace_seconds: int = DEFAULT_GRACE_SECONDS,
    revoke_old: str = RevokeOld.AFTER_FIRST_USE,
    actor: Actor,
    now: datetime,
) -> RotatedKey:
    """Make a new key for the device and show it this once; its first use retires the old one.

    The old key stays good for `grace_seconds` after that, or with `revoke_old="now"` ends at
    once. Rotating again voids the key that was still waiting. Raises NotFound, PermissionDenied
    below admin, DeviceArchived, ValidationFailed.
    """
    _check(grace_seconds, revoke_old)
    key = tokens.new_token()
    key_hash = credentials.hash_key(key)
    expires_at = now + PENDING_FOR
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid)
        permissions.require_own(actor, device.tenant_id)
        sessions.require_living(sessions.lock_session(device_id=device.pk))
        voided = _make_room(device.pk, revoke_old, now)
        DeviceCredential.objects.create(
            device_id=device.pk,
            key_hash=key_hash,
            lookup=credentials.lookup_of(key),
            role=KeyRole.PENDING,
            grace_seconds=grace_seconds,
            created_at=now,
            retires_at=expires_at,
        )
        credentials.record_change(
            "rotation_started",
            device_uid=device.uid,
            tenant_id=device.tenant_id,
            before=None,
            after={
                "credential": "rotation_pending",
                "grace_seconds": grace_seconds,
                "revoke_old": str(revoke_old),
                "keys_voided": voided,
            },
            actor=actor,
            now=now,
        )
    return RotatedKey(
        device_uid=device.uid,
        device_id=device.device_id,
        api_key=key,
        grace_seconds=grace_seconds,
        revoke_old=str(revoke_old),
        expires_at=expires_at,
    )


def sweep(now: datetime) -> int:
    """Void old keys whose grace is over and new ones that nobody used; returns how many.

    Any number of sweepers may run: each key is taken by a compare-and-set under its device's
    lock.
    """
    overdue = DeviceCredential.objects.filter(revoked_at__isnull=True, retires_at__lte=now)
    swept = 0
    while due := list(overdue.values_list("pk", "device_id")[:SWEEP_CHUNK]):
        swept += sum(_sweep_one(key, device_id, now) for key, device_id in due)
    return swept


def _sweep_one(credential_id: int, device_id: int, now: datetime) -> bool:
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        # A key that became the current one between the look and the lock has no deadline.
        overdue = DeviceCredential.objects.filter(
            pk=credential_id, revoked_at__isnull=True, retires_at__lte=now
        )
        role = overdue.values_list("role", flat=True).first()
        if role is None:
            return False
        credentials.retire(credential_id=credential_id, device_id=device_id, now=now)
        credentials.record_change(
            "retired",
            device_uid=facts.device_uid,
            tenant_id=facts.tenant_id,
            before={"key": role},
            after={"key": "void"},
            actor=Actor.system("devices.rotation"),
            now=now,
        )
    return True


def _check(grace_seconds: int, revoke_old: str) -> None:
    wrong: dict[str, list[str]] = {}
    if not 0 <= grace_seconds <= MAX_GRACE_SECONDS:
        wrong["grace_seconds"] = [f"0 to {MAX_GRACE_SECONDS}."]
    if revoke_old not in RevokeOld.values:
        wrong["revoke_old"] = [f"One of {', '.join(RevokeOld.values)}."]
    if wrong:
        raise ValidationFailed(details=wrong)


def _make_room(device_id: int, revoke_old: str, now: datetime) -> int:
    if revoke_old == RevokeOld.NOW:
        return credentials.void_all(device_id=device_id, now=now)
    waiting = DeviceCredential.objects.filter(
        device_id=device_id, role=KeyRole.PENDING, revoked_at__isnull=True
    )
    keys = list(waiting.values_list("pk", flat=True))
    return sum(credentials.retire(credential_id=key, device_id=device_id, now=now) for key in keys)
