"""Frozen values about sensors that other apps may hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

SensorValue = bool | int | float | str | dict[str, Any]
# A device may have this many sensors; a report that names further ones has them refused.
MAX_SENSORS: Final = 256
TOO_MANY_SENSORS: Final = "too_many_sensors"
TOO_MANY_ATTRIBUTES: Final = "too_many_attributes"


class Outcome(StrEnum):
    """What became of one item of a report; after any of these it need not be sent again."""

    STORED = "stored"  # a change or an event: kept, and it is what the sensor says now
    UNCHANGED = "unchanged"  # the sensor says what it said before
    LATE = "late"  # an event: kept, but the sensor has said something newer since
    STALE = "stale"  # older than what is known, and no event: dropped
    DUPLICATE = "duplicate"  # an event that had come before
    REJECTED = "rejected"  # unusable; `reason` says why


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of the item at `index` of a report."""

    index: int
    sensor: str | None
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportOutcome:
    """The verdicts on a report in order of its items, and the attributes that were refused."""

    verdicts: tuple[Verdict, ...]
    refused_attributes: dict[str, str]

    def count(self, *outcomes: Outcome) -> int:
        """How many items came out so."""
        return sum(verdict.outcome in outcomes for verdict in self.verdicts)


def is_same_value(one: Any, other: Any) -> bool:
    """Whether two sensor values are the same: true is not 1, but 1 is 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            is_same_value(one[key], other[key]) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_value, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
