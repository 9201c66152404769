"""Facts about groups, published on commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class DeviceJoinedGroup(DomainEvent):
    """A device is in a group now, for a `choices.Why`; the journal has the line."""

    name: ClassVar[str] = "groups.membership.joined.v1"
    group_id: int
    group_uid: str
    tenant_id: int
    device_id: int
    why: str


@dataclass(frozen=True, kw_only=True)
class DeviceLeftGroup(DomainEvent):
    """A device is in a group no more, for a `choices.Why`; the journal has the line."""

    name: ClassVar[str] = "groups.membership.left.v1"
    group_id: int
    group_uid: str
    tenant_id: int
    device_id: int
    why: str
