"""The two statements of ingestion that the ORM cannot write: both must count what they did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from telemetry.models import LatestMetrics, Reading

_COLUMNS = (
    "device_id",
    "tenant_id",
    "boot_id",
    "seq",
    "at",
    "received_at",
    "is_at_corrected",
    "metrics",
)
_ROW = f"({', '.join(['%s'] * len(_COLUMNS))})"


def insert_new(rows: Sequence[Reading]) -> int:
    """Insert those readings that are not there yet; returns how many that were."""
    values: list[Any] = []
    for row in rows:
        values += [row.device_id, row.tenant_id, row.boot_id, row.seq, _time(row.at)]
        values += [_time(row.received_at), row.is_at_corrected, json.dumps(row.metrics)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Reading._meta.db_table} ({', '.join(_COLUMNS)}) "  # noqa: S608  names only
            f"VALUES {', '.join([_ROW] * len(rows))} ON CONFLICT DO NOTHING RETURNING 1",
            values,
        )
        return len(cursor.fetchall())


def advance_latest(row: Reading) -> bool:
    """Make this the device's newest reading unless a newer one is there; returns whether it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {LatestMetrics._meta.db_table} AS latest "  # noqa: S608  names only
            "(device_id, tenant_id, metrics, at, received_at) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (device_id) DO UPDATE SET tenant_id = excluded.tenant_id, "
            "metrics = excluded.metrics, at = excluded.at, received_at = excluded.received_at "
            "WHERE excluded.at >= latest.at RETURNING 1",
            [
                row.device_id,
                row.tenant_id,
                json.dumps(row.metrics),
                _time(row.at),
                _time(row.received_at),
            ],
        )
        return cursor.fetchone() is not None


def _time(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
