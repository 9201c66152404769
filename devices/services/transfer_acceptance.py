"""The moment a device changes hands: one life ends, the next one begins elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from audit.services import recording
from devices import errors, events
from devices.choices import EnrolledBy, LifeEnd, TransferState
from devices.models import Device, DeviceTransfer
from devices.services import credentials, lives, sessions, unpairing
from devices.services.site_locks import lock_living_sites
from devices.services.transfer_states import close, tell_giver
from devices.types import DeviceRegistration
from kernel import errors as kernel_errors
from kernel import live, row_security, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from accounts.models import Tenant


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedTransfer:
    """A device that has changed hands: its new life, and the key of it, shown this once."""

    device: Device
    api_key: str = field(repr=False)


def accept(
    *, code_digest: str, tenant_id: int, site_pk: int | None, actor: Actor, now: datetime
) -> AcceptedTransfer:
    """Hand the device of an open offer to the tenant, in one transaction.

    The caller has checked that the actor may take devices in for the tenant and the site. Raises
    TransferCodeInvalid, TransferToSelf, NotFound for a site that was just removed.
    """
    key = tokens.new_token()
    # bcrypt takes its time; no lock is held meanwhile.
    key_hash = credentials.hash_key(key)
    # The device is the giver's until it is the receiver's.
    with row_security.platform_scope("devices.transfer"), unit_of_work():
        if site_pk is not None:
            # Sites are locked before devices (site_locks).
            lock_living_sites(tenant_id=tenant_id, site_pks=[site_pk])
        offer = _take(code_digest, tenant_id, now)
        former = unpairing.end_life(
            device_id=offer.device_id,
            reason=LifeEnd.TRANSFERRED,
            actor=_other_side(offer),
            now=now,
        )
        device = _begin(former, offer, now)
        credentials.replace_credential(device_id=device.pk, key=key, key_hash=key_hash, now=now)
        ownership = lives.Ownership(
            tenant_id=tenant_id,
            by=actor.label,
            enrolled_by=EnrolledBy.TRANSFER,
            site_id=site_pk,
        )
        lives.take_in(device, ownership, now)
        _note_successor(offer, device)
        _tell_receiver(offer, device, actor, now)
        failpoint("devices.transfer.written")
        return AcceptedTransfer(device=_as_shown(device.pk), api_key=key)


def _take(code_digest: str, tenant_id: int, now: datetime) -> DeviceTransfer:
    """The offer with both its tenants, accepted; from here on its device is ours to hand over."""
    offers = DeviceTransfer.objects.unscoped("the code names the offer").filter(
        code_digest=code_digest
    )
    # One that was good once is passed over at once: the clock must not tell it from no code at all.
    found: DeviceTransfer | None = offers.filter(
        state=TransferState.OFFERED, expires_at__gt=now
    ).first()
    if found is None:
        raise errors.TransferCodeInvalid
    facts = sessions.lock_session(device_id=found.device_id)
    # Under the lock an ended life has no open offer; a second look costs nothing.
    if not facts.is_active or not close(
        offer=found, state=TransferState.ACCEPTED, now=now, to_tenant_id=tenant_id
    ):
        raise errors.TransferCodeInvalid
    if found.tenant_id == tenant_id:
        raise errors.TransferToSelf
    offer: DeviceTransfer = offers.select_related("tenant", "to_tenant").get()
    tell_giver(
        offer=offer,
        device_uid=facts.device_uid,
        state=TransferState.ACCEPTED,
        actor=_other_side(offer),
        now=now,
        more={"to": _receiver_of(offer).name},
    )
    return offer


def _begin(former: Device, offer: DeviceTransfer, now: datetime) -> Device:
    """The next life of the hardware: what it is comes along, nothing that its owner wrote."""
    registration = DeviceRegistration(
        hardware_id=_hardware_id(former, offer),
        device_class=former.device_class,
        device_type=former.device_type,
        model=former.model,
        firmware_version=former.firmware_version,
        capabilities=tuple(former.capabilities),
        relay_count=former.relay_count,
        is_simulated=former.is_simulated,
    )
    device, is_new = lives.begin_or_find(registration, now)
    if not is_new:
        raise kernel_errors.Conflict("The hardware registered just now. Try again.", retry_after=1)
    sessions.lock_session(device_id=device.pk)
    device.epoch = max(device.epoch, former.epoch + 1)
    device.save(update_fields=("epoch",))
    lives.describe(device, registration)
    return device


def _hardware_id(former: Device, offer: DeviceTransfer) -> str:
    """What the hardware goes by; one that was named by the giver's site gets a name of ours.

    Such a name has the giver's tenant and its own id for the device in it: the receiver is not
    to read them, and the giver may use that id again.
    """
    if not former.hardware_id.startswith(f"{offer.tenant.uid}:"):
        return former.hardware_id
    return f"{_receiver_of(offer).uid}:{tokens.new_public_id()}"


def _note_successor(offer: DeviceTransfer, device: Device) -> None:
    rows = DeviceTransfer.objects.unscoped("the offer that was taken under the device's lock")
    rows.filter(pk=offer.pk).update(new_device=device)


def _tell_receiver(offer: DeviceTransfer, device: Device, actor: Actor, now: datetime) -> None:
    recording.record(
        tenant_id=device.tenant_id,
        action="devices.transfer.accepted",
        actor=actor,
        target_type="device",
        target_id=device.uid,
        before=None,
        after={
            "transfer": offer.uid,
            "from": offer.tenant.name,
            "epoch": device.epoch,
            "hardware_id": device.hardware_id,
        },
        now=now,
    )
    publish(
        events.DeviceClaimed(
            occurred_at=now, device_id=device.pk, tenant_id=int(device.tenant_id or 0)
        )
    )
    live.append(
        tenant_id=device.tenant_id,
        kind="device_added",
        payload={"device_uid": device.uid},
        now=now,
    )


def _other_side(offer: DeviceTransfer) -> Actor:
    """Who acts, as the giver may know it: the other tenant, and nobody of its people."""
    name = _receiver_of(offer).name
    return Actor(kind="system", id="devices.transfer", label=f"transfer to {name}")


def _receiver_of(offer: DeviceTransfer) -> Tenant:
    if offer.to_tenant is None:
        raise errors.TransferCodeInvalid
    return offer.to_tenant


def _as_shown(device_id: int) -> Device:
    devices = Device.all_objects.unscoped("the device that was just taken in")
    device: Device = devices.with_presence().get(pk=device_id)
    return device
