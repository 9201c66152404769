"""Reads about relays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from commands.selectors import open_commands
from commands.types import CommandView, Effect
from devices import selectors as device_selectors
from kernel.actors import Actor
from relays.models import RelayState
from relays.types import PendingSwitch, RelayView

_KINDS = ("set_relay", "set_all_relays")


def relays_of(*, actor: Actor, device_uid: str) -> tuple[Any, list[RelayView]]:
    """A device the actor may see, and its relays in order. Raises NotFound."""
    device = device_selectors.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    return device, relay_states({device.pk: device.relay_names}).get(device.pk, [])


def relay_states(names_by_device: dict[int, dict[str, str]]) -> dict[int, list[RelayView]]:
    """The relays of devices that the caller has found within its scope, in order.

    Takes each device's primary key with its relay names.
    """
    rows = RelayState.objects.unscoped("the caller has found the devices within its scope")
    pending = pending_switches(list(names_by_device))
    found: dict[int, list[RelayView]] = defaultdict(list)
    for state in rows.filter(device_id__in=names_by_device).order_by("device_id", "index"):
        name = names_by_device[state.device_id].get(str(state.index))
        found[state.device_id].append(
            RelayView(
                relay_index=state.index,
                name=name or _plain_name(state.index),
                is_on=state.is_on,
                version=state.version,
                source=str(state.source),
                changed_at=state.changed_at,
                changed_by=state.changed_by,
                command_id=None if state.command_uid is None else str(state.command_uid),
                pending=pending.get((state.device_id, state.index)),
            )
        )
    return dict(found)


def pending_switches(device_ids: Collection[int]) -> dict[tuple[int, int], PendingSwitch]:
    """The newest open switch of each relay, by (device, relay index).

    A command of unknown outcome is pending too until it expires: it may still take effect.
    """
    pending: dict[tuple[int, int], PendingSwitch] = {}
    counts: dict[int, list[int]] | None = None
    for command in open_commands(device_ids=device_ids, kinds=_KINDS):
        switch = PendingSwitch(
            command_id=str(command.uid),
            is_on=command.payload["is_on"],
            state=str(command.state),
        )
        if "relay_index" in command.payload:
            indexes = [command.payload["relay_index"]]
        else:
            counts = counts or _indexes_of(device_ids)
            indexes = counts.get(command.device_id, [])
        for index in indexes:
            pending[command.device_id, index] = switch
    return pending


def known_position(*, device_id: int, relay_index: int) -> bool | None:
    """The last confirmed position of a relay, under the device's lock."""
    rows = RelayState.objects.unscoped("the relay of the device whose lock is held")
    row = rows.filter(device_id=device_id, index=relay_index).first()
    return None if row is None else row.is_on


def effects_of_command(command: CommandView, device_id: int) -> list[Effect]:
    """What the command has made of the relays, and whether they still are so because of it."""
    told = (command.result or {}).get("relays", [])
    rows = RelayState.objects.unscoped("the caller has found the command within its scope")
    of_device = rows.filter(device_id=device_id).select_related("device") if told else ()
    states = {state.index: state for state in of_device}
    return [_effect(command, position, states.get(position["relay_index"])) for position in told]


def _effect(command: CommandView, position: dict[str, Any], state: RelayState | None) -> Effect:
    index, word = position["relay_index"], "on" if position["is_on"] else "off"
    given = state.device.relay_names.get(str(index)) if state is not None else None
    name = given or _plain_name(index)
    if state is not None and str(state.command_uid) == command.id:
        code, text = "relay_switched", f"{name} was switched {word} by it, and still is."
    elif state is not None and state.is_on == position["is_on"]:
        code, text = "relay_confirmed", f"{name} was {word} by then, and still is."
    else:
        code, text = "relay_changed_since", f"{name} was {word} by then; it changed since."
    version = None if state is None else state.version
    return Effect(
        code=code, text=text, at=command.finished_at, facts=position | {"version": version}
    )


def _plain_name(index: int) -> str:
    """What a relay is called that nobody has named."""
    return f"Relay {index + 1}"


def _indexes_of(device_ids: Collection[int]) -> dict[int, list[int]]:
    rows = RelayState.objects.unscoped("the caller has found the devices within its scope")
    indexes: dict[int, list[int]] = defaultdict(list)
    for device_id, index in rows.filter(device_id__in=device_ids).values_list("device_id", "index"):
        indexes[device_id].append(index)
    return indexes
