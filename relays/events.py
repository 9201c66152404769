"""Facts about relays, published on commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class RelaySwitched(DomainEvent):
    """A device confirmed, or reported, a new position of one relay."""

    name: ClassVar[str] = "relays.relay.switched.v1"
    device_id: int
    relay_index: int
    is_on: bool
    source: str
