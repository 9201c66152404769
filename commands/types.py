"""Frozen values about commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be asked of a device.

    `lane` see lanes.py; `coalesce` lets this command supersede older queued ones of its lane.
    """

    kind: str
    payload: dict[str, Any]
    lane: str
    delivery: str
    lifetime: timedelta
    coalesce: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandView:
    """A command as every interface shows it."""

    id: str
    device_uid: str
    kind: str
    payload: dict[str, Any]
    state: str
    reason: str
    result: dict[str, Any] | None
    error: str | None
    cause: list[dict[str, Any]]
    delivery: str
    created_at: datetime
    sent_at: datetime | None
    acked_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime

    def as_json(self) -> dict[str, Any]:
        """The command as plain JSON values."""
        return {
            "id": self.id,
            "device_uid": self.device_uid,
            "kind": self.kind,
            "payload": self.payload,
            "state": self.state,
            "reason": self.reason,
            "result": self.result,
            "error": self.error,
            "cause": self.cause,
            "delivery": self.delivery,
            "created_at": self.created_at.isoformat(),
            "sent_at": _iso(self.sent_at),
            "acked_at": _iso(self.acked_at),
            "finished_at": _iso(self.finished_at),
            "expires_at": self.expires_at.isoformat(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a device's answer amounts to, for the handler of the command's kind.

    `relays` are the device's words when they can be believed to be its newest, None otherwise.
    `is_first_answer` tells that the command was sent once and is answered in time, so that
    nothing can have happened since; else `sent_at` says what may be older. `is_outdated` tells
    that the device has said something newer since: no position follows from this answer.
    """

    device_id: int
    device_uid: str
    tenant_id: int | None
    command_uid: str
    state: str
    payload: dict[str, Any]
    relays: tuple[Any, ...] | None
    is_first_answer: bool
    is_outdated: bool
    sent_at: datetime | None
    cause: list[dict[str, Any]] = field(default_factory=list)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
