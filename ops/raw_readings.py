"""Read model of single readings: as a table, and as the JSON they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor
from ops import documents, selectors
from ops.spans import Span
from telemetry import selectors as telemetry

PAGE_SIZE: Final = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DIGITS = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class RawReading:
    """One reading as it came."""

    number: int
    at: datetime
    received_at: datetime
    is_at_corrected: bool
    boot_id: str
    seq: int
    metrics: Sequence[tuple[str, str]]
    text: str

    @property
    def was_late(self) -> bool:
        """Whether it came more than a minute after it was measured."""
        return self.received_at - self.at > timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class RawSheet:
    """One page of readings; `next_before` continues it with older ones."""

    card: selectors.DeviceCard
    span: Span
    metric: str
    names: Sequence[str]
    readings: Sequence[RawReading]
    text: str
    next_before: str
    is_later_page: bool
    problem: str


def raw_sheet(
    *, actor: Actor, uid: str, metric: str, span: Span, before: str, now: datetime
) -> RawSheet:
    """The newest readings of a device of the viewer in a span. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    names = telemetry.metric_names(actor=actor, device_uid=device.uid)
    problem, rows = "", []
    try:
        found = telemetry.raw_readings_of(
            actor=actor,
            device_uid=device.uid,
            since=span.since,
            until=span.until,
            metric=metric,
        )
    except errors.ValidationFailed:
        problem = "This is no name of a metric."
    else:
        if place := _place(before):
            found = telemetry.readings_before(found, at=place[0], pk=place[1])
        rows = list(found.order_by("-at", "-pk")[: PAGE_SIZE + 1])
    shown = [_reading(row) for row in rows[:PAGE_SIZE]]
    return RawSheet(
        card=selectors.device_card(device, now=now),
        span=span,
        metric=metric,
        names=[name.metric for name in names],
        readings=shown,
        text=documents.written([_as_json(row) for row in rows[:PAGE_SIZE]]),
        next_before=_written(rows[PAGE_SIZE - 1]) if len(rows) > PAGE_SIZE else "",
        is_later_page=bool(before),
        problem=problem,
    )


def _reading(row: Any) -> RawReading:
    return RawReading(
        number=row.pk,
        at=row.at,
        received_at=row.received_at,
        is_at_corrected=row.is_at_corrected,
        boot_id=row.boot_id,
        seq=row.seq,
        metrics=[(name, documents.in_line(value)) for name, value in sorted(row.metrics.items())],
        text=documents.written(_as_json(row)),
    )


def _as_json(row: Any) -> Mapping[str, Any]:
    return {
        "boot_id": row.boot_id,
        "seq": row.seq,
        "at": row.at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "is_at_corrected": row.is_at_corrected,
        "metrics": row.metrics,
    }


def _written(row: Any) -> str:
    """Where a page ends: microseconds and number of its last reading."""
    return f"{(row.at - _EPOCH) // timedelta(microseconds=1)}.{row.pk}"


def _place(text: str) -> tuple[datetime, int] | None:
    """Where a page ended; None for what no page says."""
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    if any(len(part) > _MAX_DIGITS for part in parts):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(parts[0])), int(parts[1])
    except OverflowError:
        return None
