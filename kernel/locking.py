"""Row locks in one order, only inside a transaction."""

from __future__ import annotations

from typing import TypeVar

from django.db import connection, models

from kernel.unit_of_work import require_unit_of_work

M = TypeVar("M", bound=models.Model)


def lock_rows(queryset: models.QuerySet[M]) -> list[M]:
    """Lock and return the rows in order of primary key, until the unit of work ends.

    SQLite has no row locks and needs none: a unit of work there holds the only write lock.
    """
    require_unit_of_work()
    return list(locking(queryset))


def locking(queryset: models.QuerySet[M], *, waits: bool = True) -> models.QuerySet[M]:
    """The queryset in order of primary key, taking the locks when it is read.

    Where it does not wait, rows that others hold are left out.
    """
    ordered = queryset.order_by("pk")
    if connection.features.has_select_for_update:
        ordered = ordered.select_for_update(of=("self",), no_key=True, skip_locked=not waits)
    return ordered
