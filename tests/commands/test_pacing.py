"""The pace of batches and their brake, as plain arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commands import pacing

START = datetime(2026, 3, 1, tzinfo=UTC)


@given(st.integers(1, 6_000), st.lists(st.floats(0, 40), min_size=1, max_size=40))
def test_a_paced_batch_never_gets_further_ahead_than_it_may_catch_up(
    per_minute: int, rests: list[float]
) -> None:
    now = due_at = START
    asked, size = 0, pacing.step_size(per_minute)
    for rest in rests:
        now += timedelta(seconds=rest)
        while due_at <= now:
            asked += size
            due_at = pacing.next_due(due_at=due_at, now=now, asked=size, per_minute=per_minute)
        allowed = per_minute * ((now - START).total_seconds() + 2) / 60
        assert asked <= allowed + size + 0.01


def test_a_job_that_comes_once_a_second_keeps_a_fast_pace() -> None:
    due_at, asked = START, 0
    for second in range(60):
        now = START + timedelta(seconds=second)
        while due_at <= now:
            asked += pacing.step_size(6_000)
            due_at = pacing.next_due(
                due_at=due_at, now=now, asked=pacing.step_size(6_000), per_minute=6_000
            )
    assert 5_800 <= asked <= 6_000


def test_without_a_pace_a_batch_does_not_rest() -> None:
    assert pacing.next_due(due_at=START, now=START, asked=25, per_minute=None) == START
    assert pacing.step_size(None) == pacing.MOST_AT_ONCE
    assert pacing.seconds_left(100, None) is None


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 100), st.integers(1, 50))
def test_a_batch_brakes_at_its_share_and_not_before_its_sample(
    succeeded: int, failed: int, percent: int, sample: int
) -> None:
    finished = succeeded + failed
    brakes = pacing.must_abort(finished=finished, failed=failed, percent=percent, sample=sample)
    assert brakes == (finished >= max(1, sample) and failed / max(1, finished) * 100 >= percent)


def test_without_a_share_nothing_brakes() -> None:
    assert not pacing.must_abort(finished=100, failed=100, percent=None, sample=1)


def test_an_older_batch_is_looked_at_less_often() -> None:
    rests = [pacing.watch_again_after(timedelta(seconds=age)) for age in (0, 61, 601, 10**6)]
    assert rests == sorted(rests)
    assert rests[0] == timedelta(seconds=2)
