"""The course of a figure of the fleet as a small drawing: a line with an area, or bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10
from typing import Final

HEIGHT: Final = 48
# The line keeps off the edges, where half of its width would be cut away.
_MARGIN: Final = 1.5
_Value = float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A figure in a box of `width` steps by HEIGHT; a gap in the values is a gap in the drawing."""

    width: int
    lines: Sequence[str]
    areas: Sequence[str]
    bars: Sequence[tuple[float, float, float]]
    top: float
    bottom: float


def line(values: Sequence[_Value], *, top: float | None = None, bottom: float = 0.0) -> Drawing:
    """A line and the area below it, from `bottom` to a round number above all values."""
    highest = _highest(values, bottom) if top is None else top
    height = (HEIGHT - 2 * _MARGIN) / (highest - bottom)

    def level(value: float) -> float:
        return round(HEIGHT - _MARGIN - (min(max(value, bottom), highest) - bottom) * height, 1)

    runs = [[(at, level(value)) for at, value in run] for run in _runs(values)]
    return Drawing(
        width=len(values),
        lines=[_path(run) for run in runs],
        areas=[f"{_path(run)}V{HEIGHT}H{run[0][0]}z" for run in runs],
        bars=(),
        top=highest,
        bottom=bottom,
    )


def bars(values: Sequence[_Value]) -> Drawing:
    """A bar for each value above nothing: where it is, where it begins, how high it is."""
    highest = _highest(values, 0.0)
    found = []
    for at, value in enumerate(values):
        if value:
            # What happened once among a thousand is still seen.
            high = round(max(value / highest * (HEIGHT - _MARGIN), 2.0), 1)
            found.append((at + 0.1, round(HEIGHT - high, 1), high))
    return Drawing(width=len(values), lines=(), areas=(), bars=found, top=highest, bottom=0.0)


def rounded_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, …; 1 for what is less."""
    if value <= 1:
        return 1.0
    power = 10.0 ** int(log10(value))
    return next(power * digit for digit in (1, 2, 5, 10, 20) if power * digit >= value)


def _highest(values: Sequence[_Value], bottom: float) -> float:
    return max(
        rounded_up(max((value for value in values if value is not None), default=1)), bottom + 1
    )


def _runs(values: Sequence[_Value]) -> list[list[tuple[int, float]]]:
    """The values with their places, as runs without a gap."""
    placed = groupby(enumerate(values), key=lambda each: each[1] is None)
    return [
        [(at, value) for at, value in run if value is not None]
        for is_gap, run in placed
        if not is_gap
    ]


def _path(run: Sequence[tuple[int, float]]) -> str:
    """Each value holds for its whole step, so one alone is still a line."""
    first, *rest = run
    path = f"M{first[0]} {first[1]}H{first[0] + 1}"
    return path + "".join(f"V{height}H{at + 1}" for at, height in rest)
