"""What one row of a bulk enrolment may say: cleaned values, or what is wrong. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Any

from devices import tag_names
from devices.choices import DeviceClass, EnrolmentMode
from devices.enrolment_file import SURPLUS
from kernel.errors import ValidationFailed

MAX_ROWS = 10_000
_SHOWN = 200
_MAX_RELAYS = 64
_DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HARDWARE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SITE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CAPABILITY = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
_NUMBER = re.compile(r"[0-9]{1,4}")


@dataclass(kw_only=True, slots=True)
class CheckedRow:
    """One row with its cleaned values, and its problems by column; without any it is valid."""

    number: int
    given: dict[str, Any]
    problems: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, column: str, sentence: str) -> None:
        """Add a problem."""
        self.problems.setdefault(column, []).append(sentence)


class _Wrong(ValueError):
    """A value that cannot be taken; its text says why."""


def check_columns(mode: str, columns: Iterable[str]) -> None:
    """Refuse columns that do not exist in this mode, and a file without its ids.

    Raises ValidationFailed.
    """
    named = set(columns)
    known = _CLEANERS[mode]
    unknown = sorted(str(name)[:_SHOWN] or "(no name)" for name in named - known.keys() - {SURPLUS})
    if unknown:
        sentence = f"Unknown: {', '.join(unknown[:20])}. Known: {', '.join(known)}."
        raise ValidationFailed(details={"columns": [sentence]})
    if key_column(mode) not in named:
        raise ValidationFailed(details={"columns": [f"{key_column(mode)} is missing."]})


def key_column(mode: str) -> str:
    """The column that tells the rows of a file apart."""
    return "hardware_id" if mode == EnrolmentMode.CLAIM_CODE else "device_id"


def check_rows(mode: str, rows: Iterable[Mapping[str, Any]], site: str) -> list[CheckedRow]:
    """Every row by itself and among the others; `site` is for rows that name none."""
    checked = [_check(mode, number, row, site) for number, row in enumerate(rows, start=1)]
    first: dict[str, int] = {}
    column = key_column(mode)
    for row in checked:
        key = row.given.get(column)
        if not key or column in row.problems:
            continue
        if key in first:
            row.refuse(column, f"Row {first[key]} has the same.")
        else:
            first[key] = row.number
    return checked


def _check(mode: str, number: int, raw: Mapping[str, Any], site: str) -> CheckedRow:
    row = CheckedRow(number=number, given={})
    for column, clean in _CLEANERS[mode].items():
        value = raw.get(column, "")
        if column == "site" and not value:
            value = site
        try:
            row.given[column] = clean(value)
        except _Wrong as error:
            row.given[column] = str(value)[:_SHOWN]
            row.refuse(column, str(error))
    if SURPLUS in raw:
        row.refuse("row", f"It has {raw[SURPLUS]} cells, more than there are columns.")
    return row


def _text(value: Any, *, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Wrong("This must be text.")
    text = value.strip()
    if len(text) > limit:
        raise _Wrong(f"At most {limit} characters.")
    if not text.isprintable():
        raise _Wrong("Control characters have no place here.")
    return text


def _matching(value: Any, *, pattern: re.Pattern[str], sentence: str, empty: bool = False) -> str:
    text = _text(value, limit=_SHOWN)
    if (text or not empty) and not pattern.fullmatch(text):
        raise _Wrong(sentence)
    return text


def _one_of(value: Any, *, choices: Collection[str], default: str) -> str:
    text = _text(value, limit=_SHOWN) or default
    if text not in choices:
        raise _Wrong(f"One of {', '.join(choices)}.")
    return text


def _address(value: Any) -> str | None:
    text = _text(value, limit=_SHOWN)
    if not text:
        return None
    try:
        return str(ip_address(text))
    except ValueError:
        raise _Wrong("This is no IP address.") from None


def _count(value: Any) -> int:
    if isinstance(value, str):
        text = value.strip() or "0"
        value = int(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_RELAYS:
        raise _Wrong(f"A whole number from 0 to {_MAX_RELAYS}.")
    return value


def _list(value: Any, *, limit: int, each: Callable[[Any], str]) -> list[str]:
    parts = value.split("|") if isinstance(value, str) else value or []
    if not isinstance(parts, list):
        raise _Wrong("A list, or texts with | between them.")
    items = [text for text in (each(part) for part in parts) if text]
    if len(items) > limit:
        raise _Wrong(f"At most {limit}.")
    return sorted(set(items))


def _tags(value: Any) -> list[str]:
    """As they will be kept: what is wrong with them is told before anything is enrolled."""
    texts = _list(value, limit=tag_names.MAX_TAGS, each=partial(_text, limit=tag_names.MAX_TAG))
    try:
        return tag_names.written(tag_names.parsed_all(texts).values())
    except tag_names.WrongTag as wrong:
        raise _Wrong(str(wrong)) from None


_CLASS = partial(_one_of, choices=DeviceClass.values, default=DeviceClass.OTHER.value)
_CAPABILITIES = partial(
    _list,
    limit=64,
    each=partial(
        _matching,
        pattern=_CAPABILITY,
        sentence="Each 1 to 40 of a-z0-9_.-, beginning with a letter.",
        empty=True,
    ),
)
_DESCRIPTION: dict[str, Callable[[Any], Any]] = {
    "name": partial(_text, limit=100),
    "device_type": partial(_text, limit=64),
    "device_class": _CLASS,
    "model": partial(_text, limit=100),
    "relay_count": _count,
    "capabilities": _CAPABILITIES,
}
_CLEANERS: dict[str, dict[str, Callable[[Any], Any]]] = {
    EnrolmentMode.API_KEY.value: {
        "device_id": partial(
            _matching, pattern=_DEVICE_ID, sentence="1 to 64 of A-Za-z0-9_-, no spaces."
        ),
        **_DESCRIPTION,
        "site": partial(_matching, pattern=_SITE_ID, sentence="This is no site id.", empty=True),
        "ip_address": _address,
        "tags": _tags,
    },
    EnrolmentMode.CLAIM_CODE.value: {
        "hardware_id": partial(
            _matching, pattern=_HARDWARE_ID, sentence="1 to 128 of A-Za-z0-9._:-, no spaces."
        ),
        **_DESCRIPTION,
    },
}
