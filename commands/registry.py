"""Kinds of commands: who turns them into protocol messages and applies their outcome.

Higher apps register their kinds at start-up; the ledger calls them without importing them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commands import errors
from commands.types import Outcome
from kernel.startup import require_starting_up

Encode = Callable[[str, dict[str, Any], datetime], Any]
Apply = Callable[[Outcome, datetime], dict[str, Any] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of command.

    `encode(command_uid, payload, expires_at)` makes the protocol message; `apply(outcome, now)`
    runs in the transaction of the outcome and returns what is kept as the command's result.
    """

    name: str
    encode: Encode
    apply: Apply


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind while the apps start up; a name can be taken once."""
    require_starting_up("registry of command kinds")
    if kind.name in _kinds and _kinds[kind.name] != kind:
        raise ValueError(f"There is a kind {kind.name!r} already.")
    _kinds[kind.name] = kind


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises UnknownKind."""
    try:
        return _kinds[name]
    except KeyError:
        raise errors.UnknownKind(details={"kind": [f"There is no kind {name!r}."]}) from None
