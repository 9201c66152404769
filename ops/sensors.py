"""How the sensors of a device are shown: name, value in words, and when to worry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

MAX_SHOWN = 48
_LONGEST = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of sensor: its name and icon, what yes and no mean, and which of them stands out."""

    label: str
    icon: str = "sensor"
    yes: str = "On"
    no: str = "Off"
    is_alarm: bool = False
    stands_out: bool = True


KINDS = MappingProxyType(
    {
        "motion": Kind(label="Motion", icon="motion", yes="Motion", no="Quiet"),
        "mmwave": Kind(label="Presence", icon="motion", yes="Somebody", no="Nobody"),
        "contact": Kind(label="Contact", icon="door", yes="Closed", no="Open", stands_out=False),
        "temperature": Kind(label="Temperature"),
        "humidity": Kind(label="Humidity", icon="drop"),
        "light": Kind(label="Light", icon="sun", yes="Light", no="Dark"),
        "leak": Kind(label="Leak", icon="drop", yes="Leak", no="Dry", is_alarm=True),
        "smoke": Kind(label="Smoke", icon="alert", yes="Smoke", no="Clear", is_alarm=True),
        "button": Kind(label="Button", icon="button", yes="Pressed", no="Released"),
    }
)


class State(Protocol):
    """What telemetry knows of one sensor."""

    sensor: str
    kind: str
    value: Any
    unit: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorCard:
    """One sensor as the page of its device shows it."""

    key: str
    name: str
    kind: Kind
    text: str
    tone: str
    at: datetime


def cards(states: Sequence[State]) -> list[SensorCard]:
    """The cards of these sensors: those that call for somebody first, then by name."""
    shown = sorted((_card(state) for state in states), key=lambda card: card.tone != "bad")
    return shown[:MAX_SHOWN]


def _card(state: State) -> SensorCard:
    kind = KINDS.get(state.kind) or Kind(label=_as_words(state.kind))
    return SensorCard(
        key=state.sensor,
        name=_as_words(state.sensor),
        kind=kind,
        text=_written(state.value, kind, state.unit),
        tone=_tone(state.value, kind),
        at=state.at,
    )


def _as_words(key: str) -> str:
    words = key.replace("_", " ").replace(".", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _written(value: Any, kind: Kind, unit: str) -> str:
    if value is None:
        return "Erased"
    if isinstance(value, bool):
        return kind.yes if value else kind.no
    if isinstance(value, int | float):
        number = f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 1e9 else f"{value:.4g}"
        return f"{number} {unit}".strip()
    text = value if isinstance(value, str) else " · ".join(_parts(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _parts(value: dict[str, Any]) -> list[str]:
    """The members of an object; of those that have members themselves, how many."""
    return [f"{_as_words(key)} {_part(part)}" for key, part in value.items()]


def _part(part: Any) -> Any:
    if isinstance(part, bool):
        return "yes" if part else "no"
    return len(part) if isinstance(part, dict | list) else part


def _tone(value: Any, kind: Kind) -> str:
    if not isinstance(value, bool) or value is not kind.stands_out:
        return "idle"
    return "bad" if kind.is_alarm else "on"
