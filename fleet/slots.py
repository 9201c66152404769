"""The time between two tallies, and the ranges a trend is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

SLOT: Final = timedelta(minutes=15)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """How far a trend reaches back, and the time that one of its points stands for."""

    length: timedelta
    step: timedelta


RANGES: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "24h": Range(timedelta(hours=24), SLOT),
        "7d": Range(timedelta(days=7), timedelta(hours=2)),
        "30d": Range(timedelta(days=30), timedelta(hours=6)),
    }
)
# Longer than the longest range, so that its first point is whole.
KEPT_FOR: Final = timedelta(days=32)


def slot_of(at: datetime) -> datetime:
    """The beginning of the slot a time is in."""
    return start_of(at, SLOT)


def start_of(at: datetime, step: timedelta) -> datetime:
    """The beginning of the step a time is in, counted from 1970."""
    return at - (at - _EPOCH) % step


def starts(chosen: Range, now: datetime) -> list[datetime]:
    """The beginnings of the steps of a range, oldest first; the last is the present one."""
    last = start_of(now, chosen.step)
    count = chosen.length // chosen.step
    return [last - chosen.step * number for number in range(count - 1, -1, -1)]
