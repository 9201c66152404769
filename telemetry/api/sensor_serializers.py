"""Sensors as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from telemetry.models import DeviceSensorEvent
from telemetry.sensor_types import Outcome

_VALUE = {
    "oneOf": [
        {"type": "boolean"},
        {"type": "number"},
        {"type": "string", "maxLength": 200},
        {"type": "object", "additionalProperties": True},
    ],
    "nullable": True,
    "description": "Null only after an erasure.",
}


@extend_schema_field(_VALUE)
class ValueField(serializers.JSONField):
    """What a sensor says: true or false, a number, a text, or a small object."""


class SensorItemBody(serializers.Serializer[Any]):
    """One item of a report, as the device protocol has it."""

    sensor = serializers.RegexField(r"^[a-z][a-z0-9_.-]{0,39}$")
    kind = serializers.RegexField(r"^[a-z][a-z0-9_.-]{0,39}$")
    value = ValueField()
    unit = serializers.CharField(max_length=16, required=False, allow_null=True)
    at = serializers.DateTimeField(required=False, allow_null=True)
    event_id = serializers.RegexField(r"^[A-Za-z0-9_.:-]{1,64}$", required=False, allow_null=True)


class SensorReportBody(serializers.Serializer[Any]):
    """A report of a device; each item is judged alone."""

    sensors = SensorItemBody(many=True, required=False)
    attributes = serializers.DictField(child=serializers.CharField(max_length=200), required=False)


class SensorEntryBody(serializers.Serializer[Any]):
    """Readings entered by hand or by a third party; each item is judged alone."""

    sensors = SensorItemBody(many=True)


class VerdictBody(serializers.Serializer[Any]):
    """What became of one item; `reason` only where it is rejected."""

    index = serializers.IntegerField()
    sensor = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    reason = serializers.CharField()


class ReportOutcomeBody(serializers.Serializer[Any]):
    """The verdicts on a report in order of its items, and why attributes were refused."""

    verdicts = VerdictBody(many=True)
    refused_attributes = serializers.DictField(child=serializers.CharField())


class SensorBody(serializers.Serializer[Any]):
    """What one sensor says now."""

    sensor = serializers.CharField()
    kind = serializers.CharField()
    value = ValueField()
    unit = serializers.CharField()
    at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    is_at_corrected = serializers.BooleanField()
    version = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]


class AttributeBody(serializers.Serializer[Any]):
    """What a device says of itself under one name, since when."""

    name = serializers.CharField()
    value = serializers.CharField()
    at = serializers.DateTimeField()


class SensorsBody(serializers.Serializer[Any]):
    """All sensors of a device by name, and its attributes."""

    device_uid = serializers.CharField()
    sensors = SensorBody(many=True)
    attributes = AttributeBody(many=True)


class SensorEventBody(serializers.ModelSerializer[DeviceSensorEvent]):
    """One change or event of a sensor."""

    value = ValueField(read_only=True)

    class Meta:
        model = DeviceSensorEvent
        fields = (
            "sensor",
            "kind",
            "value",
            "unit",
            "at",
            "received_at",
            "is_at_corrected",
            "event_id",
            "source",
        )
        read_only_fields = fields


class SensorEventsQuery(serializers.Serializer[Any]):
    """Which events are wanted; `from` counts, `to` does not."""

    sensor = serializers.CharField(max_length=40, required=False)
    kind = serializers.CharField(max_length=40, required=False)
    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Adds `from`, which Python keeps for itself."""
        return super().get_fields() | {"from": serializers.DateTimeField(required=False)}
