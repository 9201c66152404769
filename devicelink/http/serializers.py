"""Readings over HTTP as JSON, for the API's description; the codec does the work."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from edge.protocol import limits


class SentReading(serializers.Serializer[Any]):
    """Named numbers of one moment; without `at` it is the moment of arrival."""

    seq = serializers.IntegerField(
        required=False, min_value=0, help_text="Counts within the boot; needed with `boot_id`."
    )
    at = serializers.DateTimeField(required=False, allow_null=True)
    metrics = serializers.DictField(
        child=serializers.FloatField(),
        help_text=f"1 to {limits.MAX_METRICS} numbers by lower-case name.",
    )


class DeviceMetricsInput(SentReading):
    """One reading, or a batch of them."""

    boot_id = serializers.CharField(
        required=False,
        max_length=64,
        help_text="What the device calls its present boot; none if it keeps no counter.",
    )
    metrics = serializers.DictField(child=serializers.FloatField(), required=False)
    attributes = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="What the device says of itself in words, beside the readings.",
    )
    readings = SentReading(
        many=True, required=False, help_text=f"Up to {limits.MAX_READINGS}, in place of one."
    )


class RefusedReading(serializers.Serializer[Any]):
    """A reading that cannot be used, and never will be."""

    index = serializers.IntegerField(help_text="Its place in the body, from 0.")
    seq = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class DeviceMetricsOutput(serializers.Serializer[Any]):
    """What became of each reading; all of it is committed."""

    stored = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RefusedReading(many=True)
    acked_seq = serializers.IntegerField(
        allow_null=True, help_text="The device may forget its readings of this boot up to here."
    )
    server_time = serializers.DateTimeField()
