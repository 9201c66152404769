"""Places in a document, as JSON Pointers (RFC 6901) that go through objects only. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

from edge.protocol.documents import escaped

Parts = tuple[str, ...]


class Missing(Enum):
    """The type of `MISSING`, which is no value of JSON: null is one."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final[Literal[Missing.MISSING]] = Missing.MISSING


def pointer(parts: Parts) -> str:
    """The JSON Pointer of a place."""
    return "".join(f"/{escaped(part)}" for part in parts)


def parse(text: str) -> Parts:
    """The place a pointer of ours names."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def lookup(document: Any, parts: Parts) -> Any:
    """The value at a place, or MISSING. What is within a list is no place of its own."""
    for part in parts:
        if not isinstance(document, Mapping) or part not in document:
            return MISSING
        document = document[part]
    return document


def is_leaf(value: Any) -> bool:
    """Whether a value is compared and timed as one: all are but objects with members."""
    return not (isinstance(value, Mapping) and value)
