"""Lives of hardware: how one begins, and how it gets its owner. Their end is in `unpairing`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from devices import registry
from devices.choices import Pairing
from devices.firmware_versions import order_key
from devices.models import (
    ClaimCode,
    Device,
    DeviceCapability,
    DeviceEvent,
    DevicePresence,
    DeviceSession,
)
from devices.querysets import DeviceQuerySet
from devices.services import connectivity, timeouts
from devices.types import DeviceRegistration
from kernel import tokens

_DESCRIPTION = (
    "device_class", "device_type", "model", "firmware_version", "capabilities", "relay_count",
    "is_simulated",
)  # fmt: skip


_ERASED = "erased~"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ownership:
    """Who takes a device in, where to, and how they came by it (`EnrolledBy`)."""

    tenant_id: int
    by: str
    enrolled_by: str
    site_id: int | None = None
    device_id: str = ""
    name: str = ""
    ip_address: str | None = None


def lives_of(hardware_id: str) -> DeviceQuerySet:
    """All lives of a piece of hardware; within platform-wide work only."""
    lives = Device.all_objects.unscoped("hardware is looked up before it has a tenant")
    found: DeviceQuerySet = lives.filter(hardware_id=hardware_id)
    return found


def erased_hardware_id(hardware_id: str) -> str:
    """What stands for the hardware of an erased life; of one that stands so already, itself.

    Nobody without this installation's secret can tell which hardware it was, and no hardware can
    register by such a name: `~` is no character of its ids.
    """
    if hardware_id.startswith(_ERASED):
        return hardware_id
    return _ERASED + tokens.keyed_digest("erased-hardware", hardware_id)


def begin_or_find(registration: DeviceRegistration, now: datetime) -> tuple[Device, bool]:
    """The living device of the hardware, or a new unclaimed life; and whether it is new.

    Within the caller's unit of work. Two that begin the same life at once get one.
    """
    lives = lives_of(registration.hardware_id)
    living = lives.active().first()
    if living is not None:
        return living, False
    # Also the lives whose hardware was made unknown: the next number is never one of theirs.
    last = (
        (lives | lives_of(erased_hardware_id(registration.hardware_id))).order_by("-epoch").first()
    )
    try:
        with transaction.atomic():
            return _begin(registration, 1 if last is None else last.epoch + 1, now), True
    except IntegrityError:
        # The same hardware registered twice at once; the other's row can be seen by now.
        living = lives.active().first()
        if living is None:
            raise
        return living, False


def describe(device: Device, registration: DeviceRegistration) -> None:
    """Keep what the hardware says of itself, its capabilities also as rows of their own."""
    for field in _DESCRIPTION:
        value = getattr(registration, field)
        setattr(device, field, list(value) if isinstance(value, tuple) else value)
    device.firmware_order = order_key(device.firmware_version)
    device.save(update_fields=(*_DESCRIPTION, "firmware_order"))
    _keep_capabilities(device)
    registry.registered(registry.Registered(device_id=device.pk, relay_count=device.relay_count))


def take_in(device: Device, ownership: Ownership, now: datetime) -> None:
    """Make the tenant the owner of an unclaimed device whose lock the caller holds.

    Its open claim codes are used up. The caller writes the audit entry and publishes.
    """
    device.tenant_id, device.site_id = ownership.tenant_id, ownership.site_id
    device.pairing, device.claimed_at = Pairing.PAIRED, now
    device.claimed_by, device.enrolled_by = ownership.by[:200], ownership.enrolled_by
    device.device_id, device.name = ownership.device_id, ownership.name.strip()
    device.ip_address = ownership.ip_address
    device.save()
    for model in (DeviceSession, DevicePresence):
        model.objects.filter(device_id=device.pk).update(tenant_id=ownership.tenant_id)
    DeviceCapability.objects.unscoped("the device whose lock is held").filter(
        device_id=device.pk
    ).update(tenant_id=ownership.tenant_id)
    DeviceEvent.objects.unscoped("the device whose lock is held").filter(
        device_id=device.pk
    ).update(tenant_id=ownership.tenant_id)
    connectivity.adopt(device_id=device.pk, tenant_id=ownership.tenant_id)
    timeouts.keep(device)
    ClaimCode.objects.filter(device_id=device.pk, used_at__isnull=True).update(used_at=now)
    registry.claimed(registry.Claimed(device_id=device.pk, tenant_id=ownership.tenant_id))


def _begin(registration: DeviceRegistration, epoch: int, now: datetime) -> Device:
    device = Device(
        uid=tokens.new_public_id(),
        hardware_id=registration.hardware_id,
        epoch=epoch,
        created_at=now,
    )
    device.save(force_insert=True)
    DeviceSession.objects.create(device=device)
    DevicePresence.objects.create(device=device)
    return device


def _keep_capabilities(device: Device) -> None:
    rows = DeviceCapability.objects.unscoped("the device whose description this is").filter(
        device_id=device.pk
    )
    wanted = set(device.capabilities)
    kept = set(rows.values_list("name", flat=True))
    rows.filter(name__in=kept - wanted).delete()
    DeviceCapability.objects.bulk_create(
        [
            DeviceCapability(device=device, tenant_id=device.tenant_id, name=name)
            for name in sorted(wanted - kept)
        ]
    )
