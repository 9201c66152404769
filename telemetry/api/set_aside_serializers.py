"""Payloads that could not be used, as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from telemetry.models import SetAsidePayload


class SetAsideBody(serializers.ModelSerializer[SetAsidePayload]):
    """A payload that could not be used, and why."""

    payload = serializers.CharField(
        source="text", read_only=True, help_text="Bytes that are no text are written as escapes."
    )
    size = serializers.IntegerField(read_only=True, help_text="Bytes.")
    detail = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True, help_text="How often it came.")

    class Meta:
        model = SetAsidePayload
        fields = (
            "uid",
            "device_uid",
            "topic",
            "reason",
            "detail",
            "payload",
            "size",
            "count",
            "received_at",
            "last_received_at",
            "replayed_at",
        )
        read_only_fields = fields


class SetAsideQuery(serializers.Serializer[Any]):
    """Which payloads are wanted."""

    device = serializers.CharField(max_length=64, required=False, default="")
    reason = serializers.CharField(max_length=40, required=False, default="")


class ReplayedBody(serializers.Serializer[Any]):
    """What became of the readings, or the sensors, of a payload that was tried again."""

    stored = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.IntegerField()
