"""Asking a device to switch its relays, through the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from commands import lanes
from commands.choices import Delivery
from commands.selectors import view_of
from commands.services import queueing
from commands.types import CommandView, Order
from devices import permissions
from devices import selectors as device_selectors
from devices.services import sessions
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from relays import errors, selectors

SET_RELAY = "set_relay"
SET_ALL_RELAYS = "set_all_relays"
LIFETIME = timedelta(seconds=30)


def switch_relay(
    *,
    device_uid: str,
    relay_index: int,
    is_on: bool | None,
    toggle: bool = False,
    cause: list[dict[str, Any]] | None = None,
    actor: Actor,
    now: datetime,
) -> CommandView:
    """Ask for one relay to be on or off; it counts as switched only when the device says so.

    `toggle` is resolved here, against what will be once the open commands are done. Raises
    NotFound, NoSuchRelay, PermissionDenied, DeviceOffline, ValidationFailed, DeviceArchived.
    """
    if (is_on is None) == (not toggle):
        raise kernel_errors.ValidationFailed(details={"is_on": ["Send either is_on or toggle."]})
    with unit_of_work():
        device_id, tenant_id = device_selectors.device_keys(actor=actor, uid=device_uid)
        permissions.require_operate(actor, tenant_id)
        facts = sessions.lock_session(device_id=device_id)
        if relay_index >= facts.relay_count:
            raise errors.NoSuchRelay
        wanted = is_on if is_on is not None else not _expected(device_id, relay_index)
        command = queueing.enqueue(
            facts=facts,
            order=Order(
                kind=SET_RELAY,
                payload={"relay_index": relay_index, "is_on": wanted},
                lane=lanes.relay_lane(relay_index),
                delivery=Delivery.NOW,
                lifetime=LIFETIME,
            ),
            cause=cause,
            actor=actor,
            now=now,
        )
    return view_of(command, facts.device_uid)


def switch_all(
    *,
    device_uid: str,
    is_on: bool,
    cause: list[dict[str, Any]] | None = None,
    actor: Actor,
    now: datetime,
) -> CommandView:
    """Ask for all relays of a device to be on or off. Raises as `switch_relay` does."""
    with unit_of_work():
        device_id, tenant_id = device_selectors.device_keys(actor=actor, uid=device_uid)
        permissions.require_operate(actor, tenant_id)
        facts = sessions.lock_session(device_id=device_id)
        if not facts.relay_count:
            raise errors.NoSuchRelay
        command = queueing.enqueue(
            facts=facts,
            order=Order(
                kind=SET_ALL_RELAYS,
                payload={"is_on": is_on},
                lane=lanes.EVERY_RELAY,
                delivery=Delivery.NOW,
                lifetime=LIFETIME,
            ),
            cause=cause,
            actor=actor,
            now=now,
        )
    return view_of(command, facts.device_uid)


def _expected(device_id: int, relay_index: int) -> bool:
    """The position after the open commands; unknown counts as off."""
    pending = selectors.pending_switches([device_id]).get((device_id, relay_index))
    if pending is not None:
        return pending.is_on
    return bool(selectors.known_position(device_id=device_id, relay_index=relay_index))
