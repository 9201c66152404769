"""The statements of ingestion that the ORM cannot write: each takes many rows.

All readings of a flush, of whatever devices, are one statement. PostgreSQL refuses COPY into a
table under row-level security, so the rows travel as one array per column, prepared and bound by
the server: docs/decisions/0020 has what that costs beside COPY.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from kernel.compiled import prepared_cursor
from telemetry.models import LatestMetrics, Reading
from telemetry.policies import SKEW_HOLDS


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


_READINGS = Reading._meta.db_table
_LATEST = LatestMetrics._meta.db_table
_COLUMNS = ", ".join(NewReading._fields)
_VALUES = ", ".join(["%s"] * len(NewReading._fields))
_INSERT_EACH = f"INSERT INTO {_READINGS} ({_COLUMNS}) VALUES ({_VALUES})"  # noqa: S608  names only
_INSERT_ARRAYS = (
    f"INSERT INTO {_READINGS} ({_COLUMNS}) "  # noqa: S608  names only
    "SELECT * FROM ROWS FROM (unnest(%s::bigint[]), unnest(%s::bigint[]), unnest(%s::text[]), "
    "unnest(%s::bigint[]), unnest(%s::timestamptz[]), unnest(%s::timestamptz[]), "
    "unnest(%s::boolean[]), jsonb_array_elements(%s::jsonb)) AS given"
)
# What a clock showed less than an hour ago counts for more than what came late: a reading can be
# late by any time, but never early.
_IS_BETTER_SKEW = (
    "(excluded.clock_skew_s IS NOT NULL AND (latest.clock_skew_s IS NULL "
    "OR excluded.clock_skew_s >= latest.clock_skew_s OR latest.clock_skew_at < {stale}))"
)
_LATEST_COLUMNS = "device_id, tenant_id, at, received_at, metrics, clock_skew_s, clock_skew_at"
_LATEST_INTO = f"INSERT INTO {_LATEST} AS latest ({_LATEST_COLUMNS})"
_LATEST_ROW = "(%s, %s, %s, %s, %s, %s, %s)"
# SQLite takes 32,766 values with a statement; this is enough for a few devices at once.
_ROWS_PER_STATEMENT = 100


def _only_forwards(stale: str) -> str:
    is_newer, is_better = "excluded.at >= latest.at", _IS_BETTER_SKEW.format(stale=stale)
    kept = ", ".join(
        f"{column} = CASE WHEN {condition} THEN excluded.{column} ELSE latest.{column} END"
        for column, condition in (
            ("metrics", is_newer),
            ("at", is_newer),
            ("received_at", is_newer),
            ("clock_skew_s", is_better),
            ("clock_skew_at", is_better),
        )
    )
    return (
        f"ON CONFLICT (device_id) DO UPDATE SET tenant_id = excluded.tenant_id, {kept} "
        f"WHERE {is_newer} OR {is_better} RETURNING device_id, at"
    )


_LATEST_ARRAYS = (
    f"{_LATEST_INTO} "  # noqa: S608  names only
    "SELECT * FROM ROWS FROM (unnest(%s::bigint[]), unnest(%s::bigint[]), "
    "unnest(%s::timestamptz[]), unnest(%s::timestamptz[]), jsonb_array_elements(%s::jsonb), "
    "unnest(%s::float8[]), unnest(%s::timestamptz[])) "
    f"AS given {_only_forwards('excluded.clock_skew_at - %s::interval')}"
)
_LATEST_VALUES = _only_forwards("%s")
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def insert_readings(rows: Sequence[NewReading]) -> None:
    """Insert these readings; that they are new, their windows have told."""
    insert = _insert_arrays if connection.vendor == "postgresql" else _insert_each
    insert(rows)


def advance_latest(rows: Sequence[NewReading], skews: Mapping[int, float]) -> set[int]:
    """Make these their devices' newest readings, where no newer one is there.

    One row per device; returns the devices that now show theirs. `skews` are how far devices'
    clocks seem to be ahead, in seconds.
    """
    advance = _advance_arrays if connection.vendor == "postgresql" else _advance_each
    shown = advance(rows, skews)
    return {row.device_id for row in rows if shown.get(row.device_id) == row.at}


def array(values: Iterable[Any]) -> str:
    """An array as PostgreSQL writes it: the driver's own way takes longer than the insert.

    Of numbers, truth values and times; no text of those has "None" in it.
    """
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def quoted_array(values: Iterable[str]) -> str:
    """An array of texts without quotes in them; one of them may be called "null"."""
    return '{"' + '","'.join(values) + '"}'


def moment_text(moment: datetime) -> Any:
    """A time as SQLite keeps it; the same as Django's own adapter makes, for UTC."""
    if moment.tzinfo is UTC:
        return str(moment.replace(tzinfo=None))
    return connection.ops.adapt_datetimefield_value(moment)


def _advance_arrays(rows: Sequence[NewReading], skews: Mapping[int, float]) -> dict[int, datetime]:
    columns = [
        array(row.device_id for row in rows),
        array(row.tenant_id for row in rows),
        array(row.at.isoformat() for row in rows),
        array(row.received_at.isoformat() for row in rows),
        _encode([row.metrics for row in rows]),
        array(skews.get(row.device_id) for row in rows),
        array(row.received_at.isoformat() if row.device_id in skews else None for row in rows),
    ]
    with prepared_cursor() as cursor:
        # Both conditions of the statement name the limit.
        cursor.execute(_LATEST_ARRAYS, [*columns, *[SKEW_HOLDS] * _LATEST_ARRAYS.count("interval")])
        return dict(cursor.fetchall())


def _advance_each(rows: Sequence[NewReading], skews: Mapping[int, float]) -> dict[int, datetime]:
    shown: dict[int, datetime] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _ROWS_PER_STATEMENT):
            some = rows[start : start + _ROWS_PER_STATEMENT]
            values: list[Any] = []
            for row in some:
                at, received_at = moment_text(row.at), moment_text(row.received_at)
                skew = skews.get(row.device_id)
                values += [row.device_id, row.tenant_id, at, received_at, _encode(row.metrics)]
                values += [skew, None if skew is None else received_at]
            # All rows of a flush arrived at one time.
            stale = moment_text(rows[0].received_at - SKEW_HOLDS)
            places = ", ".join([_LATEST_ROW] * len(some))
            cursor.execute(
                f"{_LATEST_INTO} VALUES {places} {_LATEST_VALUES}",
                [*values, *[stale] * _LATEST_VALUES.count("%s")],
            )
            for device_id, at in cursor.fetchall():
                shown[device_id] = datetime.fromisoformat(str(at)).replace(tzinfo=UTC)
    return shown


def _insert_arrays(rows: Sequence[NewReading]) -> None:
    device_ids, tenant_ids, boot_ids, seqs, ats, received_ats, corrected, metrics = zip(
        *rows, strict=True
    )
    # All rows of a flush arrived at one time.
    received_at = {moment: moment.isoformat() for moment in set(received_ats)}
    columns = [
        array(device_ids),
        array(tenant_ids),
        quoted_array(boot_ids),
        array(seqs),
        array([at.isoformat() for at in ats]),
        array(map(received_at.__getitem__, received_ats)),
        array(corrected),
        _encode(metrics),
    ]
    with prepared_cursor() as cursor:
        cursor.execute(_INSERT_ARRAYS, columns)


def _insert_each(rows: Sequence[NewReading]) -> None:
    received_at = {moment: moment_text(moment) for moment in {row.received_at for row in rows}}
    texts = _encoded_each([row.metrics for row in rows])
    values = [
        (*row[:4], moment_text(row.at), received_at[row.received_at], row[6], text)
        for row, text in zip(rows, texts, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_EACH, values)


def _encoded_each(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    # All at once and then apart: names and numbers have no braces in them, and the encoder's
    # way in and out is what costs.
    return ["{" + text + "}" for text in _encode(metrics)[2:-2].split("},{")]
