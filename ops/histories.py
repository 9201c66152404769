"""A time of a metric as a small drawing: its mean as a line, its extremes as a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Protocol

from kernel.actors import Actor
from ops import meters
from ops.spans import Span
from telemetry import selectors as telemetry

LENGTH: Final = timedelta(hours=24)
HEIGHT: Final = 24
_POINTS: Final = 96
# What the metrics API draws in one statement.
_AT_ONCE: Final = 10
# Nothing for longer than this many of the usual pauses between values is a gap, as in chart-data.js.
_PAUSES: Final = 2.5
# The line keeps off the edges, where half of its width would be cut away.
_MARGIN: Final = 1.0


class Bucket(Protocol):
    """What the values of a quarter of an hour came to."""

    @property
    def count(self) -> int: ...
    @property
    def min(self) -> float: ...
    @property
    def max(self) -> float: ...
    @property
    def avg(self) -> float: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """A metric in a box of `width` by HEIGHT; a gap in the values is a gap in the line."""

    width: int
    lines: Sequence[str]
    bands: Sequence[str]
    text: str


def traces(
    *, actor: Actor, device_uid: str, reading: meters.Reading | None, now: datetime
) -> dict[str, Trace]:
    """The last day of each gauge that is shown and has one, by the key of its meter."""
    if reading is None:
        return {}
    shown = [gauge.meter for gauge in reading.gauges]
    span = Span(name="24h", since=now - LENGTH, until=now)
    return drawn(actor=actor, device_uid=device_uid, shown=shown, span=span, now=now)


def drawn(
    *, actor: Actor, device_uid: str, shown: Sequence[meters.Meter], span: Span, now: datetime
) -> dict[str, Trace]:
    """A time of each of these metrics that has one, by the key of its meter. Raises NotFound."""
    found: dict[str, Trace] = {}
    for begin in range(0, len(shown), _AT_ONCE):
        together = shown[begin : begin + _AT_ONCE]
        chart = telemetry.chart(
            actor=actor,
            device_uid=device_uid,
            metrics=[meter.key for meter in together],
            since=span.since,
            until=span.until,
            points=_POINTS,
            now=now,
        )
        found |= {
            meter.key: trace(chart.series[meter.key], length=chart.plan.length, meter=meter)
            for meter in together
            # One point is no line.
            if len(chart.series[meter.key]) > 1
        }
    return found


def trace(found: Mapping[int, Bucket], *, length: int, meter: meters.Meter) -> Trace:
    """The buckets, of which there is at least one, by their number from 0 to `length`."""
    least = min(bucket.min for bucket in found.values())
    most = max(bucket.max for bucket in found.values())
    bottom, top = min(0.0, least), meter.full or max(most, least + 1.0)
    scale = (HEIGHT - 2 * _MARGIN) / (top - bottom)

    def level(value: float) -> float:
        return HEIGHT - _MARGIN - (min(value, top) - bottom) * scale

    runs = _runs(sorted(found), found)
    unit = meter.unit
    return Trace(
        width=length,
        lines=[_path([(at, level(found[at].avg)) for at in run]) for run in runs],
        bands=[
            _path(
                [(at, level(found[at].max)) for at in run]
                + [(at, level(found[at].min)) for at in reversed(run)]
            )
            for run in runs
        ],
        text=f"{meters.written(least, unit=unit)} to {meters.written(most, unit=unit)}",
    )


def _runs(numbers: Sequence[int], found: Mapping[int, Bucket]) -> list[list[int]]:
    """The numbers as runs without a gap."""
    runs = [[numbers[0]]]
    limit = _reach(numbers, [found[number].count for number in numbers])
    for before, number in pairwise(numbers):
        if number - before <= limit:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _reach(numbers: Sequence[int], counts: Sequence[int]) -> float:
    """How many buckets may lie between two values that still belong together.

    Where buckets hold several values each, an empty one is a gap; a device that reports every hour
    has none in buckets of a quarter of one.
    """
    pauses = sorted(number - before for before, number in pairwise(numbers))
    middle = (len(counts) - 1) // 2
    if len(pauses) < 2 or sorted(counts)[middle] > 1:
        return 1
    return pauses[(len(pauses) - 1) // 2] * _PAUSES


def _path(points: Sequence[tuple[int, float]]) -> str:
    # A bucket is drawn in the middle of its place; a single one still gets a short line.
    if len(points) == 1:
        (at, height) = points[0]
        return f"{at},{height:.1f} {at + 1},{height:.1f}"
    return " ".join(f"{at + 0.5},{height:.1f}" for at, height in points)
