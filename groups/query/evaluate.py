"""Queries asked of one device in plain Python: the meaning that the compiler has to keep.

Every condition is true or false, never unknown. What is missing meets no condition but `ne` and
`exists: false`: `ne` is exactly "not eq". Numbers are compared as they are written; `true` is no
number; a value of another type is not equal and in no order. Equality and `in` heed case, `contains` and
`starts_with` take the letters A to Z for a to z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final

from devices.firmware_versions import order_key
from groups.query.ast import AllOf, AnyOf, Leaf, Not, Query, Scalar, parts_of
from groups.query.facts import Facts
from groups.query.fields import Field, Kind, field_named
from groups.query.literals import age_s, moment, values_of
from groups.query.text_form import to_text

_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "lt": lt, "lte": le, "gt": gt, "gte": ge,
}  # fmt: skip
_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class _Missing:
    """Nothing is there; null is something."""


MISSING: Final = _Missing()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a part of a query holds for a device; of a condition with what the device has.

    `pointer` leads to the part in `to_json` of the query, `text` is the part in one line. `actual`
    is a JSON value, None with `is_missing` where there is nothing.
    """

    pointer: str
    text: str
    is_met: bool
    field: str = ""
    op: str = ""
    expected: Any = None
    actual: Any = None
    is_missing: bool = False
    parts: tuple[Verdict, ...] = ()

    def leaves(self) -> list[Verdict]:
        """The verdicts on the conditions, from left to right."""
        return [leaf for part in self.parts for leaf in part.leaves()] or [self]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        told = {"pointer": self.pointer, "text": self.text, "is_met": self.is_met}
        if self.parts:
            return told | {"parts": [part.to_dict() for part in self.parts]}
        return told | {
            "field": self.field,
            "op": self.op,
            "expected": self.expected,
            "actual": self.actual,
            "is_missing": self.is_missing,
        }


def matches(query: Query, facts: Facts, now: datetime) -> bool:
    """Whether the device meets the query at that time."""
    match query:
        case AllOf(parts):
            return all(matches(part, facts, now) for part in parts)
        case AnyOf(parts):
            return any(matches(part, facts, now) for part in parts)
        case Not(part):
            return not matches(part, facts, now)
        case Leaf():
            field = field_named(query.field)
            return _is_met(field, query, _actual(field, facts, now), now)


def explain(query: Query, facts: Facts, now: datetime, at: str = "") -> Verdict:
    """What `matches` says, for every part of the query."""
    if not isinstance(query, Leaf):
        parts = tuple(explain(part, facts, now, at + pointer) for pointer, part in parts_of(query))
        return Verdict(
            pointer=at, text=to_text(query), is_met=matches(query, facts, now), parts=parts
        )
    field = field_named(query.field)
    actual = _actual(field, facts, now)
    return Verdict(
        pointer=at,
        text=to_text(query),
        is_met=_is_met(field, query, actual, now),
        field=query.field,
        op=query.op,
        expected=list(query.value) if isinstance(query.value, tuple) else query.value,
        actual=None if actual is MISSING else _told(actual),
        is_missing=actual is MISSING,
    )


def folded(text: str) -> str:
    """The text with A to Z as a to z, and nothing else: as far as both databases agree."""
    return text.translate(_LOWER)


def _is_met(field: Field, leaf: Leaf, actual: Any, now: datetime) -> bool:
    if leaf.op == "exists":
        return (actual is not MISSING) is leaf.value
    if leaf.op == "ne":
        return not _is_one_of(field, (leaf.value,), actual)
    if actual is MISSING:
        return False
    if leaf.op in {"eq", "in"}:
        return _is_one_of(field, values_of(leaf.value), actual)
    if leaf.op in _ORDERS:
        return _is_in_order(field, leaf, actual)
    if leaf.op in {"age_gt", "age_lt"}:
        past = now - timedelta(seconds=age_s(leaf))
        return bool(actual < past if leaf.op == "age_gt" else actual > past)
    return _has_piece(leaf, actual)


def _is_one_of(field: Field, wanted: tuple[Any, ...], actual: Any) -> bool:
    if actual is MISSING:
        return False
    if field.kind == Kind.SET:
        return any(_is_member(field, one, actual) for one in wanted)
    if field.kind == Kind.VERSION:
        return any(_is_version(one, actual) for one in wanted)
    return any(_are_equal(one, actual) for one in wanted)


def _is_member(field: Field, wanted: str, actual: list[str]) -> bool:
    if field.name != "tag" or "=" in wanted:
        return wanted in actual
    return any(tag.partition("=")[0] == wanted for tag in actual)


def _is_version(wanted: str, actual: str) -> bool:
    key = order_key(wanted)
    return order_key(actual) == key if key else actual == wanted


def _are_equal(wanted: Scalar, actual: Any) -> bool:
    if _is_number(wanted) and _is_number(actual):
        return _exact(wanted) == _exact(actual)
    if isinstance(wanted, str):
        return isinstance(actual, str) and wanted == actual
    return wanted is actual


def _is_in_order(field: Field, leaf: Leaf, actual: Any) -> bool:
    holds, (wanted,) = _ORDERS[leaf.op], values_of(leaf.value)
    if field.kind == Kind.VERSION:
        key = order_key(actual)
        return bool(key) and holds(key, order_key(str(wanted)))
    if field.kind == Kind.TIME:
        return holds(actual, moment(str(wanted)))
    return _is_number(actual) and holds(_exact(actual), _exact(wanted))


def _has_piece(leaf: Leaf, actual: Any) -> bool:
    piece = folded(str(leaf.value))
    if isinstance(actual, list) and field_named(leaf.field).kind == Kind.SET:
        return any(folded(one.partition("=")[0]).startswith(piece) for one in actual)
    if not isinstance(actual, str):
        return False
    text = folded(actual)
    return piece in text if leaf.op == "contains" else text.startswith(piece)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _exact(value: Any) -> Decimal:
    """The number as it is written in JSON."""
    return Decimal(repr(value))


def _told(actual: Any) -> Any:
    if isinstance(actual, datetime):
        return actual.isoformat().replace("+00:00", "Z")
    return actual


def _actual(field: Field, facts: Facts, now: datetime) -> Any:
    if field.path:
        return _at_path(field, facts)
    found = _GETTERS[field.name](facts, now)
    return MISSING if found is None or found in ("", []) else found


def _at_path(field: Field, facts: Facts) -> Any:
    if field.kind == Kind.NUMBER:
        return facts.metrics.get(field.path[0], MISSING)
    value: Any = facts.desired if field.root == "desired" else facts.reported
    for step in field.path:
        if not isinstance(value, Mapping) or step not in value:
            return MISSING
        value = value[step]
    return value


def _status(facts: Facts, now: datetime) -> str:
    if facts.pairing == "unpaired":
        return "unpaired"
    return "online" if facts.is_online else "offline"


def _connectivity(facts: Facts, now: datetime) -> str:
    if facts.last_seen_at is None:
        return "never_connected"
    if not facts.is_online:
        return "offline"
    return "stale" if now - facts.last_seen_at > facts.stale_after else "online"


def _sync(facts: Facts, now: datetime) -> str:
    if facts.pairing == "unpaired":
        return "unknown"
    if facts.drift_since is not None:
        return "drift"
    return "in_sync" if facts.desired_version else "unknown"


def _tags(facts: Facts, now: datetime) -> list[str]:
    return sorted(f"{key}={value}" if value else key for key, value in facts.tags.items())


_GETTERS: Mapping[str, Callable[[Facts, datetime], Any]] = {
    "status": _status,
    "connectivity": _connectivity,
    "pairing": lambda facts, now: facts.pairing,
    "sync": _sync,
    "drift": lambda facts, now: facts.drift_since,
    "site": lambda facts, now: facts.site,
    "class": lambda facts, now: facts.device_class,
    "type": lambda facts, now: facts.device_type,
    "model": lambda facts, now: facts.model,
    "name": lambda facts, now: facts.name,
    "uid": lambda facts, now: facts.uid,
    "device_id": lambda facts, now: facts.device_id,
    "hardware": lambda facts, now: facts.hardware_id,
    "firmware": lambda facts, now: facts.firmware,
    "tag": _tags,
    "capability": lambda facts, now: sorted(facts.capabilities),
    "simulated": lambda facts, now: facts.is_simulated,
    "last_seen": lambda facts, now: facts.last_seen_at,
    "created": lambda facts, now: facts.created_at,
    "claimed": lambda facts, now: facts.claimed_at,
}
