"""What the visual form of a query offers: fields in their places, operators in words, controls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from groups.query import field_named
from groups.query.fields import FIELDS, ROOTS, Field, Kind
from groups.query.literals import duration_text

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
MISSING: Final = "missing"
_SECTIONS: Final = (
    ("State", ("status", "connectivity", "pairing", "sync", "drift")),
    ("Place and labels", ("site", "tag", "name", "capability")),
    ("Hardware", ("class", "type", "model", "firmware", "simulated")),
    ("Identity", ("uid", "device_id", "hardware")),
    ("Times", ("last_seen", "created", "claimed")),
    ("Measured and documents", ("metric", "reported", "desired")),
)
_OPERATORS: Final = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "contains": "contains",
    "starts_with": "starts with",
    "lt": "is below",
    "lte": "is at most",
    "gt": "is above",
    "gte": "is at least",
    "exists": "is there",
    MISSING: "is not there",
}
_OF_TIMES: Final = {
    "age_gt": "is older than",
    "age_lt": "is newer than",
    "lt": "is before",
    "lte": "is at or before",
    "gt": "is after",
    "gte": "is at or after",
    "exists": "is known",
    MISSING: "is not known",
}
_OF_SETS: Final = {"eq": "has", "ne": "has not", "in": "has one of", "exists": "has any"}
_HINTS: Final = {
    "age": "15m, 2h or 7d",
    "moment": "2026-05-01T12:00:00Z",
    "number": "90",
    "json": "text, 12, true or null",
}


def sections() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """All fields in their places: name, what the form calls it, and what it is about."""
    known = {**FIELDS, **ROOTS}
    return [
        (title, [(name, label_of(name), known[name].title) for name in names])
        for title, names in _SECTIONS
    ]


def label_of(name: str) -> str:
    """What the form calls a field: `Last seen`."""
    return {"uid": "Uid", "device_id": "Device id"}.get(name, name.replace("_", " ").capitalize())


def field_of(root: str, path: str) -> Field | None:
    """The field of a row; of one whose path is not written yet, the field it is going to be."""
    try:
        return field_named(f"{root}.{path}" if root in ROOTS else root)
    except ValueError:
        return ROOTS.get(root)


def operators_of(field: Field) -> list[tuple[str, str]]:
    """What may be asked of a field, in words; that something is missing is one of them."""
    words = dict(_OPERATORS)
    if field.kind == Kind.TIME:
        words = _OF_TIMES
    elif field.kind == Kind.SET:
        words |= _OF_SETS | {MISSING: "has none"}
    offered = [op for op in field.operators if op in words]
    return [(op, words[op]) for op in [*offered, *([MISSING] if "exists" in offered else [])]]


def control_of(field: Field, op: str) -> str:
    """How a value is given: `none`, `choice`, `choices`, `truth`, `lines`, `age`, … or `text`."""
    if op in {"exists", MISSING}:
        return "none"
    if field.kind == Kind.CHOICE:
        return "choices" if op == "in" else "choice"
    if field.kind == Kind.TRUTH:
        return "truth"
    if op == "in":
        return "lines"
    if field.kind == Kind.TIME:
        return "age" if op.startswith("age") else "moment"
    return str(field.kind) if field.kind in {Kind.NUMBER, Kind.JSON} else "text"


def hint_of(field: Field, control: str) -> str:
    """What may stand in the field of a value, as an example."""
    if field.name == "tag":
        return "lobby or room=kitchen"
    return _HINTS.get(control, "2.1.0" if field.kind == Kind.VERSION else "")


def value_of(field: Field, text: str) -> Any:
    """The value that somebody typed: what stands in quotes is a text, also a number's."""
    if field.kind not in {Kind.NUMBER, Kind.JSON}:
        # A blank may belong to a name; nobody means one around anything else.
        return text if field.kind == Kind.TEXT else text.strip()
    text = text.strip()
    if text in _WORDS and field.kind == Kind.JSON:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return float(text) if set(text) & set(".eE") else int(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def typed_as(field: Field, op: str, value: Any) -> str:
    """How a value stands in its field, so that `value_of` reads it as the same."""
    if op.startswith("age") and isinstance(value, int):
        return duration_text(value)
    if not isinstance(value, str):
        return json.dumps(value)
    if field.kind != Kind.JSON:
        return value
    is_other = (
        value in _WORDS or _NUMBER.fullmatch(value) or value != value.strip(' "') or not value
    )
    return json.dumps(value, ensure_ascii=False) if is_other else value
