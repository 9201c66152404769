"""Values that readers of the audit log pass around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which entries; what is left empty narrows nothing.

    `who` is found in the name of who did it, or is their whole id. An `action` that ends with a
    dot is the beginning of one. `scope` is `platform`, `tenant` or both.
    """

    who: str = ""
    action: str = ""
    target_type: str = ""
    target_id: str = ""
    request_id: str = ""
    scope: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPage:
    """Some entries, the newest first; `after` goes on behind them, None at the end of the log.

    A page that is not full and goes on has looked through as many entries as one page may.
    """

    entries: Sequence[Any]
    after: int | None = None
    looked_back_to: datetime | None = None
