"""The statements of charts, and of which metrics a device has; the caller has checked who may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from telemetry.buckets import HOUR, RAW, SUM_LIMIT, Bucket, Plan
from telemetry.models import Reading, ReadingRollup
from telemetry.policies import earliest_arrival

_READING: Final = Reading._meta.db_table
_ROLLUP: Final = ReadingRollup._meta.db_table

Drawn = dict[str, dict[int, Bucket]]


def draw(*, device_id: int, tenant_id: int, metrics: Sequence[str], plan: Plan) -> Drawn:
    """For each metric the buckets of the plan that hold anything, by their number from its start.

    Readings of the device from before it had this owner do not count.
    """
    sql, parameters = chart_statement(
        device_id=device_id, tenant_id=tenant_id, metrics=metrics, plan=plan
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    drawn: Drawn = {metric: {} for metric in metrics}
    first = int(plan.since.timestamp()) // plan.width
    for metric, number, count, least, most, total, last, last_at in rows:
        drawn[metric][int(number) - first] = Bucket(
            count=int(count), min=least, max=most, sum=total, last=last, last_at=_moment(last_at)
        )
    return drawn


def chart_statement(
    *, device_id: int, tenant_id: int, metrics: Sequence[str], plan: Plan
) -> tuple[str, list[Any]]:
    """The one statement of a chart, and its parameters."""
    rows = _raw_rows(len(metrics)) if plan.tier == RAW else _rolled_rows(len(metrics), plan.tier)
    place = (
        f"{_number_of('at', plan.width)} AS number, row_number() OVER (PARTITION BY metric, "
        f"{_number_of('at', plan.width)} ORDER BY at DESC, id DESC) AS place"
    )
    sql = (
        "SELECT metric, number, sum(count), min(min), max(max), sum(sum), "  # noqa: S608
        "max(CASE WHEN place = 1 THEN last END), max(last_at) "
        f"FROM (SELECT found.*, {place} FROM ({rows}) AS found) AS placed GROUP BY metric, number"
    )
    ends = [plan.since, plan.until]
    if plan.tier == RAW:
        # Changes nothing in what is found: it keeps the search out of days that were over before.
        ends.append(earliest_arrival(plan.since))
    span = [connection.ops.adapt_datetimefield_value(end) for end in ends]
    return sql, [*metrics, device_id, tenant_id, *span]


def names_statement(*, device_id: int, tenant_id: int, limit: int) -> tuple[str, list[Any]]:
    """Each metric of a device with the end of its newest hourly bucket, in order of name.

    Hops from name to name through the index, so the cost goes by metrics and not by buckets.
    """
    of_device = f"device_id = %s AND tenant_id = %s AND tier = {HOUR}"
    newest = (
        f"SELECT r.id FROM {_ROLLUP} r WHERE r.device_id = %s AND r.metric = names.metric "  # noqa: S608
        f"AND r.tier = {HOUR} ORDER BY r.bucket_at DESC LIMIT 1"
    )
    sql = (
        f"WITH RECURSIVE names(metric) AS (SELECT min(metric) FROM {_ROLLUP} "  # noqa: S608
        f"WHERE {of_device} UNION ALL SELECT (SELECT min(metric) FROM {_ROLLUP} "
        f"WHERE {of_device} AND metric > names.metric) FROM names WHERE metric IS NOT NULL) "
        f"SELECT names.metric, kept.last, kept.last_at FROM names JOIN {_ROLLUP} kept "
        f"ON kept.id = ({newest}) WHERE names.metric IS NOT NULL LIMIT %s"
    )
    return sql, [device_id, tenant_id, device_id, tenant_id, device_id, limit]


def names_of(*, device_id: int, tenant_id: int, limit: int) -> list[tuple[str, float, datetime]]:
    """Each rolled-up metric of the device with its last value and when that was."""
    sql, parameters = names_statement(device_id=device_id, tenant_id=tenant_id, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [(metric, last, _moment(at)) for metric, last, at in cursor.fetchall()]


def _rolled_rows(metrics: int, tier: int) -> str:
    names = ", ".join(["%s"] * metrics)
    return (
        "SELECT id, metric, bucket_at AS at, count, min, max, sum, last, last_at "  # noqa: S608
        f"FROM {_ROLLUP} WHERE metric IN ({names}) AND device_id = %s AND tenant_id = %s "
        f"AND tier = {tier} AND bucket_at >= %s AND bucket_at < %s"
    )


def _raw_rows(metrics: int) -> str:
    """Each reading as a bucket of itself."""
    names = " UNION ALL ".join([f"SELECT {_text('%s')} AS metric"] * metrics)
    value, is_number, clamped = _value_of("r.metrics", "wanted.metric")
    return (
        f"SELECT r.id, wanted.metric, r.at, 1 AS count, {value} AS min, {value} AS max, "  # noqa: S608
        f"{clamped} AS sum, {value} AS last, r.at AS last_at "
        f"FROM ({names}) AS wanted CROSS JOIN {_READING} r WHERE r.device_id = %s "
        "AND r.tenant_id = %s AND r.at >= %s AND r.at < %s AND r.received_at >= %s "
        f"AND {is_number}"
    )


def _value_of(column: str, metric: str) -> tuple[str, str, str]:
    if connection.vendor == "postgresql":
        value = f"({column} -> {metric})::float8"
        return (
            value,
            f"jsonb_typeof({column} -> {metric}) = 'number'",
            f"greatest(-{SUM_LIMIT}, least({SUM_LIMIT}, {value}))",
        )
    # The name is one that may name a metric: nothing in it needs escaping.
    path = f"""'$."' || {metric} || '"'"""
    value = f"CAST(json_extract({column}, {path}) AS REAL)"
    return (
        value,
        f"json_type({column}, {path}) IN ('integer', 'real')",
        f"max(-{SUM_LIMIT}, min({SUM_LIMIT}, {value}))",
    )


def _number_of(column: str, width: int) -> str:
    if connection.vendor == "postgresql":
        return f"floor(extract(epoch FROM {column}) / {width})::bigint"
    return f"CAST(strftime('%%s', {column}) AS INTEGER) / {width}"


def _text(value: str) -> str:
    return f"CAST({value} AS text)"


def _moment(value: Any) -> datetime:
    # SQLite keeps no zone, and answers a column as a time but what is computed as a text.
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
