"""What goes into a simulated device and what comes out: plain values, so that both can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks of the simulation: seconds that only grow, and the true date."""

    monotonic: float
    wall: datetime


@dataclass(frozen=True, slots=True)
class Send:
    """Put this frame on the wire."""

    frame: str | bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask the other end for a sign of life."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Lose the connection without a goodbye, and stay away at least this long."""

    stay_away_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Postpone:
    """Wait at least this long before connecting again: the server asked for it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """One line for the event log; ``executed`` lines are what the truth is made of."""

    event: str
    details: Mapping[str, Any] = field(default_factory=dict)


Effect = Send | Ping | Drop | Postpone | Record
