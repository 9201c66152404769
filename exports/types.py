"""Values that exports pass around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kernel.actors import Actor

# Numbers and truths stay what they are; a text is made harmless for spreadsheets; what is nested is
# written as JSON. None is an empty cell.
Cell = str | int | float | bool | datetime | Mapping[str, Any] | Sequence[Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column a file may have: its name in the file, and what people call it."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PageOrder:
    """The next rows that are wanted: of what, in which columns, and from where on.

    `actor` is the requester with the roles of this moment, `choice` what `Kind.clean` returned,
    `after` what the last page gave; None at the beginning.
    """

    actor: Actor
    tenant_id: int
    choice: Mapping[str, Any]
    columns: Sequence[str]
    after: str | None
    limit: int
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows in the order of the columns; `after` continues them, None ends the file."""

    rows: Sequence[Sequence[Cell]] = field(default_factory=tuple)
    after: str | None = None
