"""What sensors said over a span as small drawings: a value holds until the next one is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from kernel.actors import Actor
from telemetry import selectors as telemetry

WIDTH: Final = 288
HEIGHT: Final = 24
# Of all sensors of a device together, the newest: a chatty one shortens its drawing, not the page.
_EVENTS: Final = 2_000
_MARGIN: Final = 1.5


class Said(Protocol):
    """What a sensor said once."""

    @property
    def value(self) -> Any: ...
    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorTrace:
    """A sensor in a box of WIDTH by HEIGHT: a line of steps, or bars where it said yes."""

    line: str
    bars: Sequence[tuple[float, float]]
    changes: int


def traces(
    *, actor: Actor, device_uid: str, since: datetime, until: datetime
) -> dict[str, SensorTrace]:
    """What each sensor said in the span, by its name; none for those that said nothing in it."""
    found = telemetry.sensor_events_of(
        actor=actor, device_uid=device_uid, since=since, until=until
    ).order_by("-at", "-pk")[:_EVENTS]
    by_sensor: Mapping[str, list[Said]] = defaultdict(list)
    for event in reversed(found):
        by_sensor[event.sensor].append(event)
    drawn = {
        sensor: trace(events, since=since, until=until) for sensor, events in by_sensor.items()
    }
    return {sensor: one for sensor, one in drawn.items() if one is not None}


def trace(events: Sequence[Said], *, since: datetime, until: datetime) -> SensorTrace | None:
    """One sensor's drawing; None for what cannot be drawn, as words."""
    scale = WIDTH / (until - since).total_seconds()
    places = [
        ((event.at - since).total_seconds() * scale, event.value)
        for event in events
        if isinstance(event.value, bool | int | float)
    ]
    if not places:
        return None
    ends = [at for at, _ in places[1:]] + [float(WIDTH)]
    held = [(at, end, value) for (at, value), end in zip(places, ends, strict=True)]
    if all(isinstance(value, bool) for _, _, value in held):
        bars = [(round(at, 1), round(max(end - at, 1.0), 1)) for at, end, value in held if value]
        return SensorTrace(line="", bars=bars, changes=len(places))
    return SensorTrace(line=_steps(held), bars=(), changes=len(places))


def _steps(held: Sequence[tuple[float, float, float]]) -> str:
    values = [float(value) for _, _, value in held]
    least, most = min(values), max(values)
    room = HEIGHT - 2 * _MARGIN

    def level(value: float) -> float:
        share = (value - least) / (most - least) if most > least else 0.5
        return HEIGHT - _MARGIN - share * room

    return " ".join(
        f"{at:.1f},{level(float(value)):.1f} {end:.1f},{level(float(value)):.1f}"
        for at, end, value in held
    )
