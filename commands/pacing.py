"""How fast a batch goes, and when it stops itself. Plain Python: no clock and no database."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

# Devices whose locks one step holds together, at most.
MOST_AT_ONCE: Final = 25
_STEPS_PER_MINUTE: Final = 30
_CATCH_UP: Final = timedelta(seconds=2)
_WATCH: Final = ((60.0, 2.0), (600.0, 10.0))
_WATCH_LATE_S: Final = 30.0


def step_size(per_minute: int | None) -> int:
    """How many devices one step of a batch asks."""
    if per_minute is None:
        return MOST_AT_ONCE
    return min(MOST_AT_ONCE, max(1, math.ceil(per_minute / _STEPS_PER_MINUTE)))


def next_due(*, due_at: datetime, now: datetime, asked: int, per_minute: int | None) -> datetime:
    """When a batch may go on after a step that was due then and asked so many.

    The job comes once a second: what a batch did not ask meanwhile it may catch up, but never
    more than two seconds' worth.
    """
    if per_minute is None:
        return now
    return max(due_at, now - _CATCH_UP) + timedelta(minutes=asked / per_minute)


def watch_again_after(age: timedelta) -> timedelta:
    """How long to leave a batch of that age alone, once all its devices are asked."""
    seconds = age.total_seconds()
    return timedelta(seconds=next((rest for end, rest in _WATCH if seconds < end), _WATCH_LATE_S))


def must_abort(*, finished: int, failed: int, percent: int | None, sample: int) -> bool:
    """Whether too many have failed: at least `percent` of those that ended, once `sample` have."""
    if percent is None or not finished or finished < sample:
        return False
    return failed * 100 >= percent * finished


def seconds_left(pending: int, per_minute: int | None) -> float | None:
    """How long it takes to ask the rest at the given pace; None where no pace is set."""
    return None if per_minute is None else pending * 60 / per_minute
