"""Read model of the first page of the console: the fleet in numbers, and what needs somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from fleet import selectors as fleet
from fleet.choices import Counting, Need
from fleet.types import Attention, Overview, SimulatedFleet
from kernel.actors import Actor
from ops import fleet_tiles, fleet_trends, fleet_versions, needs, site_board

RANGES: Final[Mapping[str, str]] = MappingProxyType(
    {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
)
_FIRST_NEEDS: Final = 8
_ALL_NEEDS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the address of the page asks for."""

    range: str = "24h"
    need: str = ""
    is_whole: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedList:
    """What needs somebody: the lines that are shown, how much there is of each, what is left."""

    lines: Sequence[needs.Line]
    counts: Sequence[tuple[str, str, int]]
    total: int
    left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """Everything the first page shows."""

    overview: Overview
    tiles: Sequence[fleet_tiles.Tile]
    needs: NeedList
    trends: fleet_trends.Trends
    versions: Sequence[fleet_versions.VersionClass]
    board: site_board.SiteBoard
    simulated: SimulatedFleet
    # The figures are of real devices, unless there are none.
    counts_simulated: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is no device at all."""
        return self.overview.total == 0


def sheet(*, actor: Actor, asked: Asked, now: datetime) -> Sheet:
    """The first page of an actor's console."""
    found = fleet.overview(actor=actor, now=now)
    counts_simulated = found.real.total == 0
    counted = found.simulated if counts_simulated else found.real
    attention = fleet.attention(
        actor=actor,
        now=now,
        need=asked.need,
        limit=_ALL_NEEDS if asked.need or asked.is_whole else _FIRST_NEEDS,
        known=found,
    )
    trend = fleet.trend(
        actor=actor,
        range_name=asked.range,
        counting=Counting.SIMULATED if counts_simulated else Counting.REAL,
        now=now,
    )
    names_tenants = len(actor.roles) > 1
    return Sheet(
        overview=found,
        tiles=fleet_tiles.tiles(found, counted),
        needs=_needs(attention, asked, now, names_tenants=names_tenants),
        trends=fleet_trends.trends(trend, counted),
        versions=fleet_versions.versions(found.versions),
        board=site_board.board(found.sites, names_tenants=names_tenants),
        simulated=fleet.simulated_fleet(actor=actor),
        counts_simulated=counts_simulated,
    )


def _needs(attention: Attention, asked: Asked, now: datetime, *, names_tenants: bool) -> NeedList:
    counts = attention.counts
    asked_for = counts.get(asked.need, 0) if asked.need else attention.total
    return NeedList(
        lines=[needs.line(item, now=now, names_tenants=names_tenants) for item in attention.items],
        counts=[(name, needs.LABELS[name], counts[name]) for name in Need.values if name in counts],
        total=attention.total,
        left=max(asked_for - len(attention.items), 0),
    )
