"""Buckets of time as plain arithmetic: the law that the statements of the rollup must follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

FIVE_MINUTES: Final = 300
HOUR: Final = 3_600
DAY: Final = 86_400
RAW: Final = 0
# Two of the largest floats have no sum: beyond this a value counts as this in `sum`.
SUM_LIMIT: Final = 1e290
# Lengths that people read easily; each one beyond five minutes is made of whole smaller buckets.
_WIDTHS: Final = (
    *(1, 2, 5, 10, 15, 30, 60, 120, FIVE_MINUTES, 600, 900, 1_800),
    *(HOUR, 7_200, 10_800, 21_600, 43_200, DAY),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value; `order` is the order in which values arrived."""

    at: datetime
    value: float
    order: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """What at least one value came to."""

    count: int
    min: float
    max: float
    sum: float
    last: float
    last_at: datetime

    @property
    def avg(self) -> float:
        """The mean."""
        return self.sum / self.count


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How a span is drawn: buckets of `width` seconds in `[since, until)`, made from `tier`."""

    tier: int
    width: int
    since: datetime
    until: datetime

    @property
    def length(self) -> int:
        """How many buckets that is."""
        return int((self.until - self.since).total_seconds()) // self.width

    def starts(self) -> list[datetime]:
        """Where each bucket begins."""
        return [self.since + timedelta(seconds=n * self.width) for n in range(self.length)]


def start_of(moment: datetime, seconds: int) -> datetime:
    """The beginning of the bucket that the moment falls in."""
    whole = (moment - _EPOCH) // timedelta(seconds=seconds)
    return _EPOCH + timedelta(seconds=whole * seconds)


def fold(samples: Iterable[Sample]) -> Bucket | None:
    """The bucket of these values; None of none."""
    ordered = sorted(samples, key=lambda sample: (sample.at, sample.order))
    if not ordered:
        return None
    values = [sample.value for sample in ordered]
    return Bucket(
        count=len(values),
        min=min(values),
        max=max(values),
        sum=sum(max(-SUM_LIMIT, min(SUM_LIMIT, value)) for value in values),
        last=values[-1],
        last_at=ordered[-1].at,
    )


def merge(older: Bucket, newer: Bucket) -> Bucket:
    """The bucket of both; of two last values of one time that of the newer arrival counts."""
    last = newer if newer.last_at >= older.last_at else older
    return Bucket(
        count=older.count + newer.count,
        min=min(older.min, newer.min),
        max=max(older.max, newer.max),
        sum=older.sum + newer.sum,
        last=last.last,
        last_at=last.last_at,
    )


def percentile(values: Sequence[float], fraction: float) -> float:
    """The value below which that fraction lies, between two of them in proportion.

    What PostgreSQL calls `percentile_cont`. There must be a value.
    """
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    below = int(place)
    rest = place - below
    if not rest:
        return ordered[below]
    return ordered[below] * (1 - rest) + ordered[below + 1] * rest


def width_for(since: datetime, until: datetime, points: int) -> int:
    """The smallest readable length with which at most `points` buckets cover the span."""
    for width in _WIDTHS:
        if _count(since, until, width) <= points:
            return width
    days = max(1, int((until - since).total_seconds()) // DAY // points)
    while _count(since, until, days * DAY) > points:
        days += 1
    return days * DAY


def plan(
    *, since: datetime, until: datetime, points: int, raw_from: datetime, fine_from: datetime
) -> Plan:
    """How to draw the span in at most `points` buckets from what is still kept.

    Wants at least two points. The ends move outwards to whole buckets.
    """
    width = width_for(since, until, points)
    if width < FIVE_MINUTES and since < raw_from:
        width = FIVE_MINUTES
    if FIVE_MINUTES <= width < HOUR and since < fine_from:
        width = HOUR
    tier = RAW if width < FIVE_MINUTES else FIVE_MINUTES if width < HOUR else HOUR
    return Plan(tier=tier, width=width, since=start_of(since, width), until=_end_of(until, width))


def title_of(seconds: int) -> str:
    """The length as people write it: `10s`, `5m`, `1h`, `7d`; `raw` for single readings."""
    for unit, length in (("d", DAY), ("h", HOUR), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s" if seconds else "raw"


def _count(since: datetime, until: datetime, width: int) -> int:
    span = _end_of(until, width) - start_of(since, width)
    return int(span.total_seconds()) // width


def _end_of(until: datetime, width: int) -> datetime:
    start = start_of(until, width)
    return start if start == until else start + timedelta(seconds=width)
