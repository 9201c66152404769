"""Hours of the day in which a channel rests. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo


class NoQuietHours(ValueError):
    """The given hours are none; the text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From a time of the day to another, in a time zone; the second may be on the next day."""

    begins: time
    ends: time
    zone: ZoneInfo

    def cover(self, now: datetime) -> bool:
        """Whether the moment lies within them."""
        here = now.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= here < self.ends
        return here >= self.begins or here < self.ends


def read(given: dict[str, Any]) -> QuietHours:
    """The hours that `{"from": "22:00", "to": "07:00", "time_zone": …}` means.

    Raises NoQuietHours.
    """
    try:
        begins, ends = _time(given["from"]), _time(given["to"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoQuietHours("Give `from` and `to` as HH:MM.") from None
    if begins == ends:
        raise NoQuietHours("They must begin and end at different times.")
    try:
        zone = ZoneInfo(str(given.get("time_zone") or "UTC"))
    except (ValueError, OSError, KeyError):
        # ZoneInfoNotFoundError is a KeyError.
        raise NoQuietHours("There is no such time zone.") from None
    return QuietHours(begins, ends, zone)


def are_quiet(given: dict[str, Any] | None, now: datetime) -> bool:
    """Whether a channel with these hours rests now."""
    return given is not None and read(given).cover(now)


def _time(text: str) -> time:
    hours, minutes = text.split(":")
    if len(hours) != 2 or len(minutes) != 2:
        raise ValueError(text)
    return time(int(hours), int(minutes))
