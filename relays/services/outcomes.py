"""How the outcome of a switch command changes the known positions; registered with the ledger."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Q

from commands import registry, state_machine
from commands.choices import Delivery
from commands.types import Outcome
from devices.registry import Claimed, Registered, on_claim, on_registration, on_snapshot
from edge.protocol.limits import MAX_RELAY_INDEX
from edge.protocol.messages import SetAllRelays, SetRelay
from kernel.actors import Actor
from relays import selectors
from relays.choices import Source
from relays.models import RelayState
from relays.services import states, switching
from relays.services.switching import SET_ALL_RELAYS, SET_RELAY

_SET_RELAY_SCHEMA = {
    "type": "object",
    "description": "Puts one relay into a position, or into the other one.",
    "properties": {
        "relay_index": {
            "type": "integer",
            "title": "Relay",
            "description": "Counted from 0.",
            "minimum": 0,
            "maximum": MAX_RELAY_INDEX,
        },
        "is_on": {"type": "boolean", "title": "On"},
        "toggle": {
            "const": True,
            "title": "Toggle",
            "description": "Instead of a position: the other one than it will be in by then.",
        },
    },
    "required": ["relay_index"],
    "oneOf": [{"required": ["is_on"]}, {"required": ["toggle"]}],
    "additionalProperties": False,
}
_SET_ALL_SCHEMA = {
    "type": "object",
    "description": "Puts every relay of the device into the same position.",
    "properties": {"is_on": {"type": "boolean", "title": "On"}},
    "required": ["is_on"],
    "additionalProperties": False,
}


def encode_set_relay(command_uid: str, payload: dict[str, Any], expires_at: datetime) -> SetRelay:
    """The protocol message of a `set_relay` command."""
    return SetRelay(
        command_id=command_uid,
        relay_index=payload["relay_index"],
        is_on=payload["is_on"],
        expires_at=expires_at,
    )


def encode_set_all(command_uid: str, payload: dict[str, Any], expires_at: datetime) -> SetAllRelays:
    """The protocol message of a `set_all_relays` command."""
    return SetAllRelays(command_id=command_uid, is_on=payload["is_on"], expires_at=expires_at)


def apply_outcome(outcome: Outcome, now: datetime) -> dict[str, Any] | None:
    """Keep the positions the device answered with; returns them as the command's result.

    The device's own words win: when it sent positions they are kept, whatever was asked for. A
    success without positions means what was asked for; anything else without them, nothing.
    """
    positions = _positions(outcome)
    if not positions:
        return None
    states.apply_observation(
        observation=states.Observation(
            device_id=outcome.device_id,
            device_uid=outcome.device_uid,
            tenant_id=outcome.tenant_id,
            positions=positions,
            source=Source.COMMAND if outcome.state == state_machine.SUCCEEDED else Source.DEVICE,
            actor=_requester(outcome),
            cause=outcome.cause,
            command_uid=outcome.command_uid,
        ),
        now=now,
    )
    return {
        "relays": [
            {"relay_index": index, "is_on": is_on} for index, is_on in sorted(positions.items())
        ]
    }


def _positions(outcome: Outcome) -> dict[int, bool]:
    if outcome.relays:
        return {relay.relay_index: relay.is_on for relay in outcome.relays}
    if outcome.is_outdated or outcome.state != state_machine.SUCCEEDED:
        return {}
    rows = RelayState.objects.unscoped("relays of the device whose lock is held").filter(
        device_id=outcome.device_id
    )
    if "relay_index" in outcome.payload:
        rows = rows.filter(index=outcome.payload["relay_index"])
    if not outcome.is_first_answer:
        # The device did it, but when? What was learnt since the sending is not overwritten.
        rows = rows.filter(Q(changed_at__isnull=True) | Q(changed_at__lte=outcome.sent_at))
    return dict.fromkeys(rows.values_list("index", flat=True), outcome.payload["is_on"])


def _requester(outcome: Outcome) -> Actor:
    last = outcome.cause[-1] if outcome.cause else {}
    return Actor(
        kind=last.get("kind", "system"),
        id=last.get("id", ""),
        label=last.get("label", ""),
        via=last.get("via", "system"),
        request_id=last.get("request_id", ""),
    )


@on_registration
def make_relay_states(device: Registered) -> None:
    """Give a device as many rows as it has relays; new ones are of unknown position."""
    rows = RelayState.objects.unscoped("the device is being registered")
    rows.filter(device_id=device.device_id, index__gte=device.relay_count).delete()
    RelayState.objects.bulk_create(
        [
            RelayState(device_id=device.device_id, index=index)
            for index in range(device.relay_count)
        ],
        ignore_conflicts=True,
    )


@on_claim
def hand_over(device: Claimed) -> None:
    """Give the device's relays to its new owner."""
    rows = RelayState.objects.unscoped("the device is being claimed")
    rows.filter(device_id=device.device_id).update(tenant_id=device.tenant_id)


def snapshot(device_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """The last known positions of each device's relays in order, as JSON values."""
    rows = RelayState.objects.unscoped("relays of the devices whose locks are held")
    found: dict[int, list[dict[str, Any]]] = {device_id: [] for device_id in device_ids}
    for state in rows.filter(device_id__in=device_ids).order_by("device_id", "index"):
        found[state.device_id].append(
            {
                "relay_index": state.index,
                "is_on": state.is_on,
                "version": state.version,
                "source": str(state.source),
                "changed_at": None if state.changed_at is None else state.changed_at.isoformat(),
                "changed_by": state.changed_by,
            }
        )
    return found


def register() -> None:
    """Tell the ledger of the kinds of commands that switch relays, and lives of positions."""
    on_snapshot("relays", snapshot)
    registry.register_effects("relays", selectors.effects_of_command)
    kind = partial(
        registry.Kind,
        apply=apply_outcome,
        delivery=Delivery.NOW,
        lifetime=switching.LIFETIME,
        max_lifetime=switching.LONGEST_LIFETIME,
        coalesce=True,
    )
    registry.register(
        kind(
            name=SET_RELAY,
            encode=encode_set_relay,
            title="Switch a relay",
            schema=_SET_RELAY_SCHEMA,
            prepare=switching.prepare_one,
            lane=switching.lane_of_one,
        )
    )
    registry.register(
        kind(
            name=SET_ALL_RELAYS,
            encode=encode_set_all,
            title="Switch all relays",
            schema=_SET_ALL_SCHEMA,
            prepare=switching.prepare_all,
            lane=switching.lane_of_all,
        )
    )
