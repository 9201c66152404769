"""One process at a time works on the notices."""

from __future__ import annotations

from typing import Final

from django.db import connection

from kernel.unit_of_work import require_unit_of_work

_LOCK: Final = 0x4E4F5449


def is_alone() -> bool:
    """Whether this unit of work may change notices: no other one does until it ends.

    SQLite has one writer anyway.
    """
    require_unit_of_work()
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])
