"""Charts, names, aggregates and exports as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from telemetry.buckets import title_of
from telemetry.chart_selectors import MAX_POINTS, MIN_POINTS
from telemetry.chart_types import Chart, FleetAnswer, FleetGroup
from telemetry.fleet_selectors import FUNCTIONS, GROUPINGS


class SpanQuery(serializers.Serializer[Any]):
    """A span of time; `from` (default: a day before `to`) counts, `to` (default: now) does not."""

    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Adds `from`, which Python keeps for itself."""
        return super().get_fields() | {"from": serializers.DateTimeField(required=False)}


class ChartQuery(SpanQuery):
    """At most how many buckets are wanted."""

    points = serializers.IntegerField(min_value=MIN_POINTS, max_value=MAX_POINTS, default=500)


class ExportQuery(SpanQuery):
    """In which form and how finely."""

    resolution = serializers.ChoiceField(choices=["raw", "5m", "1h"], default="raw")

    def get_fields(self) -> dict[str, serializers.Field]:
        """Adds `format`, which means something else to Django REST Framework."""
        form = serializers.ChoiceField(choices=["csv", "jsonl"], default="csv")
        return super().get_fields() | {"format": form}


class _FunctionsField(serializers.CharField):
    """Names of functions, split at commas."""

    def to_internal_value(self, data: Any) -> Any:
        names = [name.strip() for name in str(data).split(",") if name.strip()]
        if not names or not set(names) <= set(FUNCTIONS):
            raise serializers.ValidationError(f"Choose from {', '.join(FUNCTIONS)}.")
        return names


class FleetQuery(SpanQuery):
    """Which aggregates over which devices."""

    metric = serializers.CharField(max_length=64)
    group_by = serializers.ChoiceField(choices=GROUPINGS, required=False, default="")
    fn = _FunctionsField(required=False)
    include_unpaired = serializers.BooleanField(default=False)
    include_simulated = serializers.BooleanField(default=False)


class BucketBody(serializers.Serializer[Any]):
    """One bucket; in a gap `count` is 0 and the figures are null."""

    at = serializers.DateTimeField()
    count = serializers.IntegerField()
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    avg = serializers.FloatField(allow_null=True)
    last = serializers.FloatField(allow_null=True)


class MetricSeriesBody(serializers.Serializer[Any]):
    """The buckets of one metric, without a hole."""

    metric = serializers.CharField()
    buckets = BucketBody(many=True)


class MetricNameBody(serializers.Serializer[Any]):
    """A metric and its last value."""

    metric = serializers.CharField()
    last = serializers.FloatField()
    at = serializers.DateTimeField()


class MetricNamesBody(serializers.Serializer[Any]):
    """Which metrics a device has."""

    device_uid = serializers.CharField()
    metrics = MetricNameBody(many=True)


class FleetGroupBody(serializers.Serializer[Any]):
    """One group; figures that were not asked for are left out."""

    key = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    tenant_uid = serializers.CharField(allow_null=True)
    devices = serializers.IntegerField()
    avg = serializers.FloatField(required=False)
    min = serializers.FloatField(required=False)
    max = serializers.FloatField(required=False)
    p50 = serializers.FloatField(required=False)
    p95 = serializers.FloatField(required=False)
    p99 = serializers.FloatField(required=False)
    count = serializers.IntegerField(required=False)


class FleetBody(serializers.Serializer[Any]):
    """Aggregates; `resolution` says which buckets they were computed from."""

    metric = serializers.CharField()
    resolution = serializers.CharField()
    group_by = serializers.CharField(allow_null=True)
    to = serializers.DateTimeField()
    groups = FleetGroupBody(many=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Adds `from`, which Python keeps for itself."""
        return super().get_fields() | {"from": serializers.DateTimeField()}


_GAP = {"count": 0, "min": None, "max": None, "avg": None, "last": None}


def chart_json(chart: Chart) -> dict[str, Any]:
    """A chart for the answer; written by hand, since 20,000 buckets are many for a serializer."""
    starts = [_text(start) for start in chart.plan.starts()]
    series = []
    for metric, drawn in chart.series.items():
        buckets = []
        for number, start in enumerate(starts):
            bucket = drawn.get(number)
            figures: dict[str, Any] = _GAP
            if bucket is not None:
                figures = {
                    "count": bucket.count,
                    "min": bucket.min,
                    "max": bucket.max,
                    "avg": bucket.avg,
                    "last": bucket.last,
                }
            buckets.append({"at": start, **figures})
        series.append({"metric": metric, "buckets": buckets})
    return {
        "resolution": title_of(chart.plan.width),
        "tier": title_of(chart.plan.tier),
        "bucket_seconds": chart.plan.width,
        "from": _text(chart.plan.since),
        "to": _text(chart.plan.until),
        "series": series,
    }


def fleet_json(answer: FleetAnswer, *, metric: str, group_by: str) -> dict[str, Any]:
    """Aggregates for the answer."""
    return {
        "metric": metric,
        "resolution": title_of(answer.tier),
        "group_by": group_by or None,
        "from": _text(answer.since),
        "to": _text(answer.until),
        "groups": [_group_json(group) for group in answer.groups],
    }


def _group_json(group: FleetGroup) -> dict[str, Any]:
    return {
        "key": group.key,
        "name": group.name,
        "tenant_uid": group.tenant_uid,
        "devices": group.devices,
        **group.figures,
    }


def _text(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")
