"""Several histories as one: which rows of a stream belong to a page, and how pages fit. Pure.

Entries are in one strict order (`Key`), so no entry is told twice and none is left out however
many of them share a moment, in whichever direction a reader goes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from timeline.types import Entry, Key, Page, Window

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# No real moment is beyond the year 9999, and no row has a number beyond int64.
_MOST_MICROSECONDS: Final = 253_402_300_799_999_999
_MOST_NUMBER: Final = 2**63 - 1
_LONGEST_CURSOR: Final = 80

# How far a stream reaches into the moment of the edge.
ALL_OF_IT: Final = "all"
NONE_OF_IT: Final = "none"
SOME_OF_IT: Final = "some"


class NotACursor(ValueError):
    """A text that never was given out as a cursor."""


def reach(stream: str, window: Window) -> str:
    """Whether rows of a stream at the very moment of the window's edge lie beyond the edge.

    For the edge's own stream that depends on the row's number.
    """
    edge = window.edge
    if edge is None or stream == edge.stream:
        return SOME_OF_IT
    is_above = stream > edge.stream
    return ALL_OF_IT if is_above == window.is_newer else NONE_OF_IT


def joined(streams: Iterable[Sequence[Entry]], window: Window) -> Page:
    """One page of what the streams gave for a window, each in the window's direction.

    Each stream must give `limit + 1` entries where it has as many: the one too many says that
    there are more.
    """
    ordered = heapq.merge(*streams, key=lambda entry: entry.key, reverse=not window.is_newer)
    found = list(islice(ordered, window.limit + 1))
    has_more = len(found) > window.limit
    entries = found[: window.limit]
    is_beside = window.edge is not None
    if window.is_newer:
        return Page(entries=entries[::-1], has_older=is_beside, has_newer=has_more)
    return Page(entries=entries, has_older=has_more, has_newer=is_beside)


def cursor_of(key: Key) -> str:
    """The key as an address can carry it."""
    return f"{(key.at - _EPOCH) // _MICROSECOND}.{key.stream}.{key.number}"


def key_of(cursor: str, *, streams: Iterable[str]) -> Key:
    """The key that a cursor carries. Raises NotACursor."""
    moment, _, rest = cursor.partition(".")
    stream, _, number = rest.partition(".")
    is_ours = (
        len(cursor) <= _LONGEST_CURSOR
        and cursor.isascii()
        and moment.isdigit()
        and number.isdigit()
        and stream in set(streams)
    )
    if not is_ours or int(moment) > _MOST_MICROSECONDS or int(number) > _MOST_NUMBER:
        raise NotACursor(cursor[:_LONGEST_CURSOR])
    return Key(_EPOCH + int(moment) * _MICROSECOND, stream, int(number))
