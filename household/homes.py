"""The first page of the app: favourites, rooms, and how many devices there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q

from devices import selectors as devices
from devices.selectors.tags import tags_visible_to
from household import arrangement, rooms
from household.tiles import Tile, tiles_of
from kernel.actors import Actor

# A household has a handful; who has hundreds has the console.
MOST_SHOWN: Final = 48
NO_ROOM: Final = "Everything else"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """How many devices the viewer has, how many are online, how many are simulated."""

    total: int
    online: int
    simulated: int

    @property
    def offline(self) -> int:
        """Those that cannot be switched right now."""
        return self.total - self.online


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Devices under one heading; `where` names the home, where there are several."""

    title: str
    where: str
    tiles: Sequence[Tile]


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomChoice:
    """A room to look at alone."""

    name: str
    devices: int
    is_shown: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """A setup that was begun and left."""

    uid: str
    name: str
    step: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """Everything the first page shows."""

    counters: Counters
    choices: Sequence[RoomChoice]
    shown_room: str
    favourites: Sequence[Tile]
    sections: Sequence[Section]
    left_out: int
    unfinished: Unfinished | None

    @property
    def switches(self) -> int:
        """How many switches the page shows."""
        return sum(len(tile.relays) for tile in self._tiles)

    @property
    def switched_on(self) -> int:
        """How many of them are confirmed on."""
        return sum(1 for tile in self._tiles for relay in tile.relays if relay.is_on)

    @property
    def _tiles(self) -> list[Tile]:
        return [*self.favourites, *(tile for each in self.sections for tile in each.tiles)]

    @property
    def is_whole(self) -> bool:
        """Whether every device of the viewer is on the page."""
        return not (self.left_out or self.shown_room)


def home(*, actor: Actor, room: str, now: datetime) -> Home:
    """The viewer's devices by room, favourites first; with `room` only those in it."""
    arranged = arrangement.read(actor=actor)
    visible = devices.devices_visible_to(actor)
    choices = _choices(actor, room)
    shown = room if any(choice.is_shown for choice in choices) else ""
    found = devices.with_sync(visible.with_tag(rooms.tag_of(shown)) if shown else visible)
    rows = list(found.order_by("name", "pk")[: MOST_SHOWN + 1])
    missing = set(arranged.favourites) - {row.uid for row in rows}
    if missing and not shown:
        rows = [*devices.with_sync(visible.filter(uid__in=missing)), *rows]
    tiles = tiles_of(rows[:MOST_SHOWN], actor=actor, favourites=arranged.favourites, now=now)
    counters = _counters(visible)
    return Home(
        counters=counters,
        choices=choices,
        shown_room=shown,
        favourites=() if shown else _favourites(tiles, arranged.favourites),
        sections=_sections([tile for tile in tiles if shown or not tile.is_favourite]),
        left_out=0 if shown else counters.total - len(tiles),
        unfinished=_unfinished(visible, arranged),
    )


def rooms_of(actor: Actor) -> list[str]:
    """The rooms the viewer's devices stand in, by name."""
    return [tag.value for tag in _room_tags(actor)]


def _room_tags(actor: Actor) -> list[Any]:
    found = tags_visible_to(actor, beginning=f"{rooms.KEY}=", limit=50)
    return [tag for tag in found if tag.key == rooms.KEY and tag.value]


def _choices(actor: Actor, room: str) -> list[RoomChoice]:
    return [
        RoomChoice(name=tag.value, devices=tag.devices, is_shown=tag.value == room)
        for tag in _room_tags(actor)
    ]


def _counters(visible: Any) -> Counters:
    return Counters(
        **visible.order_by().aggregate(
            total=Count("pk"),
            online=Count("pk", filter=Q(presence__is_online=True)),
            simulated=Count("pk", filter=Q(is_simulated=True)),
        )
    )


def _favourites(tiles: Sequence[Tile], order: Sequence[str]) -> list[Tile]:
    place = {uid: number for number, uid in enumerate(order)}
    return sorted((tile for tile in tiles if tile.is_favourite), key=lambda tile: place[tile.uid])


def _sections(tiles: Sequence[Tile]) -> list[Section]:
    """By room; what stands in none goes by its home, and at the end."""
    several = len({tile.site for tile in tiles if tile.site}) > 1
    grouped: dict[tuple[bool, str, str], list[Tile]] = {}
    for tile in tiles:
        title = tile.room or tile.site or NO_ROOM
        where = tile.site if several and tile.room else ""
        grouped.setdefault((not tile.room, title, where), []).append(tile)
    return [
        Section(title=title, where=where, tiles=members)
        for (_, title, where), members in sorted(
            grouped.items(), key=lambda item: (item[0][0], item[0][1] == NO_ROOM, item[0][1:])
        )
    ]


def _unfinished(visible: Any, arranged: arrangement.Arrangement) -> Unfinished | None:
    if not arranged.setup_uid:
        return None
    device = visible.filter(uid=arranged.setup_uid).first()
    if device is None:
        return None
    return Unfinished(uid=device.uid, name=device.name or device.uid, step=arranged.setup_step)
