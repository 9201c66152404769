"""The second way in: a device is registered at its site, by what the site calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count

from django.conf import settings
from django.db import IntegrityError, transaction

from audit.services import recording
from devices import errors, events, permissions, selectors
from devices.choices import RESERVED_DEVICE_IDS, DeviceClass, EnrolledBy, Pairing
from devices.models import Device, Site
from devices.services import credentials, lives, provisioning_keys, sessions, tag_rows
from devices.services.site_locks import lock_living_sites
from devices.types import BatchKeyFacts, DeviceRegistration, SiteDevice
from kernel import errors as kernel_errors
from kernel import live, ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import require_unit_of_work, unit_of_work


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredDevice:
    """The answer to a registration; the key is shown this once."""

    device: Device
    api_key: str = field(repr=False)


def _keep_nothing(registered: RegisteredDevice) -> None:
    """For callers who have no answer to keep."""


def register_at_site(
    *,
    site_id: str,
    given: SiteDevice,
    provision_key: str = "",
    keep: Callable[[RegisteredDevice], None] = _keep_nothing,
    actor: Actor,
    now: datetime,
) -> RegisteredDevice:
    """Make a device a paired one of the site's tenant and give it its key.

    With a provisioning key that decides, whoever sends it; without one the actor must be an admin
    of the site's tenant. `keep` is called in the unit of work: the key is known to nobody else, so
    whoever must be able to repeat the answer stores it with the device.

    Raises NotAuthenticated for nobody without a key, ProvisionKeyInvalid
    for a key that is not good at this site (or where there is no such site of its tenant: the same
    answer), NotFound, TenantRequired, PermissionDenied, AlreadyRegistered, ValidationFailed, and
    RateLimited past PROVISIONS_PER_MINUTE from one address.
    """
    ratelimit.hit(
        key=f"provision:{actor.address}", limit=settings.PROVISIONS_PER_MINUTE, window_s=60, now=now
    )
    given = _classified(given)
    site = None if provision_key else _own_site(site_id, actor)
    key = tokens.new_token(32)
    # bcrypt takes its time; no lock is held meanwhile.
    key_hash = credentials.hash_key(key)
    enrol = partial(enrol_one, given=given, key=key, key_hash=key_hash, now=now)
    with row_security.platform_scope("devices.site_registration"), unit_of_work():
        if site is None:
            device = _enrol_with_key(enrol, site_id, provision_key, given, actor, now)
        else:
            device = enrol(
                tenant_id=site.tenant_id,
                site_pk=site.pk,
                by=actor.label,
                enrolled_by=EnrolledBy.SITE,
                actor=actor,
            )
        registered = RegisteredDevice(device=device, api_key=key)
        keep(registered)
    return registered


def enrol_one(
    *,
    tenant_id: int,
    site_pk: int | None,
    given: SiteDevice,
    key: str,
    key_hash: str,
    by: str,
    enrolled_by: str,
    actor: Actor,
    now: datetime,
) -> Device:
    """Begin a paired life for a device that its tenant describes, within the caller's unit of work.

    Within a platform scope: hardware is looked up before it has an owner. Takes the site's lock,
    which must come before the lock of any other device. Raises NotFound for a site that is gone,
    AlreadyRegistered for a `device_id` that is in use, ValidationFailed for one that is a route.
    """
    require_unit_of_work()
    if given.device_id in RESERVED_DEVICE_IDS:
        raise kernel_errors.ValidationFailed(
            details={"device_id": ["This word is an address here."]}
        )
    given = _classified(given)
    if site_pk is not None:
        lock_living_sites(tenant_id=tenant_id, site_pks=[site_pk])
    if _is_in_use(tenant_id, given.device_id):
        raise errors.AlreadyRegistered
    device, is_new_life = _unowned_life(tenant_id, given, now)
    ownership = lives.Ownership(
        tenant_id=tenant_id,
        by=by,
        enrolled_by=enrolled_by,
        site_id=site_pk,
        device_id=given.device_id,
        name=given.name,
        ip_address=given.ip_address,
    )
    device.tags = tag_rows.checked(given.tags)
    try:
        with transaction.atomic():
            lives.take_in(device, ownership, now)
    except IntegrityError:
        raise errors.AlreadyRegistered from None
    if device.tags:
        tag_rows.keep([device])
    credentials.replace_credential(device_id=device.pk, key=key, key_hash=key_hash, now=now)
    _tell(device, tenant_id, is_new_life, actor, now)
    rows = Device.objects.unscoped("the device whose lock is held")
    registered: Device = rows.with_presence().get(pk=device.pk)
    return registered


def _own_site(site_id: str, actor: Actor) -> Site:
    if actor.user_id is None and not actor.is_system:
        raise kernel_errors.NotAuthenticated("Sign in, or send a provisioning key.")
    site = selectors.site_by_id(actor=actor, site_id=site_id)
    permissions.require_own(actor, site.tenant_id)
    return site


def _enrol_with_key(
    enrol: Callable[..., Device],
    site_id: str,
    key: str,
    given: SiteDevice,
    actor: Actor,
    now: datetime,
) -> Device:
    admitted = provisioning_keys.admit_key(key=key, device_class=given.device_class, now=now)
    site_pk = _site_of_key(admitted, site_id)
    # Who registers is whoever holds the key: known by its name, and by the address.
    installer = Actor(
        kind="device",
        id=given.device_id,
        label=f"provisioning key {admitted.name}",
        address=actor.address,
        request_id=actor.request_id,
        via=actor.via,
    )
    device = enrol(
        tenant_id=admitted.tenant_id,
        site_pk=site_pk,
        by=installer.label,
        enrolled_by=EnrolledBy.BATCH_KEY,
        actor=installer,
    )
    provisioning_keys.count_use(admitted, device_uid=device.uid, actor=installer, now=now)
    return device


def _site_of_key(admitted: BatchKeyFacts, site_id: str) -> int:
    """The site of that id, where the key is good. Raises ProvisionKeyInvalid."""
    found = selectors.site_pks(tenant_id=admitted.tenant_id, site_ids=[site_id])
    if site_id not in found or admitted.site_id not in (None, found[site_id]):
        raise errors.ProvisionKeyInvalid
    return found[site_id]


def _classified(given: SiteDevice) -> SiteDevice:
    """With the class that its type names, where no class was given."""
    named = given.device_type.strip().lower()
    if given.device_class == DeviceClass.OTHER and named in DeviceClass.values:
        return replace(given, device_class=named)
    return given


def _is_in_use(tenant_id: int, device_id: str) -> bool:
    devices = Device.objects.unscoped("the tenant that registers")
    return bool(devices.filter(tenant_id=tenant_id, device_id=device_id).exists())


def _unowned_life(tenant_id: int, given: SiteDevice, now: datetime) -> tuple[Device, bool]:
    """A life without owner of the hardware, locked; and whether it is new."""
    hardware_id = _hardware_id(tenant_id, given.device_id)
    registration = DeviceRegistration(
        hardware_id=hardware_id,
        device_class=given.device_class,
        device_type=given.device_type,
        model=given.model,
        capabilities=given.capabilities,
        relay_count=given.relay_count,
    )
    device, is_new_life = lives.begin_or_find(registration, now)
    sessions.lock_session(device_id=device.pk)
    device.refresh_from_db(from_queryset=lives.lives_of(hardware_id))
    if device.pairing != Pairing.UNCLAIMED:
        raise errors.AlreadyRegistered
    lives.describe(device, registration)
    return device, is_new_life


def _hardware_id(tenant_id: int, device_id: str) -> str:
    """The hardware that the tenant's site calls so.

    What it once called so may be another tenant's by now, handed on with its history; the tenant
    may use the name again for other hardware, which is then another number of that name.
    """
    owner = Device(tenant_id=tenant_id).tenant
    if owner is None:
        raise kernel_errors.NotFound
    name = f"{owner.uid}:{device_id}"
    names = (name if number == 1 else f"{name}:{number}" for number in count(1))
    return next(
        hardware_id
        for hardware_id in names
        if not lives.lives_of(hardware_id)
        .active()
        .exclude(tenant_id__isnull=True)
        .exclude(tenant_id=tenant_id)
        .exists()
    )


def _tell(device: Device, tenant_id: int, is_new_life: bool, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=tenant_id,
        action="devices.device.registered",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before=None,
        after={
            "device_id": device.device_id,
            "name": device.name,
            "site": None if device.site is None else device.site.site_id,
            "epoch": device.epoch,
            "enrolled_by": str(device.enrolled_by),
        },
        now=now,
    )
    live.append(
        tenant_id=tenant_id, kind="device_added", payload={"device_uid": device.uid}, now=now
    )
    publish(events.DeviceProvisioned(occurred_at=now, device_id=device.pk, is_new_life=is_new_life))
    publish(events.DeviceClaimed(occurred_at=now, device_id=device.pk, tenant_id=tenant_id))
