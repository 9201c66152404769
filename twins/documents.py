"""The documents of a twin: what may be in one, and how its numbers survive every database. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from edge.protocol.documents import problem_with
from edge.protocol.limits import INT64_MAX, INT64_MIN

_EXACT: Final = 2.0**53


def normal(value: Any) -> Any:
    """The same JSON value in the one form it is stored in.

    PostgreSQL writes a float without a fraction as an integer. Above 2^53 the digits of the two
    differ, so such floats become the integer they stand for here, and mean the same ever after.
    """
    if isinstance(value, Mapping):
        return {name: normal(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    if isinstance(value, float) and value == 0:
        return 0.0
    if isinstance(value, float) and abs(value) > _EXACT and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    return value


def refusal(document: Any) -> dict[str, list[str]] | None:
    """Why this cannot be a document of a twin, by the JSON Pointer of the place; None if it can."""
    problem = problem_with(document)
    return None if problem is None else {problem.pointer or "/": [f"{problem.message}."]}


class Decoder(json.JSONDecoder):
    """Reads stored documents: an integer beyond int64 was stored as a float, and is one again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_int=_number, **options)


def _number(digits: str) -> int | float:
    whole = int(digits)
    return whole if INT64_MIN <= whole <= INT64_MAX else float(digits)
