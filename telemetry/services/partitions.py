"""Make the parts of the table of readings ahead of time, and drop those that are over."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import Final

from kernel.unit_of_work import unit_of_work
from telemetry import partition_statements
from telemetry.buckets import HOUR, start_of
from telemetry.policies import MAX_AHEAD
from telemetry.services.rolling import take_cursor

logger = logging.getLogger(__name__)

# So long nobody has to make any: what comes later goes into the default part, and is moved.
DAYS_AHEAD: Final = 7


def make_ahead(now: datetime) -> int:
    """Make the parts of today and the next seven days; returns how many were missing.

    What came on days without one moves into its own once the day is over.
    """
    if not partition_statements.is_partitioned():
        return 0
    today = now.date()
    strays = partition_statements.stray_days(before=today + timedelta(days=1))
    if strays:
        logger.warning("Readings of %d days came while nobody made partitions", len(strays))
    # What fills right now is not moved: whoever writes would have to wait.
    passed_over = {*partition_statements.days(), *(day for day in strays if day == today)}
    wanted = [*strays, *(today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1))]
    return sum(_make(day) for day in dict.fromkeys(wanted) if day not in passed_over)


def drop_old(*, before: datetime) -> int:
    """Drop each day that was over before this time and is rolled up; returns how many days."""
    for day in partition_statements.stray_days(before=before.date()):
        _make(day)
    dropped = 0
    for day in partition_statements.days():
        if partition_statements.end_of(day) > before or not _drop(day):
            break
        dropped += 1
    return dropped


@unit_of_work()
def _make(day: date) -> bool:
    return partition_statements.make(day)


@unit_of_work()
def _drop(day: date) -> bool:
    cursor = take_cursor(is_patient=True)
    if cursor is None:
        return False
    # Before it is gone: from then on older buckets are only added to, which is right as well where
    # it then stays for another while.
    complete_from = start_of(partition_statements.end_of(day) + MAX_AHEAD, HOUR) + timedelta(
        hours=1
    )
    if cursor.raw_from is None or cursor.raw_from < complete_from:
        cursor.raw_from = complete_from
        cursor.save(update_fields=["raw_from"])
    return partition_statements.drop(day)
