"""The statements of the rollup: whole sets at once, on PostgreSQL and on SQLite.

What they compute is the law of `telemetry/buckets.py`. A span is the readings that arrived after
one position and up to another.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from telemetry.buckets import FIVE_MINUTES, HOUR, SUM_LIMIT
from telemetry.models import Reading, ReadingRollup
from telemetry.policies import MAX_AHEAD

_READING: Final = Reading._meta.db_table
_ROLLUP: Final = ReadingRollup._meta.db_table
_COLUMNS: Final = (
    "device_id, tenant_id, metric, tier, bucket_at, count, min, max, sum, last, last_at"
)
# How long to wait for those who are writing readings right now.
_PATIENCE_S = 1.0
# Locks of all databases of a server are in one list, and a copy of a database has its numbers.
_WRITERS = (
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND mode = 'RowExclusiveLock' AND relation = %s::regclass AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Readings that arrived after `after` and up to `upto`; the oldest by the device's time."""

    after: int
    upto: int
    oldest_at: datetime


def settled_position() -> int | None:
    """A position up to which no reading can appear any more; None while writers hold it up.

    PostgreSQL gives out keys before COMMIT, so a lower key may show later than a higher one. Who
    has a key holds the table's writer lock since before, so once those are gone who held it after
    the highest key was read, all keys up to there are settled. Nobody is made to wait for this.
    """
    newest = int(_rows(f"SELECT coalesce(max(id), 0) FROM {_READING}")[0][0])  # noqa: S608
    if connection.vendor != "postgresql":
        return newest
    writers = _writers()
    until = time.monotonic() + _PATIENCE_S
    while writers:
        if time.monotonic() > until:
            return None
        time.sleep(0.01)
        writers &= _writers()
    return newest


def next_span(*, after: int, upto: int, limit: int) -> Span | None:
    """The next `limit` readings after a position; None without one."""
    found = _rows(
        "SELECT max(id), min(at) FROM (SELECT id, at FROM "  # noqa: S608  names only
        f"{_READING} WHERE id > %s AND id <= %s ORDER BY id LIMIT %s) AS next",
        [after, upto, limit],
    )
    last, oldest_at = found[0]
    if last is None:
        return None
    return Span(after=after, upto=int(last), oldest_at=_moment(oldest_at))


def recompute_fine(span: Span, *, complete_from: datetime) -> None:
    """Make each five-minute bucket that the span touches anew, from all its readings so far.

    Only those from `complete_from` on, before which readings may be gone.
    """
    bucket = _floor("r.at", FIVE_MINUTES)
    touched = (
        f"SELECT DISTINCT r.device_id, {bucket} AS bucket_at FROM {_READING} r "  # noqa: S608
        "WHERE r.id > %s AND r.id <= %s AND r.tenant_id IS NOT NULL"
    )
    readings = (
        f"SELECT r.id, r.device_id, r.tenant_id, t.bucket_at, r.at, r.metrics FROM touched t "  # noqa: S608
        f"{_join(_READING, 'r', _readings_of_bucket())} "
        "WHERE t.bucket_at >= %s AND r.id <= %s AND r.tenant_id IS NOT NULL"
    )
    parameters = [span.after, span.upto, _time(complete_from), span.upto]
    sql = f"WITH touched AS ({touched}), readings AS ({readings}) {_write(FIVE_MINUTES)} {_REPLACE}"
    _execute(sql, parameters)


def recompute_hours(span: Span, *, complete_from: datetime) -> None:
    """Make each hourly bucket that the span touches anew, from its five-minute buckets."""
    hour = _floor("r.at", HOUR)
    touched = (
        f"SELECT DISTINCT r.device_id, m.key AS metric, {hour} AS hour_at "  # noqa: S608
        f"FROM {_READING} r {_each('r.metrics')} "
        "WHERE r.id > %s AND r.id <= %s AND r.tenant_id IS NOT NULL"
    )
    fine = (
        "SELECT f.device_id, f.tenant_id, f.metric, t.hour_at, f.count, f.min, f.max, f.sum, "  # noqa: S608
        "f.last, f.last_at, row_number() OVER (PARTITION BY f.device_id, f.metric, t.hour_at "
        "ORDER BY f.bucket_at DESC) AS place FROM touched t "
        f"{_join(_ROLLUP, 'f', _fine_of_hour())} "
        "WHERE t.hour_at >= %s"
    )
    sql = (
        f"WITH touched AS ({touched}), fine AS ({fine}) INSERT INTO {_ROLLUP} AS kept "  # noqa: S608
        f"({_COLUMNS}) SELECT device_id, max(tenant_id), metric, {HOUR}, hour_at, sum(count), "
        "min(min), max(max), sum(sum), max(CASE WHEN place = 1 THEN last END), max(last_at) "
        f"FROM fine WHERE true GROUP BY device_id, metric, hour_at {_REPLACE}"
    )
    _execute(sql, [span.after, span.upto, _time(complete_from)])


def merge_old(span: Span, *, tier: int, before: datetime) -> None:
    """Add the span's readings to the buckets before a time, whose own sources may be gone.

    Not to be repeated for a span: the position moves in the same transaction.
    """
    readings = (
        "SELECT * FROM (SELECT r.id, r.device_id, r.tenant_id, "  # noqa: S608  names only
        f"{_floor('r.at', tier)} AS bucket_at, r.at, r.metrics FROM {_READING} r "
        "WHERE r.id > %s AND r.id <= %s AND r.tenant_id IS NOT NULL) AS late WHERE bucket_at < %s"
    )
    sql = f"WITH readings AS ({readings}) {_write(tier)} {_merging()}"
    _execute(sql, [span.after, span.upto, _time(before)])


def _write(tier: int) -> str:
    """Insert the buckets of `readings`, value by value."""
    value = _number("m.value")
    return (
        f"INSERT INTO {_ROLLUP} AS kept ({_COLUMNS}) "  # noqa: S608  names and numbers only
        f"SELECT device_id, max(tenant_id), metric, {tier}, bucket_at, count(*), min(value), "
        f"max(value), sum({_clamped('value')}), max(CASE WHEN place = 1 THEN value END), max(at) "
        "FROM (SELECT r.device_id, r.tenant_id, m.key AS metric, r.bucket_at, r.at, "
        f"{value} AS value, row_number() OVER (PARTITION BY r.device_id, m.key, r.bucket_at "
        f"ORDER BY r.at DESC, r.id DESC) AS place FROM readings r {_each('r.metrics')} "
        f"WHERE {_is_number('m')}) AS numbers GROUP BY device_id, metric, bucket_at"
    )


_REPLACE: Final = (
    "ON CONFLICT (device_id, metric, tier, bucket_at) DO UPDATE SET tenant_id = excluded.tenant_id,"
    " count = excluded.count, min = excluded.min, max = excluded.max, sum = excluded.sum,"
    " last = excluded.last, last_at = excluded.last_at"
)


def _merging() -> str:
    least, greatest = ("least", "greatest") if _is_postgresql() else ("min", "max")
    return (
        "ON CONFLICT (device_id, metric, tier, bucket_at) DO UPDATE SET "
        "count = kept.count + excluded.count, sum = kept.sum + excluded.sum, "
        f"min = {least}(kept.min, excluded.min), max = {greatest}(kept.max, excluded.max), "
        "last = CASE WHEN excluded.last_at >= kept.last_at THEN excluded.last ELSE kept.last END, "
        f"last_at = {greatest}(kept.last_at, excluded.last_at)"
    )


# Where the two databases differ


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def _floor(column: str, seconds: int) -> str:
    if _is_postgresql():
        return f"date_bin('{seconds} seconds', {column}, TIMESTAMPTZ 'epoch')"
    whole = f"CAST(strftime('%%s', {column}) AS INTEGER) / {seconds} * {seconds}"
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', {whole}, 'unixepoch')"


def _of_bucket(alias: str, column: str, start: str, seconds: int) -> str:
    end = (
        f"{start} + interval '{seconds} seconds'"
        if _is_postgresql()
        else f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', {start}, '+{seconds} seconds')"
    )
    return (
        f"{alias}.device_id = t.device_id AND {alias}.{column} >= {start} "
        f"AND {alias}.{column} < {end}"
    )


def _readings_of_bucket() -> str:
    bucket = _of_bucket("r", "at", "t.bucket_at", FIVE_MINUTES)
    if not _is_postgresql():
        return bucket
    # Changes nothing in what is found: it keeps the search out of days that cannot hold any, those
    # that were over before the bucket began and those that are still to come.
    ahead = f"interval '{int(MAX_AHEAD.total_seconds())} seconds'"
    return (
        f"{bucket} AND r.received_at >= t.bucket_at - {ahead} "
        "AND r.received_at < now() + interval '2 days'"
    )


def _fine_of_hour() -> str:
    if not _is_postgresql():
        of_hour = _of_bucket("f", "bucket_at", "t.hour_at", HOUR)
        return f"f.metric = t.metric AND f.tier = {FIVE_MINUTES} AND {of_hour}"
    # As one comparison of rows only the index by device can serve it. While the table is young and
    # without statistics, the planner would read all devices' buckets of the hour instead.
    row, start = "(f.device_id, f.metric, f.tier, f.bucket_at)", "t.device_id, t.metric"
    tier = f"{FIVE_MINUTES}::smallint"
    return (
        "f.device_id = t.device_id AND f.metric = t.metric "
        f"AND {row} >= ({start}, {tier}, t.hour_at) "
        f"AND {row} < ({start}, {tier}, t.hour_at + interval '{HOUR} seconds')"
    )


def _join(table: str, alias: str, condition: str) -> str:
    """Join so that each touched bucket is looked up by index, however large the table is."""
    if _is_postgresql():
        # The OFFSET keeps the planner from turning the look-ups into one scan of everything.
        return (
            f"CROSS JOIN LATERAL (SELECT * FROM {table} {alias} WHERE {condition} OFFSET 0) {alias}"  # noqa: S608
        )
    return f"CROSS JOIN {table} {alias} ON {condition}"


def _each(column: str) -> str:
    if _is_postgresql():
        return f"CROSS JOIN LATERAL jsonb_each({column}) AS m(key, value)"
    return f"CROSS JOIN json_each({column}) AS m"


def _is_number(alias: str) -> str:
    if _is_postgresql():
        return f"jsonb_typeof({alias}.value) = 'number'"
    return f"{alias}.type IN ('integer', 'real')"


def _number(column: str) -> str:
    return f"({column})::float8" if _is_postgresql() else f"CAST({column} AS REAL)"


def _clamped(column: str) -> str:
    least, greatest = ("least", "greatest") if _is_postgresql() else ("min", "max")
    return f"{greatest}(-{SUM_LIMIT}, {least}({SUM_LIMIT}, {column}))"


def _writers() -> set[str]:
    return {name for (name,) in _rows(_WRITERS, [_READING])}


def _rows(sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return list(cursor.fetchall())


def _execute(sql: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))


def _time(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    parsed = datetime.fromisoformat(str(value))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
