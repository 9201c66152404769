"""The parts of the table of readings on PostgreSQL, one for each day of arrival (UTC).

The app role owns no table: it asks two functions of the owner, which make and drop whole days.
What arrives on a day without a part of its own is kept in the part `default`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection

from telemetry.models import Reading

_TABLE: Final = Reading._meta.db_table
_PREFIX: Final = f"{_TABLE}_"
_DEFAULT: Final = f"{_TABLE}_default"


def is_partitioned() -> bool:
    """Whether readings are in parts here."""
    return connection.vendor == "postgresql"


def days() -> list[date]:
    """The days that have a part of their own, in order."""
    found = _rows(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = %s::regclass AND c.relname <> %s ORDER BY 1",
        [_TABLE, _DEFAULT],
    )
    return [datetime.strptime(name.removeprefix(_PREFIX), "%Y%m%d").date() for (name,) in found]  # noqa: DTZ007  a day


def stray_days(*, before: date) -> list[date]:
    """Days before this one of which there are readings in no part of their own."""
    found = _rows(
        f"SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date FROM {_DEFAULT} "  # noqa: S608
        "WHERE received_at < %s ORDER BY 1",
        [start_of(before)],
    )
    return [day for (day,) in found]


def make(day: date) -> bool:
    """Make the part of a day, with what of it is in the default part.

    False when it is there, or somebody is writing what would have to move.
    """
    return bool(_rows("SELECT telemetry_make_partition(%s)", [day])[0][0])


def drop(day: date) -> bool:
    """Drop the part of a day; false when not all of it is rolled up, or it is in use.

    The cursor must say before, in the same transaction, that these readings are gone.
    """
    return bool(_rows("SELECT telemetry_drop_partition(%s)", [day])[0][0])


def start_of(day: date) -> datetime:
    """When a day begins."""
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    """When the next day begins."""
    return start_of(day) + timedelta(days=1)


def _rows(sql: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return list(cursor.fetchall())
