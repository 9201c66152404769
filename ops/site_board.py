"""Sites on one board: rows, what is worst first, and maps of those whose place is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from fleet.types import SiteStanding, Standing
from ops import site_map

_SHOWN: Final = 8
# Width and height of the map for wide screens and for narrow ones.
_MAPS: Final = {"wide": (780, 400), "narrow": (340, 300)}


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRow:
    """A site as the board shows it."""

    name: str
    href: str
    state: str
    text: str
    online: int
    total: int

    @property
    def share(self) -> float:
        """How many of a hundred are online."""
        return round(self.online / self.total * 100, 1) if self.total else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteBoard:
    """The board: rows, how many more there are, the maps by name, and who is on none."""

    rows: Sequence[SiteRow]
    more: int
    maps: Mapping[str, site_map.SiteMap]
    unplaced: int


def board(sites: Sequence[SiteStanding], *, names_tenants: bool) -> SiteBoard:
    """The board of these sites; `names_tenants` where the viewer has several."""
    rows = [_row(site, names_tenants=names_tenants) for site in sites]
    spots = [
        site_map.Spot(
            key=f"{site.tenant_uid}/{site.site_id}",
            name=site.name,
            text=f"{site.name}: {row.text}",
            href=row.href,
            latitude=float(site.latitude),
            longitude=float(site.longitude),
            state=row.state,
            devices=row.total,
        )
        for site, row in zip(sites, rows, strict=True)
        if site.latitude is not None and site.longitude is not None
    ]
    ordered = sorted(rows, key=lambda row: (site_map.STATES.index(row.state), row.share, row.name))
    maps = {
        name: site_map.draw(spots, width=width, height=height)
        for name, (width, height) in _MAPS.items()
    }
    return SiteBoard(
        rows=ordered[:_SHOWN],
        more=len(ordered[_SHOWN:]),
        maps={name: drawn for name, drawn in maps.items() if drawn is not None},
        unplaced=len(sites) - len(spots),
    )


def _row(site: SiteStanding, *, names_tenants: bool) -> SiteRow:
    counted = site.real if site.real.total else site.simulated
    address = reverse("ops:site", kwargs={"site_id": site.site_id})
    return SiteRow(
        name=site.name,
        # The same id may name a site of another tenant of the viewer.
        href=f"{address}?{urlencode({'tenant': site.tenant_uid})}" if names_tenants else address,
        state=_state(counted, is_out=site.is_out),
        text=_told(counted, is_simulated=not site.real.total, is_out=site.is_out),
        online=counted.online,
        total=counted.total,
    )


def _state(counted: Standing, *, is_out: bool) -> str:
    if is_out or (counted.offline and not counted.online):
        return "out"
    if counted.offline:
        return "some"
    if counted.online:
        return "good"
    return "never" if counted.total else "empty"


def _told(counted: Standing, *, is_simulated: bool, is_out: bool) -> str:
    if not counted.total:
        return "no devices"
    told = f"{counted.online} of {counted.total} online"
    told += ", simulated" if is_simulated else ""
    return f"{told}, an outage is going on" if is_out else told
