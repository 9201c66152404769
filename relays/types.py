"""Frozen values about relays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingSwitch:
    """A command that has been asked of a relay and has no outcome yet."""

    command_id: str
    is_on: bool
    state: str

    def as_json(self) -> dict[str, Any]:
        """The pending switch as plain JSON values."""
        return {"command_id": self.command_id, "is_on": self.is_on, "state": self.state}


@dataclass(frozen=True, kw_only=True, slots=True)
class RelayView:
    """One relay as every interface shows it; `is_on` None means that nobody knows."""

    relay_index: int
    name: str
    is_on: bool | None
    version: int
    source: str
    changed_at: datetime | None
    changed_by: str
    command_id: str | None
    pending: PendingSwitch | None

    def as_json(self) -> dict[str, Any]:
        """The relay as plain JSON values."""
        return {
            "relay_index": self.relay_index,
            "name": self.name,
            "is_on": self.is_on,
            "version": self.version,
            "source": self.source,
            "changed_at": None if self.changed_at is None else self.changed_at.isoformat(),
            "changed_by": self.changed_by,
            "command_id": self.command_id,
            "pending": None if self.pending is None else self.pending.as_json(),
        }
