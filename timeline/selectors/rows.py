"""How the rows of any table become a stream of the timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from kernel.actors import Actor
from timeline import merging
from timeline.types import Entry, Key, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Whose timeline it is, who reads it, and which sources they want."""

    actor: Actor
    device: Any
    now: datetime
    sources: frozenset[str]
    relay_names: dict[int, str]

    def named(self, label: str) -> str:
        """Who did something as people call it: the device by its uid is the device itself."""
        return "the device" if label == self.device.uid else label


# A device's rows are written in the order of their times but for those that waited for the same
# lock or transaction: far fewer than this.
DISORDER: Final = 100
Read = Callable[[Scope, Window], Sequence[Entry]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """One table of things that happened: its name orders it, `sources` say who asks for it."""

    name: str
    sources: frozenset[str]
    read: Read


def within(
    rows: QuerySet[Any], stream: str, window: Window, *, at: str = "at", along: str = ""
) -> list[Any]:
    """The rows of a stream beside the window's edge, in its direction, one more than its limit.

    `at` names the column with the time of a row; equal times are in the order of the keys.
    `along` names a column that grows with time, where a device's rows have an index by it and
    none by time: then those rows alone are read that may belong to the page.
    """
    if window.since is not None:
        rows = rows.filter(**{f"{at}__gte": window.since})
    if window.until is not None:
        rows = rows.filter(**{f"{at}__lt": window.until})
    if window.edge is not None:
        rows = rows.filter(_beyond(window.edge, stream, window, at))
    sign = "" if window.is_newer else "-"
    if not along:
        return list(rows.order_by(f"{sign}{at}", f"{sign}pk")[: window.limit + 1])
    near = list(rows.order_by(f"{sign}{along}", f"{sign}pk")[: window.limit + 1 + DISORDER])
    near.sort(key=lambda row: (getattr(row, at), row.pk), reverse=not window.is_newer)
    return near[: window.limit + 1]


def key(stream: str, row: Any, at: datetime) -> Key:
    """The place of a row among all entries."""
    return Key(at, stream, row.pk)


def _beyond(edge: Key, stream: str, window: Window, at: str) -> Q:
    side = "gt" if window.is_newer else "lt"
    beyond = Q(**{f"{at}__{side}": edge.at})
    reach = merging.reach(stream, window)
    if reach == merging.ALL_OF_IT:
        return beyond | Q(**{at: edge.at})
    if reach == merging.SOME_OF_IT:
        return beyond | Q(**{at: edge.at, f"pk__{side}": edge.number})
    return beyond
