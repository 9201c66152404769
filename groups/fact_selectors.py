"""Facts of devices for queries in plain Python, and the time that a query may take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from typing import Any, Final

import psycopg
from django.db import OperationalError, connection, transaction

from devices.selectors import conditions
from devices.selectors.devices import stale_after
from groups.errors import QueryTooSlow
from groups.query.facts import Facts
from kernel import row_security

LIMIT_S: Final = 2.0
# Steps of SQLite's machine between two looks at the clock: a few times in a millisecond.
_STEPS: Final = 10_000
_COLUMNS: Final = {
    "uid": "uid",
    "hardware_id": "hardware_id",
    "device_id": "device_id",
    "name": "name",
    "device_class": "device_class",
    "device_type": "device_type",
    "model": "model",
    "firmware": "firmware_version",
    "site": "site__site_id",
    "pairing": "pairing",
    "is_simulated": "is_simulated",
    "is_online": "presence__is_online",
    "last_seen_at": "presence__last_seen_at",
    "stale_after": "presence__offline_after_s",
    "created_at": "created_at",
    "claimed_at": "claimed_at",
    "capabilities": "capabilities",
    "desired_version": "twin__desired_version",
    "desired": "twin__desired",
    "reported": "twin__reported",
    "drift_since": "twin__drift_since",
    "metrics": "latest_metrics__metrics",
}


def facts_of(device_ids: Collection[int]) -> dict[int, Facts]:
    """What queries may ask of each of these devices, by key, in two statements."""
    with row_security.reading(connection):
        rows = conditions.lives_by_key(device_ids).values_list("pk", *_COLUMNS.values())
        tags = conditions.tags_by_device(device_ids)
        return {
            pk: _facts(dict(zip(_COLUMNS, values, strict=True)), tags.get(pk, {}))
            for pk, *values in rows
        }


def _facts(row: dict[str, Any], tags: dict[str, str]) -> Facts:
    return Facts(
        **row
        | {
            "site": row["site"] or "",
            "is_online": bool(row["is_online"]),
            "stale_after": stale_after(row["stale_after"]),
            "capabilities": frozenset(row["capabilities"]),
            "desired_version": row["desired_version"] or 0,
            "metrics": row["metrics"] or {},
            "tags": tags,
        }
    )


@contextlib.contextmanager
def bounded(limit_s: float = LIMIT_S) -> Iterator[None]:
    """End every statement of the block that takes longer. Raises QueryTooSlow.

    PostgreSQL ends a statement after the limit, SQLite all of the block's together. Rows are to be
    read within the block.
    """
    guard = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    try:
        with guard(limit_s):
            yield
    except OperationalError as error:
        if _was_ended(error):
            raise QueryTooSlow from error
        raise


@contextlib.contextmanager
def _on_postgresql(limit_s: float) -> Iterator[None]:
    is_within = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)",
            [str(round(limit_s * 1000))],
        )
        former, _ = cursor.fetchone()
        yield
        # The end of the transaction undoes it, and so does a failure.
        if is_within:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [former])


@contextlib.contextmanager
def _on_sqlite(limit_s: float) -> Iterator[None]:
    connection.ensure_connection()
    raw = connection.connection
    ends_at = time.monotonic() + limit_s
    raw.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, _STEPS)


def _was_ended(error: OperationalError) -> bool:
    cause = error.__cause__
    return isinstance(cause, psycopg.errors.QueryCanceled) or str(cause) == "interrupted"
