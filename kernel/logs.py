"""Logs that carry the request id and can never contain a token."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_request_id: ContextVar[str] = ContextVar("request_id", default="")

REDACTED = "[redacted]"
# Values after a name that holds secrets: in queries, headers, JSON and Python reprs alike. A quoted
# value goes whole, spaces and all, also when the text it stands in was quoted again.
_NAMED = re.compile(
    r"""(?isx)
    ( \b [a-z_-]* (?: password | token | secret (?: [_-]?key )? | api[_-]?key | ticket
        | provision[_-]?key | idempotency[_-]?key | jwt[_-]?keys | claim[_-]?code | authorization
        | cookie | homepot_session | homepot_csrf | sessionid )
      (?: \\*["'] \s* [,:=] | \s* [=:] ) \s* b? )
    (?: (?P<quote> \\*["'] ) (?: \\. | [^\\] )*? (?: (?P=quote) | \Z )
      | (?: bearer \s+ | basic \s+ )? [^\s"'&,;}\]]+ )
    """
)
# Headers and settings whose value is a list: all of it.
_TO_THE_END = re.compile(
    r"""(?ix) ( \b (?: (?: set- )? cookie : | homepot_jwt_keys = ) \s* ) [^\r\n"']+ """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_CREDENTIALS_IN_URL = re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@")
_QUERY = re.compile(r"(/ws/(?:device|client)/?)\?[^\s\"']*")
# 32 random bytes in base64url: every token this product makes.
_LONG_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43,}(?![A-Za-z0-9_-])")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def bind_request_id(request_id: str) -> None:
    """Have log lines and errors of this context carry the request id."""
    _request_id.set(request_id)


def current_request_id() -> str:
    """The request id of this context, or an empty string."""
    return _request_id.get()


def redact(text: str) -> str:
    """The text without anything that looks like a credential."""
    text = _QUERY.sub(r"\1?" + REDACTED, text)
    text = _CREDENTIALS_IN_URL.sub(rf"\1:{REDACTED}@", text)
    text = _JWT.sub(REDACTED, text)
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    text = _TO_THE_END.sub(rf"\1{REDACTED}", text)
    text = _NAMED.sub(_without_value, text)
    return _LONG_TOKEN.sub(REDACTED, text)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Arguments that do not fit must not become an error of whoever logs: logging itself
        # catches them only after the filters.
        return f"{record.msg} {record.args!r}"


def _without_value(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    return f"{match[1]}{quote}{REDACTED}{quote}"


class RedactingFilter(logging.Filter):
    """Rewrites a record so that no handler after it can write a credential."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact message, extra values and traceback; always lets the record pass."""
        record.msg, record.args = redact(_message_of(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        # The exception object itself could be formatted again by someone else.
        record.exc_info = None
        for name, value in vars(record).items():
            if name not in _STANDARD and isinstance(value, str):
                setattr(record, name, redact(value))
        return True


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    extra = {
        name: value if isinstance(value, (int, float, bool, type(None))) else redact(str(value))
        for name, value in vars(record).items()
        if name not in _STANDARD and not name.startswith("_")
    }
    if request_id := current_request_id():
        extra["request_id"] = request_id
    return extra


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON with time, level, logger, message and extras."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_text:
            entry["traceback"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """A line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message and extras on one line; a traceback below."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        extras = "".join(f" {name}={value}" for name, value in _extra(record).items())
        line = f"{at} {record.levelname:<7} {record.name}: {record.getMessage()}{extras}"
        return f"{line}\n{record.exc_text}" if record.exc_text else line
