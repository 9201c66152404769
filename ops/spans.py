"""The span of time a page shows: a usual length up to now, or two moments of the reader's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from django.utils.dateparse import parse_datetime

LENGTHS: Final = MappingProxyType(
    {
        "1h": timedelta(hours=1),
        "6h": timedelta(hours=6),
        "24h": timedelta(hours=24),
        "7d": timedelta(days=7),
        "30d": timedelta(days=30),
    }
)
USUAL: Final = "24h"
_TITLES = {"1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
_SPOKEN = {
    "1h": "the last hour",
    "6h": "the last 6 hours",
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One of the usual lengths, as the bar offers it."""

    name: str
    title: str
    spoken: str


CHOICES: Final = tuple(
    Choice(name=name, title=_TITLES[name], spoken=_SPOKEN[name]) for name in LENGTHS
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The time from `since` up to `until`; `name` is empty where the reader named both ends."""

    name: str
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    @property
    def spoken(self) -> str:
        """The span within a sentence."""
        return _SPOKEN.get(self.name, "this time")

    @property
    def parameters(self) -> dict[str, str]:
        """What names this span in an address of a page."""
        if self.name:
            return {"range": self.name}
        return {"from": _written(self.since), "to": _written(self.until)}

    @property
    def ends(self) -> dict[str, str]:
        """Both ends, for the addresses of the API."""
        return {"from": _written(self.since), "to": _written(self.until)}


def span_of(asked: Mapping[str, str], *, now: datetime, usual: str = USUAL) -> Span:
    """The span an address asks for, the usual one where it asks for none that makes sense.

    Times without a zone are in UTC, as forms without a script send them.
    """
    since, until = _moment(asked.get("from", "")), _moment(asked.get("to", ""))
    if since is not None and until is not None and since < until:
        return Span(name="", since=since, until=until)
    named = asked.get("range", "")
    name = named if named in LENGTHS else usual
    return Span(name=name, since=now - LENGTHS[name], until=now)


def _moment(text: str) -> datetime | None:
    try:
        # A + in an address is a space unless it was encoded.
        found = parse_datetime(text.replace(" ", "+") if "T" in text else text)
        return None if found is None else _in_utc(found)
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
