"""The statements of ingestion that the ORM cannot write: each takes many rows and says which count.

All readings of a flush, of whatever devices, are one statement. PostgreSQL refuses COPY into a
table under row-level security, so the rows travel as one array per column, prepared and bound by
the server: the nearest thing to it (docs/benchmarks.md has the distance).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from kernel.compiled import prepared_cursor
from telemetry.models import LatestMetrics, Reading


class NewReading(NamedTuple):
    """A row to be; far cheaper than an instance of the model, of which a flush has thousands."""

    device_id: int
    tenant_id: int | None
    boot_id: str
    seq: int
    at: datetime
    received_at: datetime
    is_at_corrected: bool
    metrics: Mapping[str, float]


Key = tuple[int, str, int]
_READINGS = Reading._meta.db_table
_LATEST = LatestMetrics._meta.db_table
_COLUMNS = ", ".join(NewReading._fields)
_VALUES = ", ".join(["%s"] * len(NewReading._fields))
_INSERT_EACH = (
    f"INSERT INTO {_READINGS} ({_COLUMNS}) VALUES ({_VALUES}) "  # noqa: S608  names only
    "ON CONFLICT DO NOTHING"
)
_INSERT_ARRAYS = (
    f"INSERT INTO {_READINGS} ({_COLUMNS}) "  # noqa: S608  names only
    "SELECT * FROM ROWS FROM (unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::text[]), "
    "unnest(%s::bigint[]), unnest(%s::timestamptz[]), unnest(%s::timestamptz[]), "
    "unnest(%s::boolean[]), jsonb_array_elements(%s::jsonb)) AS given "
    "ON CONFLICT DO NOTHING RETURNING device_id, boot_id, seq"
)
_ONLY_FORWARDS = (
    "ON CONFLICT (device_id) DO UPDATE SET tenant_id = excluded.tenant_id, "
    "metrics = excluded.metrics, at = excluded.at, received_at = excluded.received_at "
    "WHERE excluded.at >= latest.at RETURNING device_id"
)
_LATEST_COLUMNS = "device_id, tenant_id, at, received_at, metrics"
_LATEST_INTO = f"INSERT INTO {_LATEST} AS latest ({_LATEST_COLUMNS})"
_LATEST_ROW = "(%s, %s, %s, %s, %s)"
# SQLite takes 32,766 values with a statement; this is enough for a few devices at once.
_ROWS_PER_STATEMENT = 100
_LATEST_ARRAYS = (
    f"{_LATEST_INTO} "  # noqa: S608  names only
    "SELECT * FROM ROWS FROM (unnest(%s::bigint[]), unnest(%s::bigint[]), "
    "unnest(%s::timestamptz[]), unnest(%s::timestamptz[]), jsonb_array_elements(%s::jsonb)) "
    f"AS given {_ONLY_FORWARDS}"
)
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def insert_new(rows: Sequence[NewReading]) -> list[bool]:
    """Insert those readings that are not there yet; says of each row whether it was new.

    Of rows with the same number the first is the new one.
    """
    insert = _insert_arrays if connection.vendor == "postgresql" else _insert_each
    new = insert(rows)
    if new is None:
        return [True] * len(rows)
    verdicts = []
    for row in rows:
        key = (row.device_id, row.boot_id, row.seq)
        verdicts.append(key in new)
        new.discard(key)
    return verdicts


def advance_latest(rows: Sequence[NewReading]) -> set[int]:
    """Make these their devices' newest readings, where no newer one is there.

    One row per device; returns the devices that now show theirs.
    """
    if connection.vendor == "postgresql":
        columns = [
            _array(row.device_id for row in rows),
            _array(row.tenant_id for row in rows),
            _array(row.at.isoformat() for row in rows),
            _array(row.received_at.isoformat() for row in rows),
            _encode([row.metrics for row in rows]),
        ]
        with prepared_cursor() as cursor:
            cursor.execute(_LATEST_ARRAYS, columns)
            return {device_id for (device_id,) in cursor.fetchall()}
    advanced: set[int] = set()
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _ROWS_PER_STATEMENT):
            some = rows[start : start + _ROWS_PER_STATEMENT]
            values: list[Any] = []
            for row in some:
                values += [row.device_id, row.tenant_id, _text(row.at), _text(row.received_at)]
                values.append(_encode(row.metrics))
            places = ", ".join([_LATEST_ROW] * len(some))
            cursor.execute(f"{_LATEST_INTO} VALUES {places} {_ONLY_FORWARDS}", values)
            advanced.update(device_id for (device_id,) in cursor.fetchall())
    return advanced


def _array(values: Iterable[Any]) -> str:
    """An array as PostgreSQL writes it: the driver's own way takes longer than the insert."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def _insert_arrays(rows: Sequence[NewReading]) -> set[Key] | None:
    device_ids, tenant_ids, boot_ids, seqs, ats, received_ats, corrected, metrics = zip(
        *rows, strict=True
    )
    columns = [
        _array(device_ids),
        _array(tenant_ids),
        # A boot may be called "null"; a quote or a backslash is in the name of none.
        '{"' + '","'.join(boot_ids) + '"}',
        _array(seqs),
        _array(at.isoformat() for at in ats),
        _array(at.isoformat() for at in received_ats),
        _array(corrected),
        _encode(metrics),
    ]
    with prepared_cursor() as cursor:
        cursor.execute(_INSERT_ARRAYS, columns)
        # Mostly all are new, and nobody has to read which.
        return None if cursor.rowcount == len(rows) else set(cursor.fetchall())


def _insert_each(rows: Sequence[NewReading]) -> set[Key] | None:
    """SQLite: a unit of work is the only writer, so what is numbered from here on is its own."""
    received_at = {moment: _text(moment) for moment in {row.received_at for row in rows}}
    texts = _encoded_each([row.metrics for row in rows])
    values = [
        (*row[:4], _text(row.at), received_at[row.received_at], row[6], text)
        for row, text in zip(rows, texts, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {_READINGS}")  # noqa: S608  a name only
        (highest,) = cursor.fetchone()
        cursor.executemany(_INSERT_EACH, values)
        if cursor.rowcount == len(rows):
            return None
        cursor.execute(
            f"SELECT device_id, boot_id, seq FROM {_READINGS} WHERE id > %s",  # noqa: S608
            [highest],
        )
        return set(cursor.fetchall())


def _encoded_each(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    # All at once and then apart: names and numbers have no braces in them, and the encoder's
    # way in and out is what costs.
    return ["{" + text + "}" for text in _encode(metrics)[2:-2].split("},{")]


def _text(moment: datetime) -> Any:
    """A time as SQLite keeps it; the same as Django's own adapter makes, for UTC."""
    if moment.tzinfo is UTC:
        return str(moment.replace(tzinfo=None))
    return connection.ops.adapt_datetimefield_value(moment)
