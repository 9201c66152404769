"""Reads about device keys: how they stand, never the keys."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from devices.choices import KeyRole, KeyState
from devices.models import Device, DeviceCredential
from devices.querysets import DeviceQuerySet
from devices.types import KeyFacts, KeyView
from kernel import row_security
from kernel.actors import Actor
from kernel.errors import NotFound

_PREFETCHED = "live_keys"


def with_keys(devices: DeviceQuerySet) -> DeviceQuerySet:
    """The devices with what `key_facts` reads, in one query for all of them."""
    live = DeviceCredential.objects.filter(revoked_at__isnull=True)
    return devices.prefetch_related(Prefetch("credentials", live, to_attr=_PREFETCHED))


def in_key_state(devices: DeviceQuerySet, state: str) -> DeviceQuerySet:
    """Only the devices whose keys stand so (`KeyState`); each is in exactly one state."""
    if state == KeyState.NONE:
        return devices.filter(~Exists(_live()))
    pending = Exists(_live(KeyRole.PENDING))
    if state == KeyState.PENDING:
        return devices.filter(pending)
    retiring = Exists(_live(KeyRole.RETIRING))
    if state == KeyState.RETIRING:
        return devices.filter(retiring, ~pending)
    return devices.filter(Exists(_live(KeyRole.CURRENT)), ~retiring, ~pending)


def key_facts(device: Device) -> KeyFacts:
    """How the device's keys stand; one query, or none for those of `with_keys`."""
    keys = getattr(device, _PREFETCHED, None)
    if keys is None:
        keys = list(DeviceCredential.objects.filter(device_id=device.pk, revoked_at__isnull=True))
    by_role = {key.role: key for key in keys}
    current, pending = by_role.get(KeyRole.CURRENT), by_role.get(KeyRole.PENDING)
    retiring = by_role.get(KeyRole.RETIRING)
    # While the old key is still good, the rotation that goes on is the one that made the new one.
    started = pending or (current if retiring else None)
    return KeyFacts(
        state=_state(by_role),
        created_at=None if current is None else current.created_at,
        rotation_started_at=None if started is None else started.created_at,
        old_key_retires_at=None if retiring is None else retiring.retires_at,
    )


def keys_of(device: Device) -> list[KeyView]:
    """Every key that a device the caller has found ever had, the newest first."""
    rows = DeviceCredential.objects.filter(device_id=device.pk).order_by("-pk")
    return [
        KeyView(
            role=str(row.role),
            created_at=row.created_at,
            first_used_at=row.first_used_at,
            last_used_at=row.last_used_at,
            last_used_over=row.last_used_over,
            last_address=row.last_address,
            retires_at=row.retires_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]


def own_device(*, actor: Actor) -> Device:
    """The device that calls, with its site. Raises NotFound for who is no living device."""
    tenant_id = next(iter(actor.tenant_ids), None)
    with row_security.device_scope(tenant_id):
        living = Device.objects.unscoped("a device reads about itself")
        found: DeviceQuerySet = with_keys(living.select_related("site", "presence"))
        device: Device | None = found.filter(pk=actor.device_id).first()
    if device is None:
        raise NotFound
    return device


def _live(role: str = "") -> QuerySet[DeviceCredential]:
    keys = DeviceCredential.objects.filter(device_id=OuterRef("pk"), revoked_at__isnull=True)
    return keys.filter(role=role) if role else keys


def _state(by_role: dict[str, DeviceCredential]) -> KeyState:
    if KeyRole.PENDING in by_role:
        return KeyState.PENDING
    if KeyRole.RETIRING in by_role:
        return KeyState.RETIRING
    return KeyState.CURRENT if by_role else KeyState.NONE
