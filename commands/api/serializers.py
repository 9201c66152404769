"""What the command routes give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from commands.choices import Delivery, State


class CommandOutput(serializers.Serializer[Any]):
    """A command as every route shows it."""

    id = serializers.UUIDField()
    device_uid = serializers.CharField()
    kind = serializers.CharField()
    payload = serializers.DictField()
    state = serializers.ChoiceField(choices=State.choices)
    reason = serializers.CharField(allow_blank=True)
    result = serializers.DictField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    cause = serializers.ListField(child=serializers.DictField())
    delivery = serializers.ChoiceField(choices=Delivery.choices)
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    acked_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    progress = serializers.DictField(allow_null=True)
    cancel_asked_at = serializers.DateTimeField(allow_null=True)


class CommandPage(serializers.Serializer[Any]):
    """A page of commands."""

    items = CommandOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class CommandEventOutput(serializers.Serializer[Any]):
    """One move of a command."""

    from_state = serializers.CharField(allow_blank=True)
    to_state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
