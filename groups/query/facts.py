"""What a query may ask of one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One device as it stands; empty texts and None mean that there is nothing.

    `stale_after` is the silence after which it is called stale while it is online. `tags` maps each
    key to its value, which is empty for a tag that is only a key. `desired_version` 0: nothing was
    ever desired of it.
    """

    uid: str = ""
    hardware_id: str = ""
    device_id: str = ""
    name: str = ""
    device_class: str = ""
    device_type: str = ""
    model: str = ""
    firmware: str = ""
    site: str = ""
    pairing: str = "paired"
    is_simulated: bool = False
    is_online: bool = False
    last_seen_at: datetime | None = None
    stale_after: timedelta = timedelta(seconds=40)
    created_at: datetime | None = None
    claimed_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    desired_version: int = 0
    desired: Any = None
    reported: Any = None
    drift_since: datetime | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
