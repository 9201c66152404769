"""What a simulated device measures: figures with a daily curve that drift slowly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from edge.simulator.dice import Stream

_DAY_S = 86_400.0
# How much of its drift a figure keeps from one reading to the next: it comes back by itself.
_KEEPS = 0.98


class Curve(StrEnum):
    """How a figure goes over the day (UTC)."""

    NONE = "none"
    SUN = "sun"  # coldest at 3, warmest at 15
    SHOP = "shop"  # nothing outside 8 to 20, most in the middle


@dataclass(frozen=True, slots=True)
class Signal:
    """One figure: where it lies on a device, how far the day takes it, how it drifts and shakes."""

    name: str
    base: tuple[float, float]
    swing: float = 0.0
    curve: Curve = Curve.NONE
    drift: float = 0.0
    noise: float = 0.0
    bounds: tuple[float, float] = (-math.inf, math.inf)
    digits: int = 2


class Surroundings:
    """The place a device stands in: the base and the drift of each of its signals."""

    __slots__ = ("_bases", "_dice", "_drifts", "_signals")

    def __init__(self, signals: Sequence[Signal], dice: Stream) -> None:
        self._signals = signals
        self._dice = dice
        self._bases = [dice.uniform(*signal.base) for signal in signals]
        self._drifts = [0.0] * len(signals)

    def measure(self, *, wall: datetime, uptime_s: float) -> dict[str, float]:
        """Return the next figures."""
        figures = {
            signal.name: self._next(number, signal, wall)
            for number, signal in enumerate(self._signals)
        }
        return figures | {"uptime_s": round(uptime_s, 1)}

    def _next(self, number: int, signal: Signal, wall: datetime) -> float:
        drift = _KEEPS * self._drifts[number] + self._dice.gauss(0, signal.drift)
        self._drifts[number] = drift
        day = signal.swing * height(signal.curve, wall)
        value = self._bases[number] + day + drift + self._dice.gauss(0, signal.noise)
        low, high = signal.bounds
        return round(min(high, max(low, value)), signal.digits)


def height(curve: Curve, wall: datetime) -> float:
    """Return where the day's curve is now: -1 to 1 for the sun, 0 to 1 for a shop."""
    hour = (wall.timestamp() % _DAY_S) / 3_600
    if curve is Curve.SUN:
        return -math.cos(2 * math.pi * (hour - 3) / 24)
    if curve is Curve.SHOP:
        return math.sin(math.pi * (hour - 8) / 12) if 8 < hour < 20 else 0.0
    return 0.0
