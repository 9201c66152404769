"""Rate limits are exact, however many tries come at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kernel import errors, ratelimit
from kernel.models import RateWindow
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def hit(key: str = "login:ada", *, now: datetime = NOW, limit: int = 3) -> None:
    ratelimit.hit(key=key, limit=limit, window_s=60, now=now)


def test_sixty_parallel_tries_let_exactly_the_limit_through() -> None:
    outcomes = run_at_once(60, lambda _: hit(limit=10))
    refused = [outcome for outcome in outcomes if isinstance(outcome, errors.RateLimited)]
    assert outcomes.count(None) == 10
    assert len(refused) == 50
    assert ratelimit.tries(key="login:ada", window_s=60, now=NOW) == 60


def test_a_refusal_says_when_to_come_back() -> None:
    for _ in range(3):
        hit()
    with pytest.raises(errors.RateLimited) as refusal:
        hit(now=NOW + timedelta(seconds=45))
    assert refusal.value.retry_after in {15, 16}
    hit(now=NOW + timedelta(seconds=60))


def test_keys_are_counted_apart() -> None:
    for _ in range(3):
        hit("login:ada")
    hit("login:bob")


def test_keys_of_any_length_are_counted_apart() -> None:
    for _ in range(3):
        hit("x" * 5000)
    hit("x" * 5001)
    with pytest.raises(errors.RateLimited):
        hit("x" * 5000)


def test_a_success_clears_the_count() -> None:
    for _ in range(3):
        hit()
    ratelimit.clear("login:ada")
    hit()


def test_windows_that_ended_are_forgotten() -> None:
    hit()
    hit("other", now=NOW + timedelta(seconds=90))
    assert ratelimit.forget_old(NOW + timedelta(seconds=61)) == 1
    assert list(RateWindow.objects.values_list("key", flat=True)) == ["other"]
