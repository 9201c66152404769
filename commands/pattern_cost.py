"""How long a regular expression can keep the matcher busy. Plain Python.

Python's matcher tries every way in which a text can be divided among the parts of a pattern. The
number of these ways has a bound that can be read off the pattern; one with too many is refused.
"""

from __future__ import annotations

import re
from typing import Any

# A longer text is refused before it is compared; what a pattern may cost is counted for this one.
MAX_PATTERNED_CHARS = 128
# Ways in all; a text that fails after this many has cost some milliseconds.
MAX_WAYS = 250_000
_PARSER: Any = re._parser  # type: ignore[attr-defined]
_ONE_WAY = frozenset(
    {"LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE", "CATEGORY", "AT", "NEGATE", "FAILURE"}
)
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


class Unbounded(ValueError):
    """The pattern is no regular expression, or one whose cost is not bounded here."""


def ways_of(pattern: str) -> int:
    """In how many ways a text may be compared with the pattern; at most one more than MAX_WAYS.

    Raises Unbounded for what is not a pattern, and for references and look-around.
    """
    try:
        parsed = _PARSER.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        raise Unbounded("This is no regular expression.") from None
    starts = 1 if _is_anchored(parsed) else MAX_PATTERNED_CHARS
    return _bounded(starts * _in_sequence(parsed))


def _is_anchored(parsed: Any) -> bool:
    return len(parsed) > 0 and str(parsed[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")


def _in_sequence(parts: Any) -> int:
    ways = 1
    for operation, argument in parts:
        ways = _bounded(ways * _of_part(str(operation), argument))
    return ways


def _of_part(operation: str, argument: Any) -> int:
    if operation in _ONE_WAY:
        return 1
    if operation in _REPEATS:
        return _of_repeat(*argument)
    if operation == "SUBPATTERN":
        return _in_sequence(argument[-1])
    if operation == "BRANCH":
        return _bounded(sum(_in_sequence(branch) for branch in argument[1]))
    raise Unbounded("References and look-around are not allowed.")


def _of_repeat(least: Any, most: Any, body: Any) -> int:
    once = _in_sequence(body)
    ways = 0
    longest = min(int(most), MAX_PATTERNED_CHARS)
    for times in range(min(int(least), longest), longest + 1):
        ways += once**times
        if ways > MAX_WAYS:
            break
    return _bounded(max(ways, 1))


def _bounded(ways: int) -> int:
    return min(ways, MAX_WAYS + 1)
