"""Frozen values of the timeline: what happened, and what led to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class Key(NamedTuple):
    """The place of an entry among all: by time, then by the stream it comes from, then by row."""

    at: datetime
    stream: str
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Something that an entry is about and that can be looked at.

    `kind` is one of `command`, `batch`, `twin`, `config`, `site`, `device`, `audit` and `channel`.
    """

    kind: str
    id: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One link of what led to what: `role` is `cause`, `command` or `effect`."""

    role: str
    text: str
    link: Link | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing that happened; `source` is what a reader filters by."""

    key: Key
    source: str
    code: str
    title: str
    text: str = ""
    tone: str = "idle"
    by: str = ""
    via: str = ""
    request_id: str = ""
    links: Sequence[Link] = ()
    chain: Sequence[Step] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.key.at

    @property
    def uid(self) -> str:
        """What the entry is called: the same on every page that holds it."""
        return f"{self.key.stream}-{self.key.number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Which part of the time is asked for: at most `limit` entries beside `edge`, or the newest.

    `is_newer` asks for what came after the edge instead of before it.
    """

    limit: int
    edge: Key | None = None
    is_newer: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some entries, newest first, and whether there are more on either side."""

    entries: Sequence[Entry]
    has_older: bool
    has_newer: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One thing that explains how a device stands, with where to look and what to do next."""

    code: str
    text: str
    at: datetime | None = None
    links: Sequence[Link] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer to one question about a device: in short, why, and what to do."""

    subject: str
    question: str
    state: str
    tone: str
    summary: str
    since: datetime | None = None
    reasons: Sequence[Reason] = ()
    advice: Sequence[Reason] = ()
