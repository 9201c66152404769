"""Versions of firmware in order: what says which of two is newer, as text a database can sort."""

from __future__ import annotations

import re

MAX_ORDER_CHARS = 250
_PARTS = 4
_LONGEST = 64
_VERSION = re.compile(
    r"[vV]?(?P<numbers>[0-9]+(?:\.[0-9]+){0,3})"
    r"(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)
# Below every character of an identifier, so that the shorter of two that begin alike is lower.
_END = "!"
_IS_RELEASE, _COMES_BEFORE = "~", "-"


def order_key(version: str) -> str:
    """A text that sorts byte by byte as versions do (Semantic Versioning 2.0); "" for no version.

    More than SemVer has is understood: a leading `v`, one to four numbers (missing ones are 0)
    and leading zeros. What stands after `+` says nothing about order.
    """
    found = _VERSION.fullmatch(version.strip()) if len(version) <= _LONGEST else None
    if found is None:
        return ""
    numbers = found["numbers"].split(".")
    numbers += ["0"] * (_PARTS - len(numbers))
    key = "".join(_number(digits) for digits in numbers)
    if found["before"] is None:
        return key + _IS_RELEASE
    return key + _COMES_BEFORE + "".join(map(_identifier, found["before"].split(".")))


def _number(digits: str) -> str:
    """Digits behind their count: the longer number is the greater one."""
    digits = digits.lstrip("0") or "0"
    return f"{len(digits):02}{digits}"


def _identifier(text: str) -> str:
    """Numbers come before words."""
    return (f"0{_number(text)}" if text.isdecimal() else f"1{text}") + _END
