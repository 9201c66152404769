"""Queries as one condition for a queryset of devices; `query.evaluate` says what it must mean.

No text of a query becomes SQL: fields come from the whitelist, everything else is a parameter. A
condition that is NULL for a device counts as not met, so what stands under a "not" is turned
around where it stands, with what is missing put in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, Final

from django.db.models import Q, Value
from django.db.models.functions import Left, StrIndex
from django.db.models.lookups import Exact, GreaterThan, IsNull

from devices.firmware_versions import order_key
from devices.selectors import conditions
from groups.query.ast import AllOf, AnyOf, Leaf, Not, Query
from groups.query.evaluate import folded
from groups.query.fields import Field, Kind, field_named
from groups.query.literals import ORDERS, age_s, moment, number_of, values_of
from kernel.portable_functions import AsciiLower, JsonCompares, JsonHasPiece, JsonIsOneOf, JsonType

_COLUMNS: Final[Mapping[str, str]] = {
    "site": "site__site_id",
    "class": "device_class",
    "type": "device_type",
    "model": "model",
    "name": "name",
    "uid": "uid",
    "device_id": "device_id",
    "hardware": "hardware_id",
    "firmware": "firmware_version",
    "simulated": "is_simulated",
    "pairing": "pairing",
    "last_seen": "presence__last_seen_at",
    "created": "created_at",
    "claimed": "claimed_at",
    "drift": "twin__drift_since",
}
_NULLABLE: Final = frozenset({"claimed_at"})
_DOCUMENTS: Final = {
    "desired": "twin__desired",
    "reported": "twin__reported",
    "metric": "latest_metrics__metrics",
}
_NOBODY: Final = Q(pk__in=())
_EVERYBODY: Final = ~_NOBODY


def compile_query(query: Query, now: datetime) -> Q:
    """The condition for `devices.Device` that exactly the devices of the query meet at that time.

    For `filter()`: it joins nothing that could make a device come twice.
    """
    return _compiled(query, now, is_met=True)


@dataclass(frozen=True, slots=True)
class _Term:
    """A condition, and its opposite, each true or (false or NULL), never both."""

    met: Any
    unmet: Any


def _compiled(query: Query, now: datetime, *, is_met: bool) -> Q:
    match query:
        case Not(part):
            return _compiled(part, now, is_met=not is_met)
        case Leaf():
            term = _leaf(query, now)
            return Q(term.met if is_met else term.unmet)
        case AllOf(parts) | AnyOf(parts):
            compiled = [_compiled(part, now, is_met=is_met) for part in parts]
            return reduce(and_ if isinstance(query, AllOf) is is_met else or_, compiled)


def _leaf(leaf: Leaf, now: datetime) -> _Term:
    field = field_named(leaf.field)
    term = _TERMS[field.kind](field, leaf, now)
    turns = leaf.op == "ne" or (leaf.op == "exists" and leaf.value is False)
    return _Term(term.unmet, term.met) if turns else term


# Each of these sees `ne` as `eq`, and `exists` as "there is something".


def _plain(condition: Any) -> _Term:
    """Of a condition that is never NULL."""
    return _Term(Q(condition), ~Q(condition))


def _on_column(column: str, condition: Q) -> _Term:
    """Of lookups on a column; one of a row that may not be there is said to be NULL.

    Django puts that in only where it has not joined the row before.
    """
    if "__" not in column and column not in _NULLABLE:
        return _plain(condition)
    return _Term(condition, Q(**{f"{column}__isnull": True}) | ~condition)


def _typed(expression: Any, condition: Any) -> _Term:
    """Of a condition on an expression that may be NULL, and is not met then."""
    return _Term(Q(condition), Q(IsNull(expression, True)) | ~Q(condition))


def _one_of(terms: Iterable[_Term]) -> _Term:
    terms = list(terms)
    return _Term(reduce(or_, (t.met for t in terms)), reduce(and_, (t.unmet for t in terms)))


def _text(field: Field, leaf: Leaf, now: datetime) -> _Term:
    column = _COLUMNS[field.name]
    if leaf.op == "exists":
        return _plain(Q(**{f"{column}__isnull": False}) & ~Q(**{column: ""}))
    if leaf.op in {"contains", "starts_with"}:
        expression = AsciiLower(column)
        return _typed(expression, _piece(expression, leaf))
    return _on_column(column, _equals(column, values_of(leaf.value)))


def _equals(column: str, values: tuple[Any, ...]) -> Q:
    return Q(**{column: values[0]}) if len(values) == 1 else Q(**{f"{column}__in": values})


def _piece(lowered: Any, leaf: Leaf) -> Any:
    piece = folded(str(leaf.value))
    if leaf.op == "contains":
        return GreaterThan(StrIndex(lowered, Value(piece)), 0)
    return Exact(Left(lowered, len(piece)), Value(piece))


def _choice(field: Field, leaf: Leaf, now: datetime) -> _Term:
    wanted = frozenset(map(str, values_of(leaf.value)))
    return _Term(
        _any_choice(field, wanted, now),
        _any_choice(field, frozenset(field.values) - wanted, now),
    )


def _any_choice(field: Field, wanted: frozenset[str], now: datetime) -> Q:
    """Each device has exactly one of the field's values, so a condition on others is its opposite."""
    if not wanted:
        return _NOBODY
    if field.name in _COLUMNS:
        return _equals(_COLUMNS[field.name], tuple(sorted(wanted)))
    if len(wanted) == len(field.values):
        return _EVERYBODY
    return reduce(or_, (_CHOICES[field.name](value, now) for value in sorted(wanted)))


def _sync_is(value: str, now: datetime) -> Q:
    """As the device's own JSON says it: nothing is known where nothing was ever desired."""
    unpaired = Q(pairing="unpaired")
    if value == "unknown":
        never = Q(twin__isnull=True) | Q(twin__is_drifting=False, twin__desired_version=0)
        return unpaired | never
    if value == "drift":
        return Q(twin__is_drifting=True) & ~unpaired
    return Q(twin__is_drifting=False, twin__desired_version__gt=0) & ~unpaired


_CHOICES: Final[Mapping[str, Callable[[str, datetime], Q]]] = {
    "status": lambda value, now: conditions.status_is(value),
    "connectivity": conditions.connectivity_is,
    "sync": _sync_is,
}


def _truth(field: Field, leaf: Leaf, now: datetime) -> _Term:
    return _plain(Q(**{_COLUMNS[field.name]: leaf.value}))


def _version(field: Field, leaf: Leaf, now: datetime) -> _Term:
    if leaf.op in ORDERS:
        # Below every key is the empty text of a version that has no place in the order.
        asked = Q(**{f"firmware_order__{leaf.op}": order_key(str(leaf.value))})
        return _plain(asked & Q(firmware_order__gt=""))
    if leaf.op in {"exists", "starts_with"}:
        return _text(field, leaf, now)
    texts = [str(value) for value in values_of(leaf.value)]
    keys = tuple(key for text in texts if (key := order_key(text)))
    others = tuple(text for text in texts if not order_key(text))
    asked = _equals("firmware_order", keys) if keys else Q()
    return _plain(asked | _equals("firmware_version", others) if others else asked)


def _set(field: Field, leaf: Leaf, now: datetime) -> _Term:
    names = tuple(str(value) for value in values_of(leaf.value))
    if field.name == "capability":
        return _plain(conditions.able_to(() if leaf.op == "exists" else names))
    if leaf.op == "exists":
        return _plain(conditions.tagged_at_all())
    if leaf.op == "starts_with":
        return _plain(conditions.tagged_at_all(folded(names[0])))
    tags = (name.partition("=") for name in names)
    return _one_of(_plain(conditions.tagged(key, value)) for key, _, value in tags)


def _time(field: Field, leaf: Leaf, now: datetime) -> _Term:
    column = _COLUMNS[field.name]
    if leaf.op == "exists":
        return _plain(Q(**{f"{column}__isnull": False}))
    if leaf.op in ORDERS:
        return _on_column(column, Q(**{f"{column}__{leaf.op}": moment(str(leaf.value))}))
    side = "lt" if leaf.op == "age_gt" else "gt"
    past = now - timedelta(seconds=age_s(leaf))
    return _on_column(column, Q(**{f"{column}__{side}": past}))


def _json(field: Field, leaf: Leaf, now: datetime) -> _Term:
    """Of a metric as of a twin: both are documents."""
    at: tuple[str, tuple[str, ...]] = (_DOCUMENTS[field.root], field.path)
    kind = JsonType(*at)
    if leaf.op == "exists":
        return _Term(Q(IsNull(kind, False)), Q(IsNull(kind, True)))
    (wanted, *_) = values_of(leaf.value)
    met: Any
    if leaf.op in ORDERS:
        met = JsonCompares(*at, leaf.op, number_of(wanted))
    elif leaf.op in {"contains", "starts_with"}:
        met = JsonHasPiece(*at, folded(str(wanted)), is_first=leaf.op == "starts_with")
    else:
        met = JsonIsOneOf(*at, values_of(leaf.value))
    return _typed(kind, met)


_TERMS: Final[Mapping[Kind, Callable[[Field, Leaf, datetime], _Term]]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.TRUTH: _truth,
    Kind.VERSION: _version,
    Kind.SET: _set,
    Kind.TIME: _time,
    Kind.NUMBER: _json,
    Kind.JSON: _json,
}
