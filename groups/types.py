"""Values that groups pass around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from groups.query import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupChanges:
    """An edit of a group; what is None stays as it is."""

    name: str | None = None
    description: str | None = None
    query: str | None = None
    query_filter: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MembersEdit:
    """Devices of a static group by uid: to be put in and taken out, or to be all of them."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    only: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MembersChanged:
    """What became of an edit; `unknown` are uids of no device that may be put in."""

    joined: int = 0
    left: int = 0
    unchanged: int = 0
    unknown: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Many devices, in one of the ways: by uid, as a group's (by its uid), or by a query."""

    devices: Sequence[str] | None = None
    group: str | None = None
    query: str | None = None
    query_filter: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """How many devices a query finds, and the first of them."""

    count: int
    first: Sequence[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyInGroup:
    """Whether a device is in a group and why; `since` is when the journal noticed."""

    is_member: bool
    conditions: Sequence[Verdict] = ()
    since: datetime | None = None
    cause: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the journal that is to be written."""

    device_id: int
    change: str
    cause: dict[str, Any] = field(default_factory=dict)
    leaves: str = ""
