"""How what is reported differs from what is desired, leaf by leaf. Pure.

Only what is or was desired counts: what a device reports besides is never a difference. Lists are
compared as a whole, 1 is 1.0, null is a value and not the same as nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from edge.protocol.merge_patch import are_same
from twins.pointers import MISSING, Parts, is_leaf, lookup, parse


class Verdict(StrEnum):
    """How a place stands."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Difference(NamedTuple):
    """One place with both values; MISSING where there is none."""

    verdict: Verdict
    parts: Parts
    desired: Any
    reported: Any


def compare(
    desired: Mapping[str, Any], reported: Mapping[str, Any], tombstones: Mapping[str, Any]
) -> Iterator[Difference]:
    """Every place that is or was desired, with what the device has there.

    Added: desired, and the device does not have it. Removed: desired once and no more, and the
    device still has it.
    """
    for name, value in desired.items():
        yield from _compare((name,), value, reported.get(name, MISSING))
    for place in tombstones:
        parts = parse(place)
        still = lookup(reported, parts)
        if still is not MISSING:
            yield Difference(Verdict.REMOVED, parts, MISSING, still)


def is_in_sync(
    desired: Mapping[str, Any], reported: Mapping[str, Any], tombstones: Mapping[str, Any]
) -> bool:
    """Whether nothing differs."""
    return all(
        found.verdict is Verdict.UNCHANGED for found in compare(desired, reported, tombstones)
    )


def _compare(at: Parts, desired: Any, reported: Any) -> Iterator[Difference]:
    if isinstance(desired, Mapping) and desired and isinstance(reported, Mapping | type(MISSING)):
        members = reported if isinstance(reported, Mapping) else {}
        for name, value in desired.items():
            yield from _compare((*at, name), value, members.get(name, MISSING))
    elif reported is MISSING:
        yield Difference(Verdict.ADDED, at, desired, MISSING)
    else:
        same = _suffices(desired, reported)
        yield Difference(Verdict.UNCHANGED if same else Verdict.CHANGED, at, desired, reported)


def _suffices(desired: Any, reported: Any) -> bool:
    """Whether the device has what is desired: to wish for an empty object is to wish for one."""
    if isinstance(desired, Mapping) and isinstance(reported, Mapping) and is_leaf(desired):
        return True
    return are_same(desired, reported)
