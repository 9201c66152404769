"""What the routes about erasing a device give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.choices import ErasureState


class DeviceErasureReportOutput(serializers.Serializer[Any]):
    """What was removed, counted by area, and what stays with the reason why."""

    erased = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), default=dict
    )
    kept = serializers.DictField(child=serializers.CharField(), default=dict)
    finished_at = serializers.DateTimeField(allow_null=True, default=None)


class DeviceErasureOutput(serializers.Serializer[Any]):
    """The erasing of one life of a device; the report grows while it runs."""

    uid = serializers.CharField()
    state = serializers.ChoiceField(choices=ErasureState.choices)
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    report = DeviceErasureReportOutput(allow_null=True)
