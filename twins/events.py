"""Facts about twins, published on commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class DesiredChanged(DomainEvent):
    """Somebody desires something else of a device."""

    name: ClassVar[str] = "twins.desired.changed.v1"
    device_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class ReportedChanged(DomainEvent):
    """A device reported that it is different from what was known."""

    name: ClassVar[str] = "twins.reported.changed.v1"
    device_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class DriftBegan(DomainEvent):
    """A device is not any more as it is desired."""

    name: ClassVar[str] = "twins.drift.began.v1"
    device_id: int


@dataclass(frozen=True, kw_only=True)
class DriftEnded(DomainEvent):
    """A device is as it is desired."""

    name: ClassVar[str] = "twins.drift.ended.v1"
    device_id: int
