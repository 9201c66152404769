"""Roll readings up into buckets of five minutes and of an hour."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection

from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from telemetry import rollup_statements
from telemetry.buckets import FIVE_MINUTES, HOUR
from telemetry.models import RollupCursor
from telemetry.policies import CURSOR
from telemetry.rollup_statements import Span

# SQLite has one writer: whoever waits behind a chunk there is a device.
CHUNK: Final = {"postgresql": 20_000, "sqlite": 5_000}
# A bucket that fills is not made anew for every reading.
SETTLING: Final = timedelta(seconds=30)
BUDGET_S: Final = 2.0
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def roll_up_when_due(now: datetime) -> int:
    """Roll up if a chunk waits or 30 s have passed; for about two seconds. Returns how many."""
    settled = rollup_statements.settled_position()
    if settled is None:
        return 0
    cursor = RollupCursor.objects.filter(name=CURSOR).first()
    if cursor is not None and cursor.rolled_at is not None:
        if settled <= cursor.position:
            return 0
        is_full = settled - cursor.position >= _chunk()
        if not is_full and now - cursor.rolled_at < SETTLING:
            return 0
    return roll_up(now, settled=settled, budget_s=BUDGET_S)


def roll_up(
    now: datetime,
    *,
    settled: int | None = None,
    chunk: int | None = None,
    budget_s: float | None = None,
) -> int:
    """Roll up all readings that wait, or as many as the time allows; returns how many positions.

    Buckets and position change in one transaction per chunk: killed anywhere, the next call goes
    on where this one stood. Only one process rolls up at a time, the others find nothing to do.
    """
    if settled is None:
        settled = rollup_statements.settled_position()
    if settled is None:
        return 0
    began = time.monotonic()
    rolled = 0
    while step := _roll_chunk(now, settled=settled, chunk=chunk or _chunk()):
        rolled += step
        if budget_s is not None and time.monotonic() - began > budget_s:
            break
    return rolled


@unit_of_work()
def _roll_chunk(now: datetime, *, settled: int, chunk: int) -> int:
    cursor = take_cursor()
    if cursor is None:
        return 0
    span = rollup_statements.next_span(after=cursor.position, upto=settled, limit=chunk)
    if span is None:
        return 0
    _roll_span(span, raw_from=cursor.raw_from, fine_from=cursor.fine_from)
    failpoint("telemetry.rolled")
    cursor.position = span.upto
    cursor.rolled_at = now
    cursor.save(update_fields=["position", "rolled_at"])
    return span.upto - span.after


def take_cursor(*, is_patient: bool = False) -> RollupCursor | None:
    """The cursor under its lock; None while another process holds it, unless one waits for that.

    Must run inside a unit of work. On SQLite that alone is the lock.
    """
    rows = RollupCursor.objects.filter(name=CURSOR)
    if connection.vendor == "postgresql":
        rows = rows.select_for_update(skip_locked=not is_patient)
    cursor = rows.first()
    if cursor is None and not RollupCursor.objects.filter(name=CURSOR).exists():
        RollupCursor.objects.bulk_create([RollupCursor(name=CURSOR)], ignore_conflicts=True)
        cursor = rows.first()
    return cursor


def _roll_span(span: Span, *, raw_from: datetime | None, fine_from: datetime | None) -> None:
    """Make the touched buckets anew from what is there, and add to those that lost their source."""
    raw_from, fine_from = raw_from or _NEVER, fine_from or _NEVER
    rollup_statements.recompute_fine(span, complete_from=raw_from)
    if span.oldest_at < raw_from:
        rollup_statements.merge_old(span, tier=FIVE_MINUTES, before=raw_from)
    rollup_statements.recompute_hours(span, complete_from=fine_from)
    if span.oldest_at < fine_from:
        rollup_statements.merge_old(span, tier=HOUR, before=fine_from)


def _chunk() -> int:
    return CHUNK[connection.vendor]
