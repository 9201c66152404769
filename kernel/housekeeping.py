"""Deletes what the kernel keeps only for a while."""

from __future__ import annotations

from datetime import datetime

from kernel import idempotency, live, ratelimit


def forget_old(now: datetime) -> None:
    """Delete idempotency records, rate windows and live events that have served their time."""
    idempotency.forget_old(now)
    ratelimit.forget_old(now)
    live.forget_old(now)
