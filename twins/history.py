"""What one version changed of the one before, exactly and in both directions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from edge.protocol.merge_patch import are_same
from twins.pointers import MISSING, Parts, parse, pointer


class Change(NamedTuple):
    """One place whose value changed; MISSING is a place that was not, or is no more, there."""

    parts: Parts
    old: Any
    new: Any

    def as_json(self) -> dict[str, Any]:
        """The change as it is stored and shown; a missing value has no member."""
        values = {"old": self.old, "new": self.new}
        shown = {name: value for name, value in values.items() if value is not MISSING}
        return {"path": pointer(self.parts), **shown}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Change:
        """The change that was stored."""
        return cls(parse(stored["path"]), stored.get("old", MISSING), stored.get("new", MISSING))


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The fewest changes that make one document of the other, in the order of their places.

    Objects are compared member by member, everything else as a whole; no two places overlap.
    """
    return list(_changes((), old, new))


def undo(document: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The document as it was before the changes."""
    found = dict(document)
    for change in changes:
        found = _with(found, change.parts, change.old)
    return found


def redo(document: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The document with the changes made."""
    found = dict(document)
    for change in changes:
        found = _with(found, change.parts, change.new)
    return found


def _changes(at: Parts, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, MISSING), new.get(name, MISSING)
        if before is after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changes((*at, name), before, after)
        elif not are_same(before, after):
            yield Change((*at, name), before, after)


def _with(document: Mapping[str, Any], parts: Parts, value: Any) -> dict[str, Any]:
    """A copy with another value at a place; what is beside the way there is shared."""
    name, rest = parts[0], parts[1:]
    found = dict(document)
    if rest:
        found[name] = _with(found[name], rest, value)
    elif value is MISSING:
        del found[name]
    else:
        found[name] = value
    return found
