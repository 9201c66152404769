"""Reads of what devices measured over time, drawn in few points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from devices import selectors as devices
from edge.protocol.fields import is_metric_name
from kernel import errors
from kernel.actors import Actor
from telemetry import chart_statements
from telemetry.buckets import Plan, plan
from telemetry.chart_types import Chart, MetricName
from telemetry.models import LatestMetrics, RollupCursor
from telemetry.policies import CURSOR, kept_fine, kept_raw

MAX_POINTS = 2_000
MIN_POINTS = 2
MAX_METRICS = 10
MAX_NAMES = 500


def chart(
    *,
    actor: Actor,
    device_uid: str,
    metrics: Sequence[str],
    since: datetime,
    until: datetime,
    points: int,
    now: datetime,
) -> Chart:
    """Up to ten metrics of a device, its archive included, in at most `points` buckets.

    The tier is the finest that the points allow and retention still has. Raises NotFound for a
    device the actor may not see, ValidationFailed for names and spans that are none.
    """
    wanted = checked_metrics(metrics)
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    chosen = plan_of(since=since, until=until, points=points, now=now)
    drawn: chart_statements.Drawn = {metric: {} for metric in wanted}
    if device.tenant_id is not None:
        drawn = chart_statements.draw(
            device_id=device.pk, tenant_id=device.tenant_id, metrics=wanted, plan=chosen
        )
    return Chart(device_uid=device.uid, plan=chosen, series=drawn)


def plan_of(*, since: datetime, until: datetime, points: int, now: datetime) -> Plan:
    """How a span is drawn at this time. Raises ValidationFailed for an empty one."""
    if since >= until:
        raise errors.ValidationFailed(details={"from": ["This must be before `to`."]})
    cursor = RollupCursor.objects.filter(name=CURSOR).first()
    raw_from, fine_from = now - kept_raw(), now - kept_fine()
    if cursor is not None:
        # Retention may have been longer or shorter before: what is gone is gone.
        raw_from = max(raw_from, cursor.raw_from or raw_from)
        fine_from = max(fine_from, cursor.fine_from or fine_from)
    try:
        return plan(
            since=since,
            until=until,
            points=min(max(points, MIN_POINTS), MAX_POINTS),
            raw_from=raw_from,
            fine_from=fine_from,
        )
    except OverflowError as error:
        raise errors.ValidationFailed(details={"to": ["This is too far away."]}) from error


def metric_names(*, actor: Actor, device_uid: str) -> list[MetricName]:
    """Which metrics a device has, its archive included, with their last values; by name.

    At most 500. Raises NotFound for a device the actor may not see.
    """
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    if device.tenant_id is None:
        return []
    rolled = chart_statements.names_of(
        device_id=device.pk, tenant_id=device.tenant_id, limit=MAX_NAMES
    )
    found = {name: MetricName(metric=name, last=last, at=at) for name, last, at in rolled}
    newest = LatestMetrics.objects.visible_to(actor).filter(device_id=device.pk).first()
    for name, value in (newest.metrics if newest else {}).items():
        if name not in found or found[name].at <= newest.at:
            found[name] = MetricName(metric=name, last=float(value), at=newest.at)
    return [found[name] for name in sorted(found)][:MAX_NAMES]


def checked_metrics(metrics: Sequence[str]) -> list[str]:
    """The names, each once. Raises ValidationFailed for none, too many, or what is no name."""
    names = list(dict.fromkeys(metrics))
    if not names or not all(map(is_metric_name, names)):
        raise errors.ValidationFailed(details={"metric": ["This is no name of a metric."]})
    if len(names) > MAX_METRICS:
        raise errors.ValidationFailed(
            details={"metric": [f"Ask for at most {MAX_METRICS} metrics at once."]}
        )
    return names
