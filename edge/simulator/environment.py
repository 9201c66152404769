"""What a simulated device measures: plausible figures that wander slowly."""

import math
import random
from dataclasses import dataclass

_DAY_S = 86_400.0


@dataclass(slots=True)
class Surroundings:
    """The place a device stands in, with its own temperature, supply and radio."""

    dice: random.Random
    warmth: float = 0.0
    volts: float = 0.0
    rssi: float = 0.0

    def __post_init__(self) -> None:
        self.warmth = self.dice.uniform(18.0, 30.0)
        self.volts = self.dice.uniform(11.6, 12.4)
        self.rssi = self.dice.uniform(-78.0, -48.0)

    def measure(self, *, monotonic: float, uptime_s: float) -> dict[str, float]:
        """Return the next figures."""
        day = math.sin(2 * math.pi * monotonic / _DAY_S)
        return {
            "temperature_celsius": round(self.warmth + 3 * day + self.dice.gauss(0, 0.15), 2),
            "supply_volts": round(self.volts + self.dice.gauss(0, 0.03), 3),
            "rssi_dbm": float(round(self.rssi + self.dice.gauss(0, 1.5))),
            "uptime_s": round(uptime_s, 1),
        }
