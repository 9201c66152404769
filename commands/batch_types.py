"""Frozen values about batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchOrder:
    """What is to be asked of many devices; `target` names them as `{name: value}`."""

    kind: str
    payload: dict[str, Any]
    target: dict[str, Any]
    delivery: str | None = None
    expires_in_s: int | None = None
    per_minute: int | None = None
    abort_percent: int | None = None
    abort_sample: int = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchCounts:
    """How many members of a batch are where.

    `open` have a command without an outcome; `unknown` are among the `failed`: nobody will tell
    any more what became of them.
    """

    pending: int = 0
    skipped: int = 0
    open: int = 0
    succeeded: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0

    @property
    def finished(self) -> int:
        """Members whose command has an outcome that tells of success or failure."""
        return self.succeeded + self.failed

    @property
    def total(self) -> int:
        """All members that were counted."""
        ended = self.succeeded + self.failed + self.cancelled
        return self.pending + self.skipped + self.open + ended

    def as_json(self) -> dict[str, int]:
        """The counts as plain JSON values."""
        return {
            "pending": self.pending,
            "skipped": self.skipped,
            "open": self.open,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "unknown": self.unknown,
            "cancelled": self.cancelled,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchView:
    """A batch as every interface shows it."""

    id: str
    kind: str
    payload: dict[str, Any]
    target: dict[str, Any]
    delivery: str
    lifetime_s: int
    state: str
    reason: str
    per_minute: int | None
    abort_percent: int | None
    abort_sample: int
    total: int
    counts: BatchCounts
    seconds_left: float | None
    cause: list[dict[str, Any]]
    created_by: str
    created_at: datetime
    paused_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchPreview:
    """What a batch would do now, without doing it."""

    target: str
    total: int
    online: int
    refused_offline: int
    without_capability: int
    first: list[dict[str, str]]
    seconds: float | None
