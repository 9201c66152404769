"""A query in memory: conditions on fields, joined by all, any and not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_DEPTH: Final = 5
MAX_LEAVES: Final = 50

Scalar = str | bool | int | float | None
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition: a field by its full name, an operator, and a value of the field's kind.

    Times are told apart by their operator: `age_gt` and `age_lt` have seconds, the others a moment
    as text. `exists` has whether it must.
    """

    field: str
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; there are two or more."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; there are two or more."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Query


Query = AllOf | AnyOf | Not | Leaf


def parts_of(query: Query) -> tuple[tuple[str, Query], ...]:
    """What a query is made of, each part with the pointer that leads to it."""
    match query:
        case AllOf(parts):
            return tuple((f"/all/{place}", part) for place, part in enumerate(parts))
        case AnyOf(parts):
            return tuple((f"/any/{place}", part) for place, part in enumerate(parts))
        case Not(part):
            return (("/not", part),)
        case Leaf():
            return ()


def leaves(query: Query, at: str = "") -> Iterator[tuple[str, Leaf]]:
    """Each condition with its pointer, from left to right."""
    if isinstance(query, Leaf):
        yield at, query
    for pointer, part in parts_of(query):
        yield from leaves(part, at + pointer)


def depth_of(query: Query) -> int:
    """How many levels it has; of one condition, one."""
    return 1 + max((depth_of(part) for _, part in parts_of(query)), default=0)
