"""Two changes of the same version of a document, place by place, and what both together would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.protocol.documents import problem_with
from edge.protocol.merge_patch import NotExpressible, apply_patch, patch_between
from ops import documents
from twins.pointers import MISSING, lookup, pointer
from twins.selectors import changes_between, merge

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What became of one place; empty where there was, or is, nothing."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ContestedPlace:
    """One place that somebody changed: what was there, what is now, and what is asked for."""

    path: str
    before: str
    theirs: str
    yours: str
    is_theirs: bool
    is_yours: bool
    is_contested: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Collision:
    """Both sides of a collision, and the documents that could be saved instead.

    `merged` holds both where nothing overlaps, `preferring_yours` both with yours where they do;
    each is empty where there is none.
    """

    base_version: int | None
    base: str
    theirs: str
    theirs_version: int
    theirs_by: str
    yours: str
    places: Sequence[ContestedPlace]
    overlapping: Sequence[str]
    merged: str
    preferring_yours: str
    etag: str


def collision_of(
    *,
    base: Document | None,
    base_version: int | None,
    theirs: Document,
    theirs_version: int,
    theirs_by: str,
    yours: Document,
    etag: str,
) -> Collision:
    """The collision of two documents that were made of the same one; without it, of those two."""
    common = theirs if base is None else base
    found = merge(common, theirs, yours)
    overlapping = [] if base is None else [pointer(parts) for parts in found.overlapping]
    has_both = base is not None and found.document is not None
    return Collision(
        base_version=base_version,
        base="" if base is None else documents.written(base),
        theirs=documents.written(theirs),
        theirs_version=theirs_version,
        theirs_by=theirs_by,
        yours=documents.written(yours),
        places=_places(common, theirs, yours, set(overlapping)),
        overlapping=overlapping,
        merged=documents.written(found.document) if has_both else "",
        preferring_yours=""
        if base is None or not overlapping
        else _preferring(base, theirs, yours),
        etag=etag,
    )


def steps_between(before: Document, after: Document) -> list[Step]:
    """What lies between two documents, in the order of its places."""
    return [
        Step(path=pointer(change.parts), before=value(change.old), after=value(change.new))
        for change in changes_between(before, after)
    ]


def value(found: Any) -> str:
    """A value of a document on one line; nothing is empty."""
    return "" if found is MISSING else documents.in_line(found)


def _preferring(base: Document, theirs: Document, yours: Document) -> str:
    """Theirs with every change of yours on top, unless a merge patch cannot say it."""
    try:
        both = apply_patch(dict(theirs), patch_between(dict(base), dict(yours)))
    except NotExpressible:
        return ""
    return "" if problem_with(both) or both == yours else documents.written(both)


def _places(
    base: Document, theirs: Document, yours: Document, contested: set[str]
) -> list[ContestedPlace]:
    their_parts = [change.parts for change in changes_between(base, theirs)]
    your_parts = [change.parts for change in changes_between(base, yours)]
    every = sorted({*their_parts, *your_parts})
    # A place above another one tells of it as well.
    shown = [parts for parts in every if not any(parts[:n] in every for n in range(1, len(parts)))]
    return [
        ContestedPlace(
            path=pointer(parts),
            before=value(lookup(base, parts)),
            theirs=value(lookup(theirs, parts)),
            yours=value(lookup(yours, parts)),
            is_theirs=any(one[: len(parts)] == parts for one in their_parts),
            is_yours=any(one[: len(parts)] == parts for one in your_parts),
            is_contested=any(
                path == pointer(parts) or path.startswith(f"{pointer(parts)}/")
                for path in contested
            ),
        )
        for parts in shown
    ]
