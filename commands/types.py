"""Frozen values about commands."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Terms:
    """How a command is to be delivered; what is None is as its kind has it."""

    delivery: str | None = None
    expires_in_s: int | None = None
    coalesce: bool | None = None


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
    progress: dict[str, Any] | None = None
    cancel_asked_at: datetime | None = None

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
            "progress": self.progress,
            "cancel_asked_at": _iso(self.cancel_asked_at),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherCommand:
    """A command that another one has to do with."""

    id: str
    kind: str
    state: str
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """The command as plain JSON values."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "created_at": self.created_at.isoformat(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What would become of a request: sent now, kept for later, or refused and why.

    `waits_for` are the commands of its device that go before it, `supersedes` those it makes
    pointless. A refusal has the code, the sentence and the details the request itself would get.
    """

    verdict: str
    message: str
    kind: str
    delivery: str | None = None
    payload: dict[str, Any] | None = None
    lane: str | None = None
    expires_at: datetime | None = None
    is_reachable: bool | None = None
    last_seen_at: datetime | None = None
    waits_for: tuple[OtherCommand, ...] = ()
    supersedes: tuple[OtherCommand, ...] = ()
    code: str = ""
    status: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The preview as plain JSON values."""
        return {
            "verdict": self.verdict,
            "message": self.message,
            "kind": self.kind,
            "delivery": self.delivery,
            "payload": self.payload,
            "lane": self.lane,
            "expires_at": _iso(self.expires_at),
            "is_reachable": self.is_reachable,
            "last_seen_at": _iso(self.last_seen_at),
            "waits_for": [other.as_json() for other in self.waits_for],
            "supersedes": [other.as_json() for other in self.supersedes],
            "code": self.code,
            "status": self.status,
            "details": self.details,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a device's answer amounts to, for the handler of the command's kind.

    `relays` are the device's words when they can be believed to be its newest, None otherwise.
    `is_first_answer` tells that the command was sent once and is answered in time, so that
    nothing can have happened since; else `sent_at` says what may be older. `is_outdated` tells
    that the device has said something newer since: no position follows from this answer.
    `result` is what the device gave back.
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
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """Something that a command has changed: a code for programs, a sentence for people."""

    code: str
    text: str
    at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
