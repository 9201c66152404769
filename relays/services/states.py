"""The one place where the known position of a relay changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.services import recording
from kernel import live
from kernel.actors import Actor
from kernel.compiled import Select, Slot, Update
from kernel.events import publish
from relays import events
from relays.models import RelayState

_KNOWN = Select(
    lambda: RelayState.objects.unscoped("relays of the device whose lock is held").filter(
        device_id=Slot("device_id")
    )
)
_STATE = Update(
    lambda: RelayState.objects.unscoped("relays of the device whose lock is held").filter(
        pk=Slot("pk")
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What a device said of its relays, and what made them so."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    positions: Mapping[int, bool]
    source: str
    actor: Actor
    cause: list[dict[str, Any]]
    command_uid: str | None = None


def apply_observation(*, observation: Observation, now: datetime) -> list[RelayState]:
    """Keep what the device said; returns the relays whose known position changed.

    Runs within the caller's unit of work, under the device's lock. One audit entry and one live
    event for all changes together.
    """
    known = _known_states(observation)
    changed: list[RelayState] = []
    before: dict[str, Any] = {}
    for index, is_on in sorted(observation.positions.items()):
        state = known.get(index)
        if state is None or state.is_on == is_on:
            continue
        before[str(index)] = state.is_on
        _write(state, is_on, observation, now)
        changed.append(state)
    if changed:
        _record(observation, changed, before, now)
    return changed


def live_payload(device_uid: str, states: Iterable[RelayState]) -> dict[str, Any]:
    """The `device_state` event of these relays."""
    return {
        "device_uid": device_uid,
        "relays": [
            {
                "relay_index": state.index,
                "is_on": state.is_on,
                "version": state.version,
                "source": str(state.source),
                "changed_at": None if state.changed_at is None else state.changed_at.isoformat(),
                "changed_by": state.changed_by,
                "command_id": None if state.command_uid is None else str(state.command_uid),
            }
            for state in states
        ],
    }


def _known_states(observation: Observation) -> dict[int, RelayState]:
    return {state.index: state for state in _KNOWN.rows(device_id=observation.device_id)}


def _write(state: RelayState, is_on: bool, observation: Observation, now: datetime) -> None:
    columns: dict[str, Any] = {
        "is_on": is_on,
        "version": state.version + 1,
        "source": observation.source,
        "command_uid": observation.command_uid,
        "changed_at": now,
        "changed_by": observation.actor.label[:200],
    }
    _STATE.run(where={"pk": state.pk}, **columns)
    for name, value in columns.items():
        setattr(state, name, value)


def _record(
    observation: Observation, changed: list[RelayState], before: dict[str, Any], now: datetime
) -> None:
    recording.record(
        tenant_id=observation.tenant_id,
        action="relays.relay.switched",
        actor=observation.actor,
        target_type="device",
        target_id=observation.device_uid,
        before={"relays": before},
        after={"relays": {str(state.index): state.is_on for state in changed}},
        cause=observation.cause,
        now=now,
    )
    live.append(
        tenant_id=observation.tenant_id,
        kind="device_state",
        payload=live_payload(observation.device_uid, changed),
        now=now,
    )
    for state in changed:
        publish(
            events.RelaySwitched(
                occurred_at=now,
                device_id=observation.device_id,
                relay_index=state.index,
                is_on=bool(state.is_on),
                source=observation.source,
            )
        )
