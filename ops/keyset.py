"""Pages of a long list in any order, by what their first and last rows are ordered by.

A page begins after a place: the value a row is ordered by, and its key. Both travel in the address,
so a page does not shift when rows before it come and go, and no page costs more than another. Rows
without a value stand last in both directions; rows of one value stand by their keys.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import F, Q, QuerySet

_KEY: Final = "list_key"
# The longest value that is ordered by is a name; a place that says more is not ours.
_MOST: Final = 2_000
_LARGEST_KEY: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What rows are ordered by: an expression of a value of one type, or of none (`may_lack`)."""

    expression: Any
    type: type[str] | type[int] | type[float] | type[datetime] = str
    may_lack: bool = False
    # Whether there is an index of each tenant's rows in this order.
    has_index: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A row's place in an order."""

    value: Any
    pk: int

    def written(self) -> str:
        """The place as an address carries it."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        told = json.dumps([value, self.pk], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(told.encode()).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Keys of one page of rows, and the places at which its neighbours begin, if there are any."""

    keys: list[int]
    before: str = ""
    after: str = ""


def place_of(text: str, order: Order) -> Place | None:
    """The place that was written so; None for what is no place in this order."""
    if not text or len(text) > _MOST:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        value, pk = told
        return Place(value=_read(value, order), pk=_key(pk))
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        return None


def slice_of(
    found: QuerySet[Any],
    order: Order,
    *,
    is_descending: bool,
    size: int,
    after: Place | None = None,
    before: Place | None = None,
    parts: Sequence[Q] = (),
) -> Slice:
    """The keys of the rows that follow a place, or come before one; else of the first rows.

    `parts` are conditions that together all rows fulfil, where an index has the order of each only.
    """
    place, backwards = (before, True) if before is not None else (after, False)
    keyed = found.annotate(**{_KEY: order.expression})
    if place is not None:
        keyed = keyed.filter(
            beyond(place, may_lack=order.may_lack, is_descending=is_descending, backwards=backwards)
        )
    ordered = keyed.order_by(*_ordering(order, is_descending, backwards)).values_list("pk", _KEY)
    if order.has_index and len(parts) > 1:
        # The first rows of all are among the first of each part.
        firsts = [pk for part in parts for pk, _ in ordered.filter(part)[: size + 1]]
        ordered = ordered.filter(pk__in=firsts)
    rows = list(ordered[: size + 1])
    has_more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Slice(keys=[])
    comes_before = has_more if backwards else place is not None
    goes_on = True if backwards else has_more
    return Slice(
        keys=[pk for pk, _ in rows],
        before=_written(rows[0]) if comes_before else "",
        after=_written(rows[-1]) if goes_on else "",
    )


def beyond(place: Place, *, may_lack: bool, is_descending: bool, backwards: bool) -> Q:
    """The rows on the far side of a place, as a condition."""
    is_up = is_descending == backwards
    step, reach = ("gt", "gte") if is_up else ("lt", "lte")
    by_key = Q(**{f"pk__{step}": place.pk})
    lacking = Q(**{f"{_KEY}__isnull": True})
    if place.value is None:
        # Among those that lack a value; backwards all that have one come before them.
        return (~lacking | by_key) if backwards else (lacking & by_key)
    farther = Q(**{f"{_KEY}__{step}": place.value}) | (Q(**{_KEY: place.value}) & by_key)
    if may_lack and not backwards:
        return farther | lacking
    # It says the same again, and lets an index begin there.
    return Q(**{f"{_KEY}__{reach}": place.value}) & farther


def _ordering(order: Order, is_descending: bool, backwards: bool) -> tuple[Any, str]:
    is_up = is_descending == backwards
    if not order.may_lack:
        return (f"{'' if is_up else '-'}{_KEY}", "pk" if is_up else "-pk")
    lacking = {"nulls_first": True} if backwards else {"nulls_last": True}
    key = F(_KEY).asc(**lacking) if is_up else F(_KEY).desc(**lacking)
    return (key, "pk" if is_up else "-pk")


def _written(row: tuple[int, Any]) -> str:
    return Place(value=row[1], pk=row[0]).written()


def _key(value: Any) -> int:
    if type(value) is not int or not 0 < value <= _LARGEST_KEY:
        raise ValueError
    return value


def _read(value: Any, order: Order) -> Any:
    if value is None:
        if order.may_lack:
            return None
        raise ValueError
    return _READERS[order.type](value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value.encode().decode()


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) > _LARGEST_KEY:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or value != value:
        raise ValueError
    return float(value)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    # What leaves the calendar fails here and not in the database.
    return moment.astimezone(UTC)


_READERS: Final[dict[type, Callable[[Any], Any]]] = {
    str: _text,
    int: _whole,
    float: _number,
    datetime: _moment,
}
