"""Two changes of the same version: whether both can be had, and what that would be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from edge.protocol.documents import problem_with
from edge.protocol.merge_patch import are_same
from twins.history import Change, changes_between, redo
from twins.pointers import MISSING, Parts


class Merge(NamedTuple):
    """What of two changes stands against each other, and the document with both where nothing does.

    It is None too where both together would be more than a document may be.
    """

    overlapping: tuple[Parts, ...]
    document: dict[str, Any] | None


def merge(base: Mapping[str, Any], theirs: Mapping[str, Any], yours: Mapping[str, Any]) -> Merge:
    """Merge two documents that were made of the same one."""
    their_changes, your_changes = changes_between(base, theirs), changes_between(base, yours)
    overlapping = _overlapping(their_changes, your_changes)
    if overlapping:
        return Merge(overlapping, None)
    done = {change.parts for change in their_changes}
    merged = redo(theirs, [change for change in your_changes if change.parts not in done])
    return Merge((), None if problem_with(merged) else merged)


def _overlapping(theirs: Sequence[Change], yours: Sequence[Change]) -> tuple[Parts, ...]:
    """Places of yours that they changed too, to something else, or above or below of which they
    changed something.
    """
    by_place = {change.parts: change for change in theirs}
    above = {change.parts[:length] for change in theirs for length in range(len(change.parts))}
    found: list[Parts] = []
    for change in yours:
        same = by_place.get(change.parts)
        clashes = same is not None and not _is_same(same.new, change.new)
        within = any(change.parts[:length] in by_place for length in range(len(change.parts)))
        if clashes or within or change.parts in above:
            found.append(change.parts)
    return tuple(found)


def _is_same(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return are_same(one, other)
