"""The one place where the offer of a device stops being open."""

from __future__ import annotations

from datetime import datetime

from audit.services import recording
from devices import events
from devices.choices import TransferState
from devices.models import DeviceTransfer
from kernel import live
from kernel.actors import Actor
from kernel.events import publish


def settle(
    *,
    offer: DeviceTransfer,
    device_uid: str,
    state: TransferState,
    actor: Actor,
    now: datetime,
    because: str = "",
) -> bool:
    """Compare-and-set an open offer to its end and tell the giver; False when it had ended.

    Within the caller's unit of work, under the device's lock.
    """
    if not close(offer=offer, state=state, now=now, decided_by=actor.label[:200]):
        return False
    tell_giver(
        offer=offer,
        device_uid=device_uid,
        state=state,
        actor=actor,
        now=now,
        more={"because": because} if because else {},
    )
    return True


def close(*, offer: DeviceTransfer, state: TransferState, now: datetime, **changes: object) -> bool:
    """Compare-and-set an open offer to its end; False when it had ended before.

    Within the caller's unit of work, under the device's lock; the caller tells both sides.
    """
    rows = DeviceTransfer.objects.unscoped("compare-and-set of one row by its key")
    open_offer = rows.filter(pk=offer.pk, state=TransferState.OFFERED)
    if state == TransferState.ACCEPTED:
        open_offer = open_offer.filter(expires_at__gt=now)
    return bool(open_offer.update(state=state, decided_at=now, **changes))


def tell_giver(
    *,
    offer: DeviceTransfer,
    device_uid: str,
    state: TransferState,
    actor: Actor,
    now: datetime,
    more: dict[str, str],
) -> None:
    """Write the end of an offer into the giver's history, and tell its browsers.

    Of the other side the actor and `more` name the tenant, and nobody of its people.
    """
    recording.record(
        tenant_id=offer.tenant_id,
        action=f"devices.transfer.{state.value}",
        actor=actor,
        target_type="device",
        target_id=device_uid,
        before={"transfer": offer.uid, "state": TransferState.OFFERED.value},
        after={"transfer": offer.uid, "state": state.value} | more,
        now=now,
    )
    publish(
        events.TransferChanged(
            occurred_at=now, device_id=offer.device_id, transfer_uid=offer.uid, state=state.value
        )
    )
    live.append(
        tenant_id=offer.tenant_id,
        kind="device_updated",
        payload={"device_uid": device_uid},
        now=now,
    )
