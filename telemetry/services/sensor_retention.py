"""Forget sensor events that have served their time."""

from __future__ import annotations

from datetime import datetime, timedelta

from kernel.unit_of_work import unit_of_work
from telemetry.models import DeviceSensorEvent

KEPT_FOR = timedelta(days=90)
CHUNK = 2_000
MAX_CHUNKS = 25


def forget_old_events(now: datetime, *, chunk: int = CHUNK, max_chunks: int = MAX_CHUNKS) -> int:
    """Delete events that arrived more than 90 days ago; returns how many.

    One short transaction per chunk, and a bounded number of them: what is left goes next time.
    What the sensors say now stays, however old.
    """
    deleted = 0
    for _ in range(max_chunks):
        count = _forget_chunk(before=now - KEPT_FOR, chunk=chunk)
        deleted += count
        if count < chunk:
            break
    return deleted


@unit_of_work()
def _forget_chunk(*, before: datetime, chunk: int) -> int:
    # Rows are numbered in order of arrival, so the oldest are found without another index.
    rows = DeviceSensorEvent.objects.unscoped("retention holds for all tenants")
    oldest = rows.order_by("pk").values_list("pk", "received_at")[:chunk]
    expired = [pk for pk, received_at in oldest if received_at < before]
    deleted: int = rows.filter(pk__in=expired)._raw_delete(rows.db) if expired else 0
    return deleted
