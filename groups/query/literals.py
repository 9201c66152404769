"""Values of conditions: what a field and an operator take, in the one spelling that is kept."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from devices.firmware_versions import order_key
from groups.query.ast import Leaf, Scalar, Value
from groups.query.fields import Field, Kind

MAX_TEXT_VALUE: Final = 200
MAX_CHOICES: Final = 50
LONGEST_AGE_S: Final = 3650 * 86_400
ORDERS: Final = frozenset({"lt", "lte", "gt", "gte"})
AGES: Final = frozenset({"age_gt", "age_lt"})
_PIECES: Final = frozenset({"contains", "starts_with"})
_INT64: Final = 2**63
_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]{1,9}[wdhms])+", re.ASCII | re.IGNORECASE)
_PIECE_OF_DURATION = re.compile(r"([0-9]+)([wdhms])", re.ASCII | re.IGNORECASE)


def checked_leaf(field: Field, op: str, given: Any) -> Leaf:
    """The condition in its kept spelling. Raises ValueError that says what is wrong."""
    if op not in field.operators:
        raise ValueError(f"{field.name} knows {', '.join(field.operators)}; not {op[:32]!r}.")
    if op == "exists":
        if not isinstance(given, bool):
            raise ValueError("exists takes true or false.")
        return Leaf(field.name, op, given)
    if op != "in":
        return Leaf(field.name, op, _checked(field, op, given))
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= MAX_CHOICES:
        raise ValueError(f"in takes a list of 1 to {MAX_CHOICES} values.")
    # True and 1 are two values of a twin, and equal in Python.
    kept = {(type(value), value): value for value in (_checked(field, "eq", one) for one in given)}
    return Leaf(field.name, op, tuple(kept.values()))


def duration_s(text: str) -> int | None:
    """Seconds of `90s`, `15m`, `1h30m`, `2d` or `1w`; None for any other text."""
    if _DURATION.fullmatch(text) is None:
        return None
    found = _PIECE_OF_DURATION.findall(text)
    return sum(int(number) * _UNITS[unit.lower()] for number, unit in found)


def duration_text(seconds: int) -> str:
    """The shortest way to write so many seconds: `1h30m`."""
    written = ""
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


def moment(text: str) -> datetime:
    """The moment that RFC 3339 text names; a date alone is its midnight in UTC.

    Raises ValueError.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or not 1970 <= at.year <= 2999:
        raise ValueError("Write an age such as 15m, or a time such as 2026-05-01T12:00:00Z.")
    if at.tzinfo is None:
        if len(text) > len("2026-05-01"):
            raise ValueError("A time needs its offset, as in 2026-05-01T12:00:00Z.")
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC)


def _checked(field: Field, op: str, given: Any) -> Scalar:
    return _CHECKS[field.kind](field, op, given)


def _text(field: Field, op: str, given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError("A text that is not empty is expected.")
    return _within_bounds(given)


def _within_bounds(text: str) -> str:
    if len(text) > MAX_TEXT_VALUE:
        raise ValueError(f"At most {MAX_TEXT_VALUE} characters.")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("These characters cannot be stored.")
    return text


def _choice(field: Field, op: str, given: Any) -> str:
    plain = given.strip().lower().replace("-", "_") if isinstance(given, str) else ""
    plain = field.also.get(plain, plain)
    if plain not in field.values:
        raise ValueError(f"One of {', '.join(field.values)} is expected.")
    return plain


def _truth(field: Field, op: str, given: Any) -> bool:
    if isinstance(given, str):
        given = {"true": True, "yes": True, "false": False, "no": False}.get(given.lower())
    if not isinstance(given, bool):
        raise ValueError("true or false is expected.")
    return given


def _version(field: Field, op: str, given: Any) -> str:
    version = _text(field, op, given)
    if op in ORDERS and not order_key(version):
        raise ValueError("A version such as 2.1 or 2.1.0-rc.1 is expected.")
    return version


def _tag(field: Field, op: str, given: Any) -> str:
    text = _text(field, op, given)
    key, equals, value = text.partition("=")
    if op == "starts_with" and equals:
        raise ValueError("The beginning of a key is expected, without =.")
    if not key or (equals and not value):
        raise ValueError("A tag is a key, or key=value.")
    return text


def _member(field: Field, op: str, given: Any) -> str:
    return _tag(field, op, given) if field.name == "tag" else _text(field, op, given)


def _time(field: Field, op: str, given: Any) -> str | int:
    if op not in AGES:
        if not isinstance(given, str):
            raise ValueError("A time such as 2026-05-01T12:00:00Z is expected.")
        return moment(given).isoformat().replace("+00:00", "Z")
    seconds = duration_s(given) if isinstance(given, str) else given
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ValueError("An age such as 15m, 2h or 7d is expected, or whole seconds.")
    if not 1 <= seconds <= LONGEST_AGE_S:
        raise ValueError("An age is from 1 second to 10 years.")
    return seconds


def _number(field: Field, op: str, given: Any) -> int | float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError("A number is expected.")
    # In this order: a whole number may be too large to be asked whether it is finite.
    if not (-_INT64 <= given < _INT64 and math.isfinite(given)):
        raise ValueError("The number is out of range.")
    return given


def _json(field: Field, op: str, given: Any) -> Scalar:
    if op in ORDERS:
        return _number(field, op, given)
    if op in _PIECES:
        return _text(field, op, given)
    if isinstance(given, str):
        return _within_bounds(given)
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, int | float):
        return _number(field, op, given)
    raise ValueError("A text, a number, true, false or null is expected.")


_CHECKS: Mapping[Kind, Callable[[Field, str, Any], Scalar]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.TRUTH: _truth,
    Kind.VERSION: _version,
    Kind.SET: _member,
    Kind.TIME: _time,
    Kind.NUMBER: _number,
    Kind.JSON: _json,
}


def age_s(leaf: Leaf) -> int:
    """The seconds of a condition on an age. Raises TypeError for any other."""
    if not isinstance(leaf.value, int):
        raise TypeError(f"{leaf} is about no age.")
    return leaf.value


def number_of(value: Scalar) -> int | float:
    """A value that is a number. Raises TypeError for any other."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number.")
    return value


def values_of(value: Value) -> tuple[Scalar, ...]:
    """The values of a condition as a list, whether it has one or several."""
    return value if isinstance(value, tuple) else (value,)
