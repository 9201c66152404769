"""What the explanation of a command is made from, and what it is made of. Plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commands.types import CommandView, Effect


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One line of a command's history; `by` is the name of who is behind it, if anybody is."""

    to_state: str
    note: str
    at: datetime
    from_state: str = ""
    by: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocker:
    """An earlier command that goes first."""

    id: str
    kind: str
    state: str
    sent_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How the device stands, and since when."""

    is_online: bool
    is_paired: bool
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that is known of a command and of what it waits for."""

    command: CommandView
    moves: Sequence[Move]
    device: Standing
    sends: int = 0
    max_sends: int = 1
    timeout_at: datetime | None = None
    is_worn_out: bool = False
    is_cancel_sent: bool = False
    blocker: Blocker | None = None
    batch: dict[str, Any] | None = None
    effects: Sequence[Effect] = ()
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """Something that happened or is waited for."""

    code: str
    text: str
    at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One link from the first trigger (`trigger`) over the command to its last `effect`."""

    role: str
    kind: str
    id: str
    text: str
    at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The answer to "why?": in short, what happened, what is waited for, and what led to what."""

    summary: Sentence
    story: tuple[Sentence, ...]
    waits_for: tuple[Sentence, ...]
    chain: tuple[Link, ...]
