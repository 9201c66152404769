"""When each leaf of a document got its value, and what was desired once. Pure.

Stamps are a tree in the shape of the document, with microseconds since 1970 in place of leaves: a
change writes only those it changed. Tombstones are places that somebody desired and then no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from edge.protocol.merge_patch import are_same
from twins.history import Change
from twins.pointers import MISSING, Parts, is_leaf, lookup, parse, pointer

MAX_TOMBSTONES: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Pointer to the microseconds and the version of the removal.
Tombstones = dict[str, list[int]]


def microseconds(at: datetime) -> int:
    """A moment as a stamp has it."""
    return (at - _EPOCH) // _MICROSECOND


def moment(stamp: int) -> datetime:
    """The moment a stamp stands for."""
    return _EPOCH + timedelta(microseconds=stamp)


def readable(stamps: Mapping[str, Any]) -> dict[str, Any]:
    """The stamps as times that people read, in the shape of the document."""
    return {
        name: readable(below)
        if isinstance(below, Mapping)
        else moment(below).isoformat().replace("+00:00", "Z")
        for name, below in stamps.items()
    }


def restamped(stamps: Any, old: Any, new: Any, at: int) -> Any:
    """The stamps of the new document: a leaf that kept its value keeps its stamp."""
    if is_leaf(new):
        return at
    known = stamps if isinstance(stamps, Mapping) else {}
    before = old if isinstance(old, Mapping) else {}
    found: dict[str, Any] = {}
    for name, value in new.items():
        was = before.get(name, MISSING)
        if name in known and (was is value or are_same(was, value)):
            found[name] = known[name]
        else:
            found[name] = restamped(known.get(name), was, value, at)
    return found


def newest(stamps: Any, parts: Parts) -> int | None:
    """The newest stamp at or below a place."""
    found = lookup(stamps, parts)
    return None if found is MISSING else max(_all(found), default=None)


def bury(
    tombstones: Mapping[str, list[int]],
    changes: Iterable[Change],
    desired: Mapping[str, Any],
    *,
    at: int,
    version: int,
) -> Tombstones:
    """The tombstones after these changes made `desired`: the newest thousand.

    A place that is desired again, itself or as part of a leaf, has none.
    """
    found = dict(tombstones)
    for change in changes:
        if change.old is not MISSING:
            for place in _leaves(change.parts, change.old):
                found[pointer(place)] = [at, version]
    left = [(place, facts) for place, facts in found.items() if not _covers(desired, parse(place))]
    left.sort(key=lambda item: item[1][1])
    return dict(left[-MAX_TOMBSTONES:])


def lay_to_rest(
    tombstones: Mapping[str, list[int]], reported: Mapping[str, Any], applied_version: int
) -> Tombstones:
    """The tombstones that still matter: the device has the place, or does not know of its removal.

    What a device reports after that is its own matter.
    """
    return {
        place: facts
        for place, facts in tombstones.items()
        if facts[1] > applied_version or lookup(reported, parse(place)) is not MISSING
    }


def _all(stamps: Any) -> Iterator[int]:
    if isinstance(stamps, Mapping):
        for below in stamps.values():
            yield from _all(below)
    else:
        yield stamps


def _leaves(at: Parts, value: Any) -> Iterator[Parts]:
    if is_leaf(value):
        yield at
        return
    for name, member in value.items():
        yield from _leaves((*at, name), member)


def _covers(document: Any, parts: Parts) -> bool:
    """Whether the place is in the document, or within one of its leaves."""
    for part in parts:
        if not isinstance(document, Mapping):
            return True
        if part not in document:
            return False
        document = document[part]
    return True
