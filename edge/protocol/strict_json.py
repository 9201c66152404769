"""The only JSON decoder of Homepot, for every wire.

It accepts what a database, a browser and a microcontroller all hold without surprise: bounded
size and depth, int64, finite numbers, real Unicode, each key once. Everything else is refused
with a reason code, and nothing but ``StrictJSONError`` ever escapes.
"""

import json
import re
from collections.abc import Iterable
from math import isinf
from typing import Any, Final, NoReturn

from edge.protocol.limits import INT64_MAX, INT64_MIN, MAX_DEPTH, MAX_FRAME_BYTES

TOO_LARGE: Final = "too_large"
TOO_DEEP: Final = "too_deep"
NOT_UTF8: Final = "not_utf8"
DUPLICATE_KEY: Final = "duplicate_key"
NOT_FINITE: Final = "not_finite"
INTEGER_OUT_OF_RANGE: Final = "integer_out_of_range"
NUL_CHARACTER: Final = "nul_character"
LONE_SURROGATE: Final = "lone_surrogate"
MALFORMED: Final = "malformed"

_INT64_MAX_DIGITS = 20  # "-9223372036854775808"; a longer text is never converted at all

# A string literal is skipped whole (also an unterminated one, so that the scan stays linear);
# what remains visible are the brackets that nest.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)

# Only escapes can smuggle these in: the parser itself refuses raw control characters, and
# UTF-8 cannot carry a surrogate.
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class StrictJSONError(ValueError):
    """Text that the strict decoder refuses; ``reason`` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def loads(
    data: bytes | str, *, max_bytes: int = MAX_FRAME_BYTES, max_depth: int = MAX_DEPTH
) -> Any:
    """Return the value of one JSON document, or raise ``StrictJSONError``."""
    text = _bounded_text(data, max_bytes)
    value = _quickly(text, max_depth)
    if value is not _DOUBTFUL:
        return value
    # Brackets inside strings only make this estimate too high, which costs the exact scan.
    if text.count("[") + text.count("{") > max_depth:
        _require_depth(text, max_depth)
    try:
        value = _DECODER.decode(text)
    except StrictJSONError:
        raise
    except RecursionError:
        raise StrictJSONError(TOO_DEEP) from None
    except ValueError:
        raise StrictJSONError(MALFORMED) from None
    if _SUSPECT_ESCAPE.search(text) is not None:
        _require_clean_text(value)
    return value


def dumps(value: Any) -> str:
    """Return compact JSON; a number that is not finite raises ``ValueError``."""
    return _ENCODER.encode(value)


def _bounded_text(data: bytes | str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise StrictJSONError(TOO_LARGE)
    if not isinstance(data, str):
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            raise StrictJSONError(NOT_UTF8) from None
    if not data.isascii():
        try:
            size = len(data.encode())
        except UnicodeEncodeError:
            raise StrictJSONError(LONE_SURROGATE) from None
        if size > max_bytes:
            raise StrictJSONError(TOO_LARGE)
    return data


def _quickly(text: str, max_depth: int) -> Any:
    """Return what the parser says without hooks, if it is sure to be what the exact way says.

    Without a backslash a quote always begins or ends a string. So each key is followed by a
    colon, and as many such colons as members in the value mean that no key came twice.
    """
    if "\\" in text:
        return _DOUBTFUL
    try:
        # Without the search for white space around the document, which has seldom any.
        value, end = _PLAIN_DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return _DOUBTFUL
    if end != len(text):
        return _DOUBTFUL
    members = _count_members(value, max_depth)
    # What is laid out for people has a blank in it, and may have one before a colon.
    is_laid_out = " " in text or "\n" in text or "\r" in text or "\t" in text
    if is_laid_out and _BLANK_AND_COLON.search(text) is not None:
        return value if members == len(_KEY_END.findall(text)) else _DOUBTFUL
    return value if members == text.count('":') else _DOUBTFUL


def _count_members(value: Any, max_depth: int) -> int:
    """Count the members of all objects; -1 for what the exact decoder must judge."""
    if not isinstance(value, (dict, list)):
        return -1
    count = 0
    level: list[Any] = [value]
    for _ in range(max_depth):
        below: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                count += len(container)
                container = container.values()
            if not _are_plain(container, below):
                return -1
        if not below:
            return count
        level = below
    return -1


def _are_plain(items: Iterable[Any], containers: list[Any]) -> bool:
    """Say whether all numbers among these are within bounds; containers are set aside."""
    for item in items:
        kind = type(item)
        if kind is float:
            # What is not finite less itself is no number.
            if item - item != 0.0:
                return False
        elif kind is int:
            if not INT64_MIN <= item <= INT64_MAX:
                return False
        elif kind is dict or kind is list:
            containers.append(item)
    return True


def _require_depth(text: str, max_depth: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        glyph = text[match.start()]
        if glyph in "[{":
            depth += 1
            if depth > max_depth:
                raise StrictJSONError(TOO_DEEP)
        elif glyph in "]}":
            depth -= 1


def _require_clean_text(value: Any) -> None:
    remaining = [value]
    while remaining:
        item = remaining.pop()
        if isinstance(item, str):
            _require_clean_string(item)
        elif isinstance(item, list):
            remaining.extend(item)
        elif isinstance(item, dict):
            remaining.extend(item.keys())
            remaining.extend(item.values())


def _require_clean_string(text: str) -> None:
    if "\0" in text:
        raise StrictJSONError(NUL_CHARACTER)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise StrictJSONError(LONE_SURROGATE) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJSONError(DUPLICATE_KEY)
    return members


def _integer(text: str) -> int:
    if len(text) > _INT64_MAX_DIGITS:
        raise StrictJSONError(INTEGER_OUT_OF_RANGE)
    number = int(text)
    if not INT64_MIN <= number <= INT64_MAX:
        raise StrictJSONError(INTEGER_OUT_OF_RANGE)
    return number


def _float(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise StrictJSONError(NOT_FINITE)
    return number


def _constant(_: str) -> NoReturn:
    raise StrictJSONError(NOT_FINITE)


_DOUBTFUL: Final = object()
_BLANK_AND_COLON = re.compile(r"[ \t\n\r]:")
_KEY_END = re.compile(r'"[ \t\n\r]*:')
_PLAIN_DECODER = json.JSONDecoder(parse_constant=_constant)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
