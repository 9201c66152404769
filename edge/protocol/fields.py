"""Typed readers for the members of a decoded frame; each names the member it refuses."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from edge.protocol import limits
from edge.protocol.errors import INVALID_FIELD, ProtocolError

Body = Mapping[str, Any]

_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFERENCE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_KIND = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_SENSOR = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
_TOKEN = re.compile(r"[!-~]{1,256}")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def is_uid(text: str) -> bool:
    """Say whether this may be the public id of a device."""
    return _UID.fullmatch(text) is not None


def is_metric_name(text: str) -> bool:
    """Say whether this may name a metric."""
    return _KIND.fullmatch(text) is not None


def is_sensor_name(value: object) -> TypeGuard[str]:
    """Say whether this may name a sensor, or the kind of one."""
    return isinstance(value, str) and _SENSOR.fullmatch(value) is not None


def is_reference(value: object) -> TypeGuard[str]:
    """Say whether this may be an id that a device made up itself."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def invalid(field: str, expected: str) -> ProtocolError:
    """Build the error for a member that is missing or of the wrong kind."""
    return ProtocolError(INVALID_FIELD, f"{field}: expected {expected}", field=field)


def uid(body: Body, name: str) -> str:
    """Read a device or command id."""
    return _matching(body, name, _UID, "1 to 64 letters, digits, _ or -")


def reference(body: Body, name: str) -> str:
    """Read an id that the device made up itself (boot, event)."""
    return _matching(body, name, _REFERENCE, "1 to 64 letters, digits or any of _ . : -")


def optional_reference(body: Body, name: str) -> str | None:
    """Read such an id, or None."""
    return None if body.get(name) is None else reference(body, name)


def kind(body: Body, name: str) -> str:
    """Read a lower-case identifier such as ``press`` or ``config.apply``."""
    return _matching(body, name, _KIND, "a lower-case name of at most 64 characters")


def token(body: Body, name: str) -> str:
    """Read a secret; the error never repeats it."""
    return _matching(body, name, _TOKEN, "1 to 256 printable ASCII characters")


def text(body: Body, name: str, *, longest: int) -> str:
    """Read a string of bounded length."""
    value = body.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(f"/{name}", f"a string of at most {longest} characters")
    return value


def optional_text(body: Body, name: str, *, longest: int) -> str | None:
    """Read such a string, or None."""
    return None if body.get(name) is None else text(body, name, longest=longest)


def boolean(body: Body, name: str, *, at: str = "") -> bool:
    """Read true or false; 0 and 1 are numbers."""
    value = body.get(name)
    if not isinstance(value, bool):
        raise invalid(f"{at}/{name}", "true or false")
    return value


def integer(body: Body, name: str, *, lowest: int, highest: int, at: str = "") -> int:
    """Read a whole number within bounds; true and 1.0 are not whole numbers."""
    value = body.get(name)
    if not is_integer(value) or not lowest <= value <= highest:
        raise invalid(f"{at}/{name}", f"a whole number from {lowest} to {highest}")
    return value


def optional_integer(body: Body, name: str, *, lowest: int, highest: int, default: int) -> int:
    """Read such a number, or take the default when it is absent."""
    if body.get(name) is None:
        return default
    return integer(body, name, lowest=lowest, highest=highest)


def optional_seconds(body: Body, name: str) -> float | None:
    """Read a waiting time, or None."""
    value = body.get(name)
    if value is None:
        return None
    if not is_number(value) or not 0 <= value <= limits.MAX_RETRY_AFTER_SECONDS:
        raise invalid(f"/{name}", f"seconds from 0 to {limits.MAX_RETRY_AFTER_SECONDS}")
    return float(value)


def moment(body: Body, name: str) -> datetime:
    """Read an RFC 3339 time as an aware datetime in UTC."""
    parsed = parse_moment(body.get(name))
    if parsed is None:
        raise invalid(f"/{name}", "an RFC 3339 time with its offset")
    return parsed


def optional_moment(body: Body, name: str) -> datetime | None:
    """Read such a time, or None."""
    return None if body.get(name) is None else moment(body, name)


def document(body: Body, name: str) -> Mapping[str, Any]:
    """Read a JSON object."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise invalid(f"/{name}", "an object")
    return value


def parse_moment(value: object) -> datetime | None:
    """Return the time in UTC, or None when the text is no RFC 3339 time we can hold."""
    if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
        return None
    try:
        parsed = datetime.fromisoformat(value.upper())
        if parsed.tzinfo is not UTC:
            parsed = parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if limits.MIN_YEAR <= parsed.year <= limits.MAX_YEAR else None


def is_integer(value: object) -> TypeGuard[int]:
    """Say whether this is a whole number and not a boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Say whether this is a number and not a boolean; the decoder made sure it is finite."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _matching(body: Body, name: str, pattern: re.Pattern[str], expected: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise invalid(f"/{name}", expected)
    return value
