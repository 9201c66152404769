"""Asking a device to switch its relays, through the ledger."""

from __future__ import annotations

from collections.abc import Mapping
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
from devices.types import SessionFacts
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from relays import errors, selectors

SET_RELAY = "set_relay"
SET_ALL_RELAYS = "set_all_relays"
LIFETIME = timedelta(seconds=30)
# A switch that was left for a device which seldom fetches is not a surprise on another day.
LONGEST_LIFETIME = timedelta(days=1)


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


def prepare_one(
    facts: SessionFacts, payload: dict[str, Any], actor: Actor, now: datetime
) -> dict[str, Any]:
    """What a request for one relay comes to: an index the device has, and a position.

    A toggle is resolved as `switch_relay` does it. Raises NoSuchRelay.
    """
    index = payload["relay_index"]
    if index >= facts.relay_count:
        raise errors.NoSuchRelay
    is_on = payload.get("is_on")
    wanted = is_on if is_on is not None else not _expected(facts.device_id, index)
    return {"relay_index": index, "is_on": wanted}


def prepare_all(
    facts: SessionFacts, payload: dict[str, Any], actor: Actor, now: datetime
) -> dict[str, Any]:
    """Refuse a request for all relays of a device that has none. Raises NoSuchRelay."""
    if not facts.relay_count:
        raise errors.NoSuchRelay
    return payload


def lane_of_one(payload: Mapping[str, Any]) -> str:
    """Each relay is a lane of its own."""
    return lanes.relay_lane(payload["relay_index"])


def lane_of_all(payload: Mapping[str, Any]) -> str:
    """A command for all relays excludes those for single ones."""
    return lanes.EVERY_RELAY


def _expected(device_id: int, relay_index: int) -> bool:
    """The position after the open commands; unknown counts as off."""
    pending = selectors.pending_switches([device_id]).get((device_id, relay_index))
    if pending is not None:
        return pending.is_on
    return bool(selectors.known_position(device_id=device_id, relay_index=relay_index))
