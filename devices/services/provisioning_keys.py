"""Provisioning keys for batches: bounded in number and time, for one tenant and perhaps a site."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from accounts.permissions import one_tenant
from audit.services import recording
from devices import errors, permissions, selectors
from devices.choices import DeviceClass
from devices.models import ProvisioningKey, Site
from devices.services.site_locks import lock_living_sites
from devices.types import BatchKeyFacts
from kernel import tokens
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from kernel.locking import lock_rows
from kernel.unit_of_work import require_unit_of_work, unit_of_work

PREFIX = "hpk_"
MAX_DEVICES = 100_000
LONGEST = timedelta(days=366)
_MAX_NAME = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeKey:
    """A provisioning key just made; the key itself is shown this once."""

    row: ProvisioningKey
    key: str = field(repr=False)


def create_key(
    *,
    name: str,
    site_id: str | None = None,
    device_class: str = "",
    max_devices: int,
    expires_at: datetime,
    actor: Actor,
    now: datetime,
) -> MadeKey:
    """Make a key that takes up to `max_devices` devices into the actor's tenant until it expires.

    A member who is limited to sites makes keys for those only. Raises TenantRequired,
    PermissionDenied below admin, ValidationFailed.
    """
    tenant_id = one_tenant(actor)
    permissions.require_own(actor, tenant_id)
    _check(name, device_class, max_devices, expires_at, now)
    site = _site(actor, tenant_id, site_id)
    key = PREFIX + tokens.new_token()
    with unit_of_work():
        if site is not None:
            lock_living_sites(tenant_id=tenant_id, site_pks=[site.pk])
        row = ProvisioningKey.objects.create(
            uid=tokens.new_public_id(),
            tenant_id=tenant_id,
            site=site,
            name=name.strip(),
            device_class=device_class,
            key_digest=_digest(key),
            max_devices=max_devices,
            created_at=now,
            created_by=actor.label[:200],
            expires_at=expires_at,
        )
        after = {
            "name": row.name,
            "site": None if site is None else site.site_id,
            "device_class": device_class,
            "max_devices": max_devices,
            "expires_at": expires_at.isoformat(),
        }
        _record(row.uid, tenant_id, "created", None, after, actor, now)
    return MadeKey(row=row, key=key)


def revoke_key(*, key_uid: str, actor: Actor, now: datetime) -> ProvisioningKey:
    """Let no more devices in with the key; those it let in stay. Revoking twice is fine.

    Raises NotFound, PermissionDenied below admin.
    """
    with unit_of_work():
        key = selectors.provisioning_key_by_uid(actor=actor, uid=key_uid)
        rows = ProvisioningKey.objects.unscoped("the key was found within the actor's scope")
        if rows.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now):
            after = {"revoked_at": now.isoformat(), "used": key.used}
            _record(key.uid, key.tenant_id, "revoked", {"revoked_at": None}, after, actor, now)
            key.revoked_at = now
    return key


def use_key(
    *,
    key: str,
    device_class: str,
    site_id: int | None = None,
    actor: Actor | None = None,
    now: datetime,
) -> BatchKeyFacts:
    """Count one device against the key, within the caller's unit of work; before a device's lock.

    With a site only a key that may let devices in there is good. Raises ProvisionKeyInvalid, the
    same for an unknown, expired, revoked or used-up key and one for others.
    """
    found = admit_key(key=key, device_class=device_class, site_id=site_id, now=now)
    return count_use(found, actor=actor or Actor.system("devices.provisioning"), now=now)


def admit_key(
    *, key: str, device_class: str, site_id: int | None = None, now: datetime
) -> BatchKeyFacts:
    """The key, locked with its site and good for one more device, before `count_use`.

    Within the caller's unit of work, before a device is locked. Raises ProvisionKeyInvalid.
    """
    require_unit_of_work()
    rows = ProvisioningKey.objects.unscoped("a device shows the key before it has a tenant")
    digest = _digest(key) if key.startswith(PREFIX) else ""
    known = rows.filter(key_digest=digest).values("pk", "tenant_id", "site_id").first()
    if known is None:
        raise errors.ProvisionKeyInvalid
    place = known["site_id"] if site_id is None else site_id
    try:
        if place is not None:
            lock_living_sites(tenant_id=known["tenant_id"], site_pks=[place])
    except NotFound:
        raise errors.ProvisionKeyInvalid from None
    row = next(
        iter(lock_rows(rows.filter(_good_for(device_class, place, now), pk=known["pk"]))), None
    )
    if row is None:
        raise errors.ProvisionKeyInvalid
    return BatchKeyFacts(
        key_id=row.pk,
        uid=row.uid,
        name=row.name,
        tenant_id=row.tenant_id,
        site_id=row.site_id,
        used=row.used,
    )


def count_use(
    found: BatchKeyFacts, *, device_uid: str = "", actor: Actor, now: datetime
) -> BatchKeyFacts:
    """Count one device against a key of `admit_key`, in the same unit of work.

    Raises ProvisionKeyInvalid when it is used up.
    """
    rows = ProvisioningKey.objects.unscoped("the key was shown")
    free = rows.filter(pk=found.key_id, used__lt=F("max_devices"), revoked_at__isnull=True)
    if not free.update(used=F("used") + 1):
        raise errors.ProvisionKeyInvalid
    used = found.used + 1
    after: dict[str, Any] = {"used": used} | ({"device": device_uid} if device_uid else {})
    _record(found.uid, found.tenant_id, "used", {"used": found.used}, after, actor, now)
    return BatchKeyFacts(
        key_id=found.key_id,
        uid=found.uid,
        name=found.name,
        tenant_id=found.tenant_id,
        site_id=found.site_id,
        used=used,
    )


def _good_for(device_class: str, site_pk: int | None, now: datetime) -> Q:
    right_site = Q(site_id__isnull=True) | Q(site_id=site_pk)
    return right_site & Q(
        device_class__in=("", device_class),
        revoked_at__isnull=True,
        expires_at__gt=now,
        used__lt=F("max_devices"),
    )


def _site(actor: Actor, tenant_id: int, site_id: str | None) -> Site | None:
    if not site_id:
        if not actor.may_see_site(tenant_id, None):
            raise PermissionDenied("You manage devices of your sites only: name one of them.")
        return None
    try:
        return selectors.site_in(actor=actor, tenant_id=tenant_id, site_id=site_id)
    except NotFound:
        raise ValidationFailed(details={"site": ["There is no such site."]}) from None


def _check(
    name: str, device_class: str, max_devices: int, expires_at: datetime, now: datetime
) -> None:
    wrong: dict[str, list[str]] = {}
    if not 1 <= len(name.strip()) <= _MAX_NAME:
        wrong["name"] = [f"1 to {_MAX_NAME} characters."]
    if device_class and device_class not in DeviceClass.values:
        wrong["device_class"] = [f"Empty, or one of {', '.join(DeviceClass.values)}."]
    if not 1 <= max_devices <= MAX_DEVICES:
        wrong["max_devices"] = [f"1 to {MAX_DEVICES}."]
    if not now < expires_at <= now + LONGEST:
        wrong["expires_at"] = ["Later than now, and within a year."]
    if wrong:
        raise ValidationFailed(details=wrong)


def _digest(key: str) -> str:
    return tokens.keyed_digest("provisioning-key", key)


def _record(
    uid: str,
    tenant_id: int,
    verb: str,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=tenant_id,
        action=f"devices.provisioning_key.{verb}",
        actor=actor,
        target_type="provisioning_key",
        target_id=uid,
        before=before,
        after=after,
        now=now,
    )
