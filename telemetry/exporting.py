"""Export of what a device measured, page by page, so that memory stays the same at any size."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from devices import selectors as devices
from edge.protocol.fields import is_metric_name
from kernel import errors, row_security
from kernel.actors import Actor
from kernel.spreadsheets import harmless
from telemetry.buckets import FIVE_MINUTES, HOUR, RAW
from telemetry.models import Reading, ReadingRollup
from telemetry.policies import earliest_arrival

PAGE: Final = 1_000
TIERS: Final = {"raw": RAW, "5m": FIVE_MINUTES, "1h": HOUR}
MAX_METRICS: Final = 64
_RAW_COLUMNS: Final = ("at", "metric", "value", "received_at", "is_at_corrected")
_BUCKET_COLUMNS: Final = ("at", "metric", "count", "min", "max", "avg", "last")

Row = Sequence[Any]
# A page of rows after a key, and the key of its last row; None without a further page.
Page = tuple[Sequence[Row], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """Whose export it is, and its pieces, which are read while they are sent."""

    device_uid: str
    pieces: Iterator[bytes]


def export(
    *,
    actor: Actor,
    device_uid: str,
    metrics: Sequence[str],
    since: datetime,
    until: datetime,
    resolution: str,
    form: str,
) -> Export:
    """What a device, its archive included, measured in `[since, until)`, as CSV or JSON Lines.

    All metrics when none is named. Raises NotFound for a device the actor may not see,
    ValidationFailed for what is no name, before anything is sent. Each page is read in a
    transaction of its own within what the actor may touch: rows that come or go meanwhile may or
    may not be in it, no row is in it twice.
    """
    if len(metrics) > MAX_METRICS or not all(map(is_metric_name, metrics)):
        raise errors.ValidationFailed(details={"metric": ["This is no name of a metric."]})
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    if resolution == "raw":
        columns: Sequence[str] = _RAW_COLUMNS
        readings = Reading.objects.visible_to(actor).filter(
            device_id=device.pk,
            at__gte=since,
            at__lt=until,
            received_at__gte=earliest_arrival(since),
        )
        read = _reader_of_readings(readings, set(metrics))
    else:
        columns = _BUCKET_COLUMNS
        buckets = ReadingRollup.objects.visible_to(actor).filter(
            device_id=device.pk,
            tier=TIERS[resolution],
            bucket_at__gte=since,
            bucket_at__lt=until,
        )
        read = _reader_of_buckets(buckets.filter(metric__in=metrics) if metrics else buckets)
    write = _csv if form == "csv" else _json_lines
    return Export(device_uid=device.uid, pieces=_pieces(actor, read, write, columns))


def safe_cell(value: Any) -> Any:
    """The value such that no spreadsheet takes it for a formula; numbers stay numbers."""
    return harmless(value) if isinstance(value, str) else value


def _pieces(
    actor: Actor,
    read: Callable[[Any], Page],
    write: Callable[[Sequence[str], Sequence[Row]], bytes],
    columns: Sequence[str],
) -> Iterator[bytes]:
    if write is _csv:
        yield _csv(columns, [columns])
    key: Any = None
    while True:
        # Each piece may be made on another thread: what holds for one page ends with it.
        with row_security.actor_scope(actor), row_security.reading(connection):
            rows, key = read(key)
        if rows:
            yield write(columns, rows)
        if key is None:
            return


def _reader_of_readings(rows: QuerySet[Any, Any], wanted: set[str]) -> Callable[[Any], Page]:
    ordered = rows.order_by("at", "pk").values_list(
        "at", "pk", "received_at", "is_at_corrected", "metrics"
    )

    def read(key: Any) -> Page:
        page = (
            ordered
            if key is None
            else ordered.filter(at__gte=key[0]).exclude(at=key[0], pk__lte=key[1])
        )
        found = list(page[:PAGE])
        lines = [
            (_text(at), name, value, _text(received_at), is_corrected)
            for at, _, received_at, is_corrected, metrics in found
            for name, value in metrics.items()
            if not wanted or name in wanted
        ]
        return lines, found[-1][:2] if len(found) == PAGE else None

    return read


def _reader_of_buckets(rows: QuerySet[Any, Any]) -> Callable[[Any], Page]:
    # By metric first: in the order of the index, each page begins where the last one ended.
    ordered = rows.order_by("metric", "bucket_at").values_list(
        "metric", "bucket_at", "count", "min", "max", "sum", "last"
    )

    def read(key: Any) -> Page:
        page = (
            ordered
            if key is None
            else ordered.filter(
                Q(metric=key[0], bucket_at__gt=key[1]) | Q(metric__gt=key[0]), metric__gte=key[0]
            )
        )
        found = list(page[:PAGE])
        lines = [
            (_text(at), metric, count, least, most, total / count, last)
            for metric, at, count, least, most, total, last in found
        ]
        return lines, found[-1][:2] if len(found) == PAGE else None

    return read


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([safe_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _json_lines(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    lines = (
        json.dumps(dict(zip(columns, row, strict=True)), separators=(",", ":")) for row in rows
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
