"""How a time of connectivity is drawn: every second has one state, every cell its worst one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from math import ceil
from types import MappingProxyType
from typing import Final, Protocol

from ops.wording import count_of, lasting

Span = tuple[float, float]
# What stands out most comes first: a cell shows the first of those that touch it.
STATES: Final = MappingProxyType(
    {
        "flapping": "Comes and goes",
        "offline": "Offline",
        "maintenance": "Away in maintenance",
        "online": "Online",
        "unknown": "Not known",
    }
)
HEIGHT: Final = 24
# Colour never speaks alone: what is less than there is lower too.
_HEIGHTS: Final = {"flapping": 24, "online": 24, "offline": 12, "maintenance": 12, "unknown": 3}
_RANKS: Final = {state: rank for rank, state in enumerate(STATES)}


class Facts(Protocol):
    """What is known of a device: spans of seconds, in order and apart from each other."""

    @property
    def online(self) -> Sequence[Span]: ...
    @property
    def unknown(self) -> Sequence[Span]: ...
    @property
    def maintenance(self) -> Sequence[Span]: ...
    @property
    def flapping(self) -> Sequence[Span]: ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in one state."""

    state: str
    begin: float
    end: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Neighbouring cells in one state, and what is told of them."""

    state: str
    first: int
    length: int
    text: str

    @property
    def height(self) -> int:
        """How high it stands, of HEIGHT."""
        return _HEIGHTS[self.state]

    @property
    def top(self) -> int:
        """Where it begins, from above."""
        return HEIGHT - self.height


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A drawn time: `cells` cells from `since` to `until`."""

    since: datetime
    until: datetime
    cells: int
    marks: Sequence[Mark]


def bar(facts: Facts, *, length: timedelta, cells: int, until: datetime) -> Bar:
    """Draw the last time of this length: nothing that happened is too short to be seen."""
    since = until - length
    begin, end = since.timestamp(), until.timestamp()
    found = stretches(facts, begin=begin, end=end)
    width = (end - begin) / cells
    ranks = [len(_RANKS)] * cells
    touching: list[list[Stretch]] = [[] for _ in range(cells)]
    for stretch in found:
        first, last = (round((at - begin) / width, 6) for at in (stretch.begin, stretch.end))
        start = min(int(first), cells - 1)
        for cell in range(start, max(start + 1, min(ceil(last), cells))):
            ranks[cell] = min(ranks[cell], _RANKS[stretch.state])
            touching[cell].append(stretch)
    marks = [_mark(list(run), touching) for _, run in groupby(enumerate(ranks), _rank_of)]
    return Bar(since=since, until=until, cells=cells, marks=marks)


def stretches(facts: Facts, *, begin: float, end: float) -> list[Stretch]:
    """The time as stretches that touch each other; in each one state holds."""
    layers = {
        state: spans
        for state, spans in (
            ("flapping", facts.flapping),
            ("online", facts.online),
            ("unknown", facts.unknown),
            ("maintenance", facts.maintenance),
        )
        if spans
    }
    edges = {edge for spans in layers.values() for span in spans for edge in span}
    cuts = [begin, *sorted(edge for edge in edges if begin < edge < end), end]
    begins = {state: [span[0] for span in spans] for state, spans in layers.items()}
    pieces = [
        (
            next(
                (state for state in layers if _covers(layers[state], begins[state], start)),
                "offline",
            ),
            start,
            stop,
        )
        for start, stop in pairwise(cuts)
    ]
    found = []
    for state, run in groupby(pieces, lambda piece: piece[0]):
        joined = list(run)
        found.append(Stretch(state, joined[0][1], joined[-1][2]))
    return found


def _covers(spans: Sequence[Span], begins: Sequence[float], at: float) -> bool:
    place = bisect_right(begins, at) - 1
    return place >= 0 and at < spans[place][1]


def _rank_of(cell: tuple[int, int]) -> int:
    return cell[1]


def _mark(run: list[tuple[int, int]], touching: Sequence[Sequence[Stretch]]) -> Mark:
    first, rank = run[0]
    state = list(STATES)[rank]
    told = {
        stretch: None for cell, _ in run for stretch in touching[cell] if stretch.state == state
    }
    return Mark(state=state, first=first, length=len(run), text=_text(state, list(told)))


def _text(state: str, told: Sequence[Stretch]) -> str:
    total = lasting(sum(stretch.end - stretch.begin for stretch in told))
    begin = datetime.fromtimestamp(told[0].begin, UTC)
    since = f"{begin.day} {begin:%b, %H:%M} UTC"
    if len(told) == 1:
        return f"{STATES[state]} for {total} from {since}"
    return f"{STATES[state]} {count_of(len(told), 'time')} from {since}, {total} in all"
