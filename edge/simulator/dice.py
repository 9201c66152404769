"""Seeded random numbers, one stream for each device and kind of decision.

A stream of the standard library weighs 2.5 kB; ten thousand devices have some eighty thousand.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Final, TypeVar

_T = TypeVar("_T")
_MASK: Final = 2**64 - 1
_STEP: Final = 0x9E3779B97F4A7C15


class Stream:
    """The random numbers of one name: SplitMix64, the same for the same name on any machine."""

    __slots__ = ("_state",)

    def __init__(self, name: str) -> None:
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        self._state = int.from_bytes(digest, "big")

    def random(self) -> float:
        """Return a number in [0, 1)."""
        self._state = (self._state + _STEP) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return float((mixed ^ (mixed >> 31)) >> 11) / 2**53

    def uniform(self, low: float, high: float) -> float:
        """Return a number between both."""
        return low + (high - low) * self.random()

    def randrange(self, end: int) -> int:
        """Return a whole number from 0 to below the end."""
        return int(self.random() * end)

    def randint(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + self.randrange(high - low + 1)

    def choice(self, among: Sequence[_T]) -> _T:
        """Return one of them."""
        return among[self.randrange(len(among))]

    def gauss(self, mean: float, deviation: float) -> float:
        """Return a number of the normal distribution."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.random()))
        return mean + deviation * radius * math.cos(2 * math.pi * self.random())


class Dice:
    """The random numbers of one device, one stream for each kind of decision."""

    __slots__ = ("_prefix", "_streams")

    def __init__(self, *, seed: int, index: int) -> None:
        self._prefix = f"{seed}:{index}"
        self._streams: dict[str, Stream] = {}

    def stream(self, name: str) -> Stream:
        """Return the stream of that name; it starts at the same place for the same seed."""
        found = self._streams.get(name)
        if found is None:
            found = self._streams[name] = Stream(f"{self._prefix}:{name}")
        return found
