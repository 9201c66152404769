"""Reads about telemetry."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models.fields.json import KeyTransform

from devices import selectors as devices
from edge.protocol.fields import is_metric_name
from kernel import errors
from kernel.actors import Actor
from telemetry.chart_selectors import chart as chart
from telemetry.chart_selectors import metric_names as metric_names
from telemetry.chart_types import MetricName as MetricName
from telemetry.models import LatestMetrics, Reading
from telemetry.policies import CLOCK_IS_WRONG, earliest_arrival
from telemetry.raw_selectors import raw_readings_of as raw_readings_of
from telemetry.raw_selectors import readings_before as readings_before
from telemetry.sensor_selectors import sensor_events_of as sensor_events_of
from telemetry.sensor_selectors import sensor_states as sensor_states
from telemetry.sensor_selectors import sensors_of as sensors_of
from telemetry.set_aside_selectors import set_aside_reasons_of as set_aside_reasons_of
from telemetry.set_aside_selectors import set_aside_visible_to as set_aside_visible_to
from telemetry.types import Clock, Point, Series, Snapshot

MAX_POINTS = 2_000
_AT_ONCE = 2_000


def latest_metrics(device_ids: Collection[int]) -> dict[int, Snapshot]:
    """The newest reading of each device that has one; the caller has checked who may see them."""
    rows = LatestMetrics.objects.unscoped("the devices were checked by the caller")
    return {row.device_id: _snapshot(row) for row in rows.filter(device_id__in=device_ids)}


def final_metrics(device_ids: Collection[int]) -> dict[int, dict[str, Any] | None]:
    """The newest reading of each device whose life ends, as JSON values; None without one."""
    newest = latest_metrics(device_ids)
    return {
        device_id: {
            "metrics": dict(newest[device_id].metrics),
            "at": newest[device_id].at.isoformat(),
        }
        if device_id in newest
        else None
        for device_id in device_ids
    }


def latest_of(*, actor: Actor, device_uid: str) -> Snapshot | None:
    """The newest reading of a device the actor may see, None without one. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    row = LatestMetrics.objects.visible_to(actor).filter(device_id=device.pk).first()
    return _snapshot(row) if row is not None else None


def reading_series(
    *,
    actor: Actor,
    device_uid: str,
    metric: str,
    since: datetime,
    until: datetime,
    limit: int = MAX_POINTS,
) -> Series:
    """Raw values of one metric in `[since, until)`, the newest `limit` of them, oldest first.

    Raises NotFound for a device the actor may not see, ValidationFailed for no metric name.
    """
    if not is_metric_name(metric):
        raise errors.ValidationFailed(details={"metric": ["This is no name of a metric."]})
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    count = min(limit, MAX_POINTS)
    rows = (
        Reading.objects.visible_to(actor)
        .filter(device_id=device.pk, at__gte=since, at__lt=until, metrics__has_key=metric)
        .filter(received_at__gte=earliest_arrival(since))
        .annotate(value=KeyTransform(metric, "metrics"))
        .order_by("-at", "-pk")
        .values_list("at", "value")[: count + 1]
    )
    points = [Point(at=at, value=float(value)) for at, value in rows]
    return Series(points=tuple(reversed(points[:count])), is_truncated=len(points) > count)


def stored_readings(*, device_id: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Boot, number and metrics of each raw reading of one life, for who compares them."""
    rows = Reading.objects.unscoped("a comparison of the whole installation")
    found = rows.filter(device_id=device_id).order_by("boot_id", "seq")
    yield from found.values_list("boot_id", "seq", "metrics").iterator(chunk_size=_AT_ONCE)


def _snapshot(row: LatestMetrics) -> Snapshot:
    return Snapshot(metrics=row.metrics, at=row.at, received_at=row.received_at, clock=_clock(row))


def _clock(row: LatestMetrics) -> Clock | None:
    if row.clock_skew_s is None or row.clock_skew_at is None:
        return None
    return Clock(
        skew_s=row.clock_skew_s,
        measured_at=row.clock_skew_at,
        is_wrong=abs(row.clock_skew_s) > CLOCK_IS_WRONG.total_seconds(),
    )
