"""What may be written next in a query's text, for who is typing it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from groups.query.fields import FIELDS, ROOTS, Field, Kind, field_named
from groups.query.text_form import MAX_TEXT, expected_at

_WORD: Final = re.compile(r"""(?:"(?:[^"\\]|\\.)*"?|[^\s()",:=!<>~^]*)\Z""")
_LAST_FIELD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:!=|<=|>=|[:=<>~^])[^:=<>~^]*\Z")
_SIGNS_OF: Final = {
    "eq": (":", "is"),
    "ne": ("!=", "is not"),
    "in": (":(", "is one of"),
    "contains": ("~", "contains"),
    "starts_with": ("^", "starts with"),
    "lt": ("<", "is below"),
    "lte": ("<=", "is at most"),
    "gt": (">", "is above"),
    "gte": (">=", "is at least"),
    "exists": (":*", "is there"),
}
_SIGNS_OF_TIME: Final = {
    "age_gt": (">", "is longer ago than, as in >15m; or later than a time"),
    "age_lt": ("<", "is not so long ago as, as in <15m; or before a time"),
    "exists": (":*", "is known"),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One text to put in, and what it means."""

    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What may stand in place of the text from `start` to `end`.

    `values_of` names the field whose value is being typed where only the caller can know the
    values there are (sites, tags, models), with `typed` as their beginning.
    """

    start: int
    end: int
    items: tuple[Suggestion, ...]
    values_of: str = ""
    typed: str = ""


def suggest(text: str, cursor: int) -> Suggestions:
    """What may be written at the cursor; nothing where what stands before it is wrong already."""
    cursor = max(0, min(cursor, len(text), MAX_TEXT))
    found = _WORD.search(text, 0, cursor)
    start = cursor if found is None else found.start()
    before, typed = text[:start], text[start:cursor]
    expected = expected_at(before)
    if "VALUE" in expected:
        return _values(before, typed, start, cursor)
    if "SIGN" in expected:
        return Suggestions(cursor, cursor, _signs(before))
    if "FIELD" in expected and _field(typed) is not None:
        return Suggestions(cursor, cursor, _signs(typed))
    items: list[Suggestion] = []
    if "FIELD" in expected:
        items += [*_fields(), Suggestion("not", "the next condition does not hold")]
    if "_AND" in expected:
        items += [Suggestion("and", "both hold"), Suggestion("or", "at least one of them holds")]
    close = tuple(item for item in items if item.text.startswith(typed.lower()))
    return Suggestions(start, cursor, close)


def _fields() -> list[Suggestion]:
    plain = [Suggestion(field.name, field.title) for field in FIELDS.values()]
    return plain + [Suggestion(f"{field.name}.", field.title) for field in ROOTS.values()]


def _field(name: str) -> Field | None:
    try:
        return field_named(name)
    except ValueError:
        return None


def _signs(before: str) -> tuple[Suggestion, ...]:
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_.-]*", before)
    field = _field(words[-1]) if words else None
    if field is None:
        return ()
    told = _SIGNS_OF_TIME if field.kind == Kind.TIME else _SIGNS_OF
    return tuple(Suggestion(*told[op]) for op in field.operators if op in told)


def _values(before: str, typed: str, start: int, cursor: int) -> Suggestions:
    found = _LAST_FIELD.search(before)
    field = None if found is None else _field(found[1])
    if field is None:
        return Suggestions(start, cursor, ())
    begun = typed.strip('"')
    known = field.values or (("true", "false") if field.kind == Kind.TRUTH else ())
    items = tuple(
        Suggestion(value, field.title) for value in known if value.startswith(begun.lower())
    )
    is_open = not known and field.kind in {Kind.TEXT, Kind.SET, Kind.VERSION}
    return Suggestions(start, cursor, items, field.name if is_open else "", begun)
