"""Telemetry as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from telemetry.api.metric_serializers import MetricSeriesBody
from telemetry.selectors import MAX_POINTS


class ClockBody(serializers.Serializer[Any]):
    """How far the device's clock is ahead of the server's (behind below zero), in seconds.

    `is_wrong` when that is more than a minute. The way to the server makes a clock look late, so
    the best of the last hour's readings counts; while a device sends what it kept for longer,
    the clock seems to be behind.
    """

    skew_s = serializers.FloatField()
    measured_at = serializers.DateTimeField()
    is_wrong = serializers.BooleanField()


class LatestBody(serializers.Serializer[Any]):
    """The newest reading; without one, `metrics` is empty and the times are null.

    `clock` is null for a device that has not sent the time.
    """

    device_uid = serializers.CharField()
    metrics = serializers.DictField(child=serializers.FloatField())
    at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField(allow_null=True)
    clock = ClockBody(allow_null=True)


class SeriesQuery(serializers.Serializer[Any]):
    """Which values are wanted; `from` (default: a day before `to`) counts, `to` does not."""

    metric = serializers.CharField(max_length=64)
    to = serializers.DateTimeField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_POINTS, default=MAX_POINTS)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Adds `from`, which Python keeps for itself."""
        return super().get_fields() | {"from": serializers.DateTimeField(required=False)}


class PointBody(serializers.Serializer[Any]):
    """One value."""

    at = serializers.DateTimeField()
    value = serializers.FloatField()


class SeriesBody(serializers.Serializer[Any]):
    """Metrics of a device over time: as readings in `points`, or as buckets in `series`.

    `resolution` is `raw` or the length of a bucket, `tier` what it was made from.
    `is_truncated` when older readings of the span were left out.
    """

    device_uid = serializers.CharField()
    metric = serializers.CharField()
    points = PointBody(many=True)
    is_truncated = serializers.BooleanField()
    resolution = serializers.CharField()
    tier = serializers.CharField()
    bucket_seconds = serializers.IntegerField(allow_null=True)
    to = serializers.DateTimeField()
    series = MetricSeriesBody(many=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Adds `from`, which Python keeps for itself."""
        return super().get_fields() | {"from": serializers.DateTimeField()}
