"""The final state of a life in words: what was known of a device the moment before it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import meters, wording


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalRelay:
    """A relay as it was last known; `is_on` None: nobody knew."""

    name: str
    is_on: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalState:
    """What a person wants to know of a life that has ended."""

    connectivity: str
    last_seen_at: datetime | None
    firmware_version: str
    model: str
    site: str
    device_id: str
    tags: tuple[str, ...]
    relays: tuple[FinalRelay, ...]
    reading: meters.Reading | None
    open_commands: tuple[str, ...]

    @property
    def relays_on(self) -> int:
        """How many of the relays were on."""
        return sum(1 for relay in self.relays if relay.is_on)


def read(state: Mapping[str, Any] | None) -> FinalState | None:
    """The state as people read it; parts that were erased, or not yet kept, are left out."""
    if not state:
        return None
    link, device = _part(state, "connectivity"), _part(state, "device")
    names = _part(_part(state, "config"), "relay_names")
    relays = tuple(_relay(row, names) for row in _rows(state, "relays"))
    return FinalState(
        connectivity=str(link.get("state") or ""),
        last_seen_at=_moment(link.get("last_seen_at")),
        firmware_version=str(state.get("firmware_version") or ""),
        model=str(device.get("model") or ""),
        site=str(state.get("site") or ""),
        device_id=str(device.get("device_id") or ""),
        tags=tuple(str(tag) for tag in state.get("tags") or ()),
        relays=relays,
        reading=_reading(_part(state, "telemetry")),
        open_commands=tuple(
            _command(row, {index: relay.name for index, relay in enumerate(relays)})
            for row in _rows(state, "commands")
        ),
    )


def _part(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = state.get(name)
    return part if isinstance(part, Mapping) else {}


def _rows(state: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = state.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _relay(row: Mapping[str, Any], names: Mapping[str, Any]) -> FinalRelay:
    index = int(row.get("relay_index", 0))
    is_on = row.get("is_on")
    name = names.get(str(index)) or f"Relay {index + 1}"
    return FinalRelay(name=str(name), is_on=is_on if isinstance(is_on, bool) else None)


def _reading(part: Mapping[str, Any]) -> meters.Reading | None:
    known = {name: value for name, value in _part(part, "metrics").items() if _is_number(value)}
    return meters.reading(metrics=known, at=_moment(part.get("at")))


def _command(row: Mapping[str, Any], relay_names: dict[int, str]) -> str:
    payload = dict(_part(row, "payload"))
    return wording.action(
        kind=str(row.get("kind") or "command"), payload=payload, relay_names=relay_names
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
