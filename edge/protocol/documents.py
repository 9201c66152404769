"""The documents that devices and the server exchange: desired and reported states, configurations.

A document is a JSON object of bounded size and depth. Both ends judge one by the same rules, so
that neither stores what the other could not be sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from edge.protocol import fields, limits, strict_json

NOT_AN_OBJECT: Final = "not_an_object"
NOT_JSON: Final = "not_json"
TOO_DEEP: Final = "too_deep"
TOO_LARGE: Final = "too_large"
KEY_TOO_LONG: Final = "key_too_long"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document cannot be used: ``message`` says what is expected, ``pointer`` where in it.

    The pointer is one of RFC 6901; ``""`` is the whole document.
    """

    code: str
    message: str
    pointer: str = ""


def problem_with(
    document: object,
    *,
    max_bytes: int = limits.MAX_DOCUMENT_BYTES,
    max_depth: int = limits.MAX_DOCUMENT_DEPTH,
) -> Problem | None:
    """Return why this is no document within bounds, or None when it is one."""
    if not isinstance(document, Mapping):
        return Problem(NOT_AN_OBJECT, "a JSON object")
    problem = next(_problems_in(document, "", max_depth), None)
    if problem is not None:
        return problem
    if size_of(document) > max_bytes:
        return Problem(TOO_LARGE, f"at most {max_bytes} bytes as compact JSON")
    return None


def size_of(document: Mapping[str, Any]) -> int:
    """Return the bytes of this document as compact JSON in UTF-8."""
    return len(strict_json.dumps(document).encode())


def read(
    body: fields.Body,
    name: str,
    *,
    max_bytes: int = limits.MAX_DOCUMENT_BYTES,
    max_depth: int = limits.MAX_DOCUMENT_DEPTH,
) -> Mapping[str, Any]:
    """Read a document from a member of a frame, or raise ``ProtocolError`` that points into it."""
    value = fields.document(body, name)
    problem = problem_with(value, max_bytes=max_bytes, max_depth=max_depth)
    if problem is not None:
        raise fields.invalid(f"/{name}{problem.pointer}", problem.message)
    return value


def escaped(key: str) -> str:
    """Return a key as it stands in a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _problems_in(value: Any, pointer: str, levels_left: int) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        yield from _problems_in_object(value, pointer, levels_left)
    elif isinstance(value, list | tuple):
        if levels_left == 0:
            yield _too_deep(pointer)
            return
        for index, item in enumerate(value):
            yield from _problems_in(item, f"{pointer}/{index}", levels_left - 1)
    elif not _is_scalar(value):
        yield Problem(NOT_JSON, "text, int64, a finite number, true, false or null", pointer)


def _problems_in_object(
    members: Mapping[Any, Any], pointer: str, levels_left: int
) -> Iterator[Problem]:
    if levels_left == 0:
        yield _too_deep(pointer)
        return
    for key, value in members.items():
        if not isinstance(key, str) or not _is_clean(key):
            yield Problem(NOT_JSON, "keys of clean text", pointer)
        elif len(key) > limits.MAX_DOCUMENT_KEY_CHARS:
            yield Problem(
                KEY_TOO_LONG, f"keys of at most {limits.MAX_DOCUMENT_KEY_CHARS} characters", pointer
            )
        else:
            yield from _problems_in(value, f"{pointer}/{escaped(key)}", levels_left - 1)


def _too_deep(pointer: str) -> Problem:
    return Problem(TOO_DEEP, "fewer levels of objects and lists", pointer)


def _is_scalar(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return limits.INT64_MIN <= value <= limits.INT64_MAX
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, str) and _is_clean(value)


def _is_clean(text: str) -> bool:
    """Say whether every store holds this text: no NUL, no half of a surrogate pair."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
