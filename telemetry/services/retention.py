"""Forget readings and buckets that have served their time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from kernel.unit_of_work import unit_of_work
from telemetry import partition_statements, window_statements
from telemetry.buckets import FIVE_MINUTES, HOUR, start_of
from telemetry.models import Reading, ReadingRollup
from telemetry.policies import MAX_AHEAD, kept_fine, kept_hours, kept_raw
from telemetry.services import partitions
from telemetry.services.rolling import take_cursor

# SQLite has one writer: whoever waits behind a chunk there is a device.
CHUNK = {"postgresql": 10_000, "sqlite": 2_000}
BUDGET_S = 2.0
# A flush may be numbered after one that began later; by this much windows are kept longer.
_SLACK = timedelta(days=1)


def forget_old(now: datetime, *, chunk: int | None = None, max_chunks: int | None = None) -> int:
    """Delete readings that arrived too long ago and are rolled up; returns how many.

    On PostgreSQL whole days are dropped, and counted. Elsewhere in short transactions, for about
    two seconds: what is left goes next time.
    """
    before = now - kept_raw()
    if partition_statements.is_partitioned():
        return partitions.drop_old(before=before)
    size = chunk or CHUNK[connection.vendor]
    return _in_chunks(lambda: _forget_raw(before=before, chunk=size), size, max_chunks)


def forget_silent_windows(now: datetime, *, chunk: int | None = None) -> int:
    """Forget which numbers were stored, once no reading of theirs is left; returns how many.

    A number that comes again after that is stored as new.
    """
    oldest = _readings().order_by("pk").values_list("received_at", flat=True).first()
    before = min(now - kept_raw(), oldest or now) - _SLACK
    size = chunk or CHUNK[connection.vendor]
    return _in_chunks(lambda: _forget_windows(before=before, chunk=size), size)


def forget_old_buckets(now: datetime, *, chunk: int | None = None) -> int:
    """Delete buckets whose time is over, likewise; returns how many."""
    size = chunk or CHUNK[connection.vendor]
    fine_before = start_of(now - kept_fine(), HOUR)
    deleted = _in_chunks(lambda: _forget_fine(before=fine_before, chunk=size), size)
    hours_before = start_of(now - kept_hours(), HOUR)
    return deleted + _in_chunks(lambda: _forget_hours(before=hours_before, chunk=size), size)


def _in_chunks(forget: Callable[[], int], size: int, most: int | None = None) -> int:
    began = time.monotonic()
    deleted = chunks = 0
    while chunks != most:
        count = forget()
        deleted += count
        chunks += 1
        if count < size or time.monotonic() - began > BUDGET_S:
            break
    return deleted


@unit_of_work()
def _forget_raw(*, before: datetime, chunk: int) -> int:
    cursor = take_cursor(is_patient=True)
    if cursor is None:
        return 0
    # Rows are numbered in order of arrival, so the oldest are found without another index.
    rows = _readings()
    rolled = rows.filter(pk__lte=cursor.position).order_by("pk")
    oldest = rolled.values_list("pk", "received_at")[:chunk]
    expired = [pk for pk, received_at in oldest if received_at < before]
    if not expired:
        return 0
    # Before the first is gone: from then on older buckets are only added to.
    complete_from = start_of(before + MAX_AHEAD, HOUR) + timedelta(hours=1)
    if cursor.raw_from is None or cursor.raw_from < complete_from:
        cursor.raw_from = complete_from
        cursor.save(update_fields=["raw_from"])
    deleted: int = rows.filter(pk__in=expired)._raw_delete(rows.db)
    return deleted


@unit_of_work()
def _forget_windows(*, before: datetime, chunk: int) -> int:
    return window_statements.forget(before=before, limit=chunk)


@unit_of_work()
def _forget_fine(*, before: datetime, chunk: int) -> int:
    cursor = take_cursor(is_patient=True)
    if cursor is None:
        return 0
    deleted = _forget_buckets(tier=FIVE_MINUTES, before=before, chunk=chunk)
    if deleted and (cursor.fine_from is None or cursor.fine_from < before):
        cursor.fine_from = before
        cursor.save(update_fields=["fine_from"])
    return deleted


@unit_of_work()
def _forget_hours(*, before: datetime, chunk: int) -> int:
    return _forget_buckets(tier=HOUR, before=before, chunk=chunk)


def _forget_buckets(*, tier: int, before: datetime, chunk: int) -> int:
    rows = ReadingRollup.objects.unscoped("retention holds for all tenants")
    old = rows.filter(tier=tier, bucket_at__lt=before).order_by("bucket_at")
    expired = list(old.values_list("pk", flat=True)[:chunk])
    deleted: int = rows.filter(pk__in=expired)._raw_delete(rows.db) if expired else 0
    return deleted


def _readings() -> Any:
    return Reading.objects.unscoped("retention holds for all tenants")
