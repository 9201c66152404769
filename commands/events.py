"""Facts about commands, published on commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class CommandQueued(DomainEvent):
    """A command was written into the ledger and waits for its device."""

    name: ClassVar[str] = "commands.command.queued.v1"
    device_id: int
    command_uid: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class CommandSettled(DomainEvent):
    """A command has an outcome, or its outcome is unknown for now."""

    name: ClassVar[str] = "commands.command.settled.v1"
    device_id: int
    command_uid: str
    kind: str
    state: str
    seconds: float
    command: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class CancelAsked(DomainEvent):
    """Somebody wants a command undone that its device may have by now: the device is to be told."""

    name: ClassVar[str] = "commands.command.cancel_asked.v1"
    device_id: int
    command_uid: str


@dataclass(frozen=True, kw_only=True)
class LaneFreed(DomainEvent):
    """A command left the way to its device; the next of its lane may go."""

    name: ClassVar[str] = "commands.lane.freed.v1"
    device_id: int
