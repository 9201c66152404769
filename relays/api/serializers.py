"""What the relay routes take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from commands.api.answers import WaitInput


class SwitchInput(WaitInput):
    """Either `is_on` or `toggle: true`."""

    is_on = serializers.BooleanField(required=False, allow_null=True, default=None)
    toggle = serializers.BooleanField(required=False, default=False)


class SwitchAllInput(WaitInput):
    """The position for all relays."""

    is_on = serializers.BooleanField()


class PendingOutput(serializers.Serializer[Any]):
    """A switch that has been asked for and has no outcome yet."""

    command_id = serializers.UUIDField()
    is_on = serializers.BooleanField()
    state = serializers.CharField()


class RelayOutput(serializers.Serializer[Any]):
    """One relay; `is_on` null means that nobody knows."""

    relay_index = serializers.IntegerField()
    name = serializers.CharField()
    is_on = serializers.BooleanField(allow_null=True)
    version = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    changed_at = serializers.DateTimeField(allow_null=True)
    changed_by = serializers.CharField(allow_blank=True)
    command_id = serializers.UUIDField(allow_null=True)
    pending = PendingOutput(allow_null=True)


class RelaysOutput(serializers.Serializer[Any]):
    """The relays of one device."""

    device_uid = serializers.CharField()
    connectivity = serializers.CharField()
    relays = RelayOutput(many=True)
