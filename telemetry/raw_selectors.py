"""Reads of single readings as they came."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from devices import selectors as devices
from edge.protocol.fields import is_metric_name
from kernel import errors
from kernel.actors import Actor
from telemetry.models import Reading
from telemetry.policies import earliest_arrival


def raw_readings_of(
    *, actor: Actor, device_uid: str, since: datetime, until: datetime, metric: str = ""
) -> QuerySet[Reading]:
    """Readings of a device, its archive included, in `[since, until)`, to be ordered by its reader.

    Only those that hold the metric where one is named. Raises NotFound for a device the actor may
    not see, ValidationFailed for no name of a metric or an empty span.
    """
    if metric and not is_metric_name(metric):
        raise errors.ValidationFailed(details={"metric": ["This is no name of a metric."]})
    if since >= until:
        raise errors.ValidationFailed(details={"from": ["This must be before `to`."]})
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    found: QuerySet[Reading] = Reading.objects.visible_to(actor).filter(
        device_id=device.pk,
        at__gte=since,
        at__lt=until,
        received_at__gte=earliest_arrival(since),
    )
    return found.filter(metrics__has_key=metric) if metric else found


def readings_before(found: QuerySet[Reading], *, at: datetime, pk: int) -> QuerySet[Reading]:
    """The readings that stand after this one where the newest come first."""
    return found.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
