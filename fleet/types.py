"""What is told of a fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How many devices stand how; `stale` ones are among the online."""

    total: int = 0
    online: int = 0
    stale: int = 0
    never_connected: int = 0
    in_sync: int = 0
    drifting: int = 0

    @property
    def offline(self) -> int:
        """Those that were connected once and are gone."""
        return self.total - self.online - self.never_connected

    @property
    def sync_unknown(self) -> int:
        """Those of which nothing was ever desired."""
        return self.total - self.in_sync - self.drifting

    def __add__(self, other: Standing) -> Standing:
        return Standing(
            total=self.total + other.total,
            online=self.online + other.online,
            stale=self.stale + other.stale,
            never_connected=self.never_connected + other.never_connected,
            in_sync=self.in_sync + other.in_sync,
            drifting=self.drifting + other.drifting,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteStanding:
    """A place and how its devices stand."""

    site_id: str
    name: str
    tenant_uid: str
    latitude: Decimal | None
    longitude: Decimal | None
    real: Standing
    simulated: Standing
    is_out: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionCount:
    """How many devices of a class run a firmware; simulated ones are told apart."""

    device_class: str
    firmware_version: str
    real: int
    simulated: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.real + self.simulated


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The fleet of an actor in numbers: the real ones are the figures that count."""

    at: datetime
    real: Standing
    simulated: Standing
    unpaired: int
    sites: Sequence[SiteStanding]
    versions: Sequence[VersionCount]

    @property
    def total(self) -> int:
        """All living devices."""
        return self.real.total + self.simulated.total


@dataclass(frozen=True, kw_only=True, slots=True)
class Needy:
    """One thing that needs somebody: a device, or a whole site."""

    need: str
    severity: str
    since: datetime
    name: str
    device_uid: str = ""
    site_id: str = ""
    site_name: str = ""
    tenant_uid: str = ""
    is_simulated: bool = False
    count: int = 1
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """What needs somebody, the most urgent first, and how much there is of each need."""

    items: Sequence[Needy]
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class TrendPoint:
    """What the tallies of one step came to; every figure is None where none was taken."""

    at: datetime
    total: int | None = None
    online: int | None = None
    never_connected: int | None = None
    drifting: int | None = None
    failed_commands: int | None = None
    online_share: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """The course of the fleet's figures over a range; a gap is a step without a tally."""

    range: str
    step_s: int
    counting: str
    points: Sequence[TrendPoint]


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedFleet:
    """Simulated devices that the installation itself runs for the actor: `running` of them."""

    may_manage: bool
    is_offered: bool = False
    running: int = 0
