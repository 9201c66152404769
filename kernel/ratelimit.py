"""Exact rate limits: counted in the database, whatever number of requests come at once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from django.db import connection
from django.db.models import F

from kernel import errors
from kernel.models import RateWindow


def hit(*, key: str, limit: int, window_s: int, now: datetime) -> None:
    """Count one try and refuse it when it is past `limit` in this window of `window_s` seconds.

    Call it outside a unit of work, so that a try counts even when what follows rolls back.
    Raises RateLimited with the seconds until the next window.
    """
    window_start = int(now.timestamp()) // window_s * window_s
    ends_at = datetime.fromtimestamp(window_start + window_s, UTC)
    if _count(_short(key), window_start, ends_at) > limit:
        raise errors.RateLimited(retry_after=max(1, int((ends_at - now).total_seconds()) + 1))


def give_back(*, key: str, window_s: int, now: datetime) -> None:
    """Take back one counted try of the present window, where only failures are to count."""
    window_start = int(now.timestamp()) // window_s * window_s
    windows = RateWindow.objects.filter(key=_short(key), window_start=window_start, count__gt=0)
    windows.update(count=F("count") - 1)


def tries(*, key: str, window_s: int, now: datetime) -> int:
    """How many tries the present window of the key has counted."""
    window_start = int(now.timestamp()) // window_s * window_s
    row = RateWindow.objects.filter(key=_short(key), window_start=window_start).first()
    return row.count if row else 0


def clear(key: str) -> None:
    """Forget the tries of a key, after a success."""
    RateWindow.objects.filter(key=_short(key)).delete()


def forget_old(now: datetime) -> int:
    """Delete windows that have ended; returns how many."""
    return RateWindow.objects.filter(ends_at__lt=now).delete()[0]


def _short(key: str) -> str:
    return key if len(key) <= 100 else f"{key[:30]}:{hashlib.sha256(key.encode()).hexdigest()}"


def _count(key: str, window_start: int, ends_at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_ratewindow (key, window_start, count, ends_at) "
            "VALUES (%s, %s, 1, %s) ON CONFLICT (key, window_start) DO UPDATE SET "
            "count = kernel_ratewindow.count + 1 RETURNING count",
            [key, window_start, connection.ops.adapt_datetimefield_value(ends_at)],
        )
        row = cursor.fetchone()
    return int(row[0])
