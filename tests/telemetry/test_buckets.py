"""The arithmetic of buckets, and that the databases' statements follow it."""

from __future__ import annotations

import math
import statistics
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import buckets
from telemetry.buckets import DAY, FIVE_MINUTES, HOUR, RAW, Sample, fold, merge

pytestmark = pytest.mark.core

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 1030 * 365 * DAY * 1_000).map(
    lambda milliseconds: _EPOCH + timedelta(milliseconds=milliseconds)
)
samples = st.builds(
    Sample,
    at=st.integers(0, 1_000).map(lambda seconds: _START + timedelta(seconds=seconds)),
    value=st.integers(-(10**6), 10**6).map(float),
)


@given(moments, st.sampled_from([1, 10, FIVE_MINUTES, HOUR, DAY]))
def test_every_moment_is_in_exactly_the_bucket_that_begins_before_it(
    moment: datetime, seconds: int
) -> None:
    start = buckets.start_of(moment, seconds)
    assert start <= moment < start + timedelta(seconds=seconds)
    assert buckets.start_of(start, seconds) == start


@given(st.lists(samples, min_size=1), st.lists(samples, min_size=1))
def test_two_buckets_merged_are_the_bucket_of_all_their_values(
    older: list[Sample], newer: list[Sample]
) -> None:
    older = [Sample(at=s.at, value=s.value, order=n) for n, s in enumerate(older)]
    newer = [Sample(at=s.at, value=s.value, order=1_000 + n) for n, s in enumerate(newer)]
    first, second = fold(older), fold(newer)
    assert first is not None and second is not None
    assert merge(first, second) == fold(older + newer)


def test_no_values_make_no_bucket() -> None:
    assert fold([]) is None


def test_the_largest_floats_have_a_sum() -> None:
    bucket = fold([Sample(at=_START, value=1.7e308), Sample(at=_START, value=1.7e308, order=1)])
    assert bucket is not None
    assert (bucket.max, bucket.sum) == (1.7e308, 2e290)
    assert math.isfinite(bucket.avg)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2))
def test_percentiles_lie_where_the_library_puts_them(values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    assert buckets.percentile(values, 0.95) == pytest.approx(cuts[94], abs=1e-6)
    assert buckets.percentile(values, 0.5) == pytest.approx(statistics.median(values), abs=1e-6)
    assert buckets.percentile(values, 1.0) == max(values)


@given(moments, st.integers(1, 10 * 365 * DAY), st.integers(2, 2_000))
def test_a_plan_covers_its_span_with_no_more_points_than_were_asked_for(
    since: datetime, seconds: int, points: int
) -> None:
    since = min(since, datetime(2900, 1, 1, tzinfo=UTC))
    until = since + timedelta(seconds=seconds)
    plan = buckets.plan(since=since, until=until, points=points, raw_from=since, fine_from=since)
    assert plan.since <= since < until <= plan.until
    assert len(plan.starts()) == plan.length <= points
    assert plan.width % (plan.tier or 1) == 0


@pytest.mark.parametrize(
    ("span", "points", "tier", "title"),
    [
        (timedelta(minutes=10), 600, RAW, "1s"),
        (timedelta(hours=1), 200, RAW, "30s"),
        (timedelta(days=1), 300, FIVE_MINUTES, "5m"),
        (timedelta(days=7), 400, FIVE_MINUTES, "30m"),
        (timedelta(days=30), 1_000, HOUR, "1h"),
        (timedelta(days=365), 400, HOUR, "1d"),
        (timedelta(days=1826), 300, HOUR, "7d"),
    ],
)
def test_the_span_and_the_points_choose_the_tier(
    span: timedelta, points: int, tier: int, title: str
) -> None:
    plan = buckets.plan(
        since=_START - span,
        until=_START,
        points=points,
        raw_from=_START - timedelta(days=14),
        fine_from=_START - timedelta(days=90),
    )
    assert (plan.tier, buckets.title_of(plan.width)) == (tier, title)


def test_what_is_not_kept_so_finely_any_more_is_drawn_from_the_next_tier() -> None:
    def tier(age: timedelta) -> int:
        since = _START - age
        return buckets.plan(
            since=since,
            until=since + timedelta(minutes=10),
            points=600,
            raw_from=_START - timedelta(days=14),
            fine_from=_START - timedelta(days=90),
        ).tier

    assert tier(timedelta(days=13)) == RAW
    assert tier(timedelta(days=15)) == FIVE_MINUTES
    assert tier(timedelta(days=91)) == HOUR
    assert buckets.title_of(RAW) == "raw"
