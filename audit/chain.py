"""The hash chain: canonical bytes of an entry and the hash that binds it to the one before.

Pure functions. An entry is hashed from the values that a database gives back, so a value is
brought to a form first that survives every store unchanged: jsonb keeps neither the order of
keys nor the difference between 1e22 and 10000000000000000000000.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

GENESIS: Final = "0" * 64
MAX_DEPTH: Final = 32


class NotRecordable(ValueError):
    """A value that JSON, or one of the databases, cannot hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything an entry says; all of it is hashed."""

    chain_id: int
    seq: int
    tenant_id: int | None
    at: datetime
    action: str
    actor: Mapping[str, str]
    request_id: str
    target_type: str
    target_id: str
    before: Any
    after: Any
    cause: Any


def canonical_bytes(facts: Facts) -> bytes:
    """The entry as UTF-8 JSON with sorted keys and without spaces (after RFC 8785)."""
    document = {
        "action": facts.action,
        "actor": dict(facts.actor),
        "after": storable(facts.after),
        "at": rfc3339(facts.at),
        "before": storable(facts.before),
        "cause": storable(facts.cause),
        "chain_id": facts.chain_id,
        "request_id": facts.request_id,
        "seq": facts.seq,
        "target_id": facts.target_id,
        "target_type": facts.target_type,
        "tenant_id": facts.tenant_id,
    }
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def entry_hash(previous_hash: str, facts: Facts) -> str:
    """SHA-256 in hex over the previous hash and the entry's canonical bytes."""
    return hashlib.sha256(previous_hash.encode("ascii") + canonical_bytes(facts)).hexdigest()


def rfc3339(moment: datetime) -> str:
    """The time in UTC with all six digits of the microsecond."""
    if moment.tzinfo is None:
        raise NotRecordable("a time without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def storable(value: Any, *, depth: int = 0) -> Any:
    """The value as plain JSON that reads back the same from any store.

    A whole float becomes an integer, a time becomes text, a tuple a list, a key text. Raises
    NotRecordable for anything else than that. Applying it twice changes nothing.
    """
    if depth > MAX_DEPTH:
        raise NotRecordable("nested too deep")
    if isinstance(value, Mapping):
        return {_text(str(key)): storable(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item, depth=depth + 1) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return rfc3339(value)
    raise NotRecordable(f"a {type(value).__name__} is no JSON")


def _number(value: float) -> int | float:
    if not isfinite(value):
        raise NotRecordable("a number that is not finite")
    return int(value) if value.is_integer() else float(value)


def _text(value: str) -> str:
    if "\0" in value:
        raise NotRecordable("a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotRecordable("a lone surrogate") from None
    # The plain text of a text enumeration, not the enumeration.
    return str.__str__(value)
