"""Sites on a map without tiles: a plain projection, a grid of degrees, and marks that never overlap.

Nothing is fetched, so it works without the internet; the table beside it says the same in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, cos, floor, radians, sqrt
from typing import Final

# What stands out most comes first: a cluster shows the first state of its sites.
STATES: Final = ("out", "some", "good", "never", "empty")
# Degrees between two lines of the grid.
_STEPS: Final = (45.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
_LINES: Final = 4
# A single house still gets its neighbourhood: about two kilometres.
_LEAST_SPAN: Final = 0.02
_MARGIN: Final = 44.0
_KM_PER_DEGREE: Final = 111.32
_LETTER: Final = 6.6
_LABEL_HEIGHT: Final = 16.0
_LONGEST_LABEL: Final = 22
# Two marks are at least so far apart, or they are one.
APART: Final = 34.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A site to be drawn."""

    key: str
    name: str
    text: str
    href: str
    latitude: float
    longitude: float
    state: str
    devices: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One site, or several that are too close to be told apart."""

    x: float
    y: float
    state: str
    spots: Sequence[Spot]
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    anchor: str = "start"

    @property
    def is_cluster(self) -> bool:
        """Whether it stands for several sites."""
        return len(self.spots) > 1

    @property
    def radius(self) -> float:
        """How large it is drawn."""
        devices = sum(spot.devices for spot in self.spots)
        return 13.0 if self.is_cluster else round(min(7 + sqrt(devices) / 2, 12), 1)

    @property
    def path(self) -> str:
        """Its outline: the shape tells the state where the colour does not."""
        return _outline(self.state, self.x, self.y, self.radius)

    @property
    def text(self) -> str:
        """What is said of it."""
        return "; ".join(spot.text for spot in self.spots)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the grid and its degrees."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteMap:
    """Everything a template draws, in the pixels of a box of width by height."""

    width: int
    height: int
    marks: Sequence[Mark]
    meridians: Sequence[Line]
    parallels: Sequence[Line]
    scale_px: float = 0.0
    scale_text: str = ""


@dataclass(slots=True)
class _Cluster:
    x: float
    y: float
    spots: list[Spot] = field(default_factory=list)


def draw(spots: Sequence[Spot], *, width: int, height: int) -> SiteMap | None:
    """The map that has all of them, north above; None where there is nothing to draw."""
    if not spots:
        return None
    view = _View(spots, width, height)
    clusters = clustered([(spot, *view.place(spot.longitude, spot.latitude)) for spot in spots])
    marks = [
        Mark(
            x=cluster.x,
            y=cluster.y,
            state=min((spot.state for spot in cluster.spots), key=STATES.index),
            spots=tuple(cluster.spots),
        )
        for cluster in clusters
    ]
    scale_px, scale_text = view.scale()
    return SiteMap(
        width=width,
        height=height,
        marks=_labelled(marks, width, height),
        meridians=view.meridians(),
        parallels=view.parallels(),
        scale_px=scale_px,
        scale_text=scale_text,
    )


def clustered(placed: Sequence[tuple[Spot, float, float]]) -> list[_Cluster]:
    """Marks that are at least APART: each site joins the first mark it would touch.

    The largest sites are placed first and keep their places.
    """
    found: list[_Cluster] = []
    for spot, x, y in sorted(placed, key=lambda each: (-each[0].devices, each[0].key)):
        near = next(
            (each for each in found if (each.x - x) ** 2 + (each.y - y) ** 2 < APART**2), None
        )
        if near is None:
            near = _Cluster(x, y)
            found.append(near)
        near.spots.append(spot)
    return found


def window(longitudes: Sequence[float]) -> tuple[float, float]:
    """The narrowest window of longitudes that has all of them; it may reach beyond 180."""
    ordered = sorted(set(longitudes))
    gaps = [(after - before, after, before) for before, after in pairwise(ordered)]
    gaps.append((ordered[0] + 360 - ordered[-1], ordered[0], ordered[-1]))
    _, west, east = max(gaps)
    return west, east if east >= west else east + 360


class _View:
    """How degrees become pixels: straight lines, true to scale in the middle."""

    def __init__(self, spots: Sequence[Spot], width: int, height: int) -> None:
        self._width, self._height = width, height
        self._west, east = window([spot.longitude for spot in spots])
        latitudes = [spot.latitude for spot in spots]
        self._middle = (min(latitudes) + max(latitudes)) / 2
        self._centre = (self._west + east) / 2
        # A degree of longitude is shorter than one of latitude, but never nothing.
        self._narrowing = max(cos(radians(self._middle)), 0.1)
        across = max(east - self._west, _LEAST_SPAN) * self._narrowing
        upright = max(max(latitudes) - min(latitudes), _LEAST_SPAN)
        self._pixels = min((width - 2 * _MARGIN) / across, (height - 2 * _MARGIN) / upright)

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a place is drawn."""
        east_of = longitude if longitude >= self._west else longitude + 360
        return (self._x(east_of), self._y(latitude))

    def _x(self, longitude: float) -> float:
        shift = (longitude - self._centre) * self._narrowing * self._pixels
        return round(self._width / 2 + shift, 1)

    def _y(self, latitude: float) -> float:
        return round(self._height / 2 - (latitude - self._middle) * self._pixels, 1)

    def meridians(self) -> list[Line]:
        """Lines from north to south."""
        half = self._width / 2 / (self._pixels * self._narrowing)
        return [
            Line(at=self._x(at), text=_degrees((at + 180) % 360 - 180, "E", "W"))
            for at in _multiples(self._centre - half, self._centre + half)
        ]

    def parallels(self) -> list[Line]:
        """Lines from west to east."""
        half = self._height / 2 / self._pixels
        south, north = max(self._middle - half, -90.0), min(self._middle + half, 90.0)
        return [
            Line(at=self._y(at), text=_degrees(at, "N", "S")) for at in _multiples(south, north)
        ]

    def scale(self) -> tuple[float, str]:
        """A bar of a round number of kilometres: its length and its text."""
        per_km = self._pixels / _KM_PER_DEGREE
        found = 0.1
        for power in range(5):
            for digit in (1, 2, 5):
                length = digit * 10 ** (power - 1)
                if length * per_km <= self._width / 5:
                    found = length
        text = f"{found:.0f} km" if found >= 1 else f"{found * 1000:.0f} m"
        return round(found * per_km, 1), text


def _multiples(low: float, high: float) -> list[float]:
    step = next((each for each in _STEPS if (high - low) / each >= _LINES), _STEPS[-1])
    return [round(number * step, 2) for number in range(ceil(low / step), floor(high / step) + 1)]


def _degrees(value: float, positive: str, negative: str) -> str:
    text = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    side = positive if value > 0 else negative if value < 0 else ""
    return f"{text}° {side}".strip()


def _outline(state: str, x: float, y: float, radius: float) -> str:
    if state == "out":
        half = round(radius * 0.9, 1)
        return f"M{x - half:.1f} {y - half:.1f}h{2 * half:.1f}v{2 * half:.1f}h{-2 * half:.1f}z"
    if state == "some":
        tall = round(radius * 1.25, 1)
        return (
            f"M{x:.1f} {y - tall:.1f}L{x + tall:.1f} {y:.1f}"
            f"L{x:.1f} {y + tall:.1f}L{x - tall:.1f} {y:.1f}z"
        )
    return (
        f"M{x - radius:.1f} {y:.1f}a{radius} {radius} 0 1 0 {2 * radius:.1f} 0"
        f"a{radius} {radius} 0 1 0 {-2 * radius:.1f} 0z"
    )


Box = tuple[float, float, float, float]


def _labelled(marks: Sequence[Mark], width: int, height: int) -> list[Mark]:
    """The marks with their names, where there is room for a name."""
    taken: list[Box] = [
        (mark.x - mark.radius, mark.y - mark.radius, mark.x + mark.radius, mark.y + mark.radius)
        for mark in marks
    ]
    found = []
    for mark in marks:
        name = f"{len(mark.spots)} sites" if mark.is_cluster else _short(mark.spots[0].name)
        wide = len(name) * _LETTER
        for anchor, x, y, box in _sides(mark, wide):
            if _is_inside(box, width, height) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                found.append(_named(mark, name, anchor, x, y))
                break
        else:
            found.append(mark)
    return found


def _sides(mark: Mark, wide: float) -> list[tuple[str, float, float, Box]]:
    gap, half = mark.radius + 7, _LABEL_HEIGHT / 2
    right, left = mark.x + gap, mark.x - gap
    below, above = mark.y + gap + half, mark.y - gap - half
    across = (mark.x - wide / 2, mark.x + wide / 2)
    return [
        ("start", right, mark.y, (right, mark.y - half, right + wide, mark.y + half)),
        ("end", left, mark.y, (left - wide, mark.y - half, left, mark.y + half)),
        ("middle", mark.x, below, (across[0], below - half, across[1], below + half)),
        ("middle", mark.x, above, (across[0], above - half, across[1], above + half)),
    ]


def _is_inside(box: Box, width: int, height: int) -> bool:
    return box[0] >= 4 and box[1] >= 4 and box[2] <= width - 4 and box[3] <= height - 4


def _overlap(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _named(mark: Mark, name: str, anchor: str, x: float, y: float) -> Mark:
    return Mark(
        x=mark.x,
        y=mark.y,
        state=mark.state,
        spots=mark.spots,
        label=name,
        label_x=round(x, 1),
        label_y=round(y + 4, 1),
        anchor=anchor,
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
