"""Audit entries as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit import selectors
from audit.models import AuditEntry


class AuditActor(serializers.Serializer[Any]):
    """Who did it."""

    kind = serializers.ChoiceField(choices=["user", "device", "system"])
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    via = serializers.CharField(help_text="The door: api, page, socket, admin, command, system.")
    address = serializers.CharField(allow_null=True)


class AuditEntryBody(serializers.Serializer[Any]):
    """One change; `id` is the entry's hash, which covers everything else in it."""

    id = serializers.CharField()
    scope = serializers.ChoiceField(choices=["tenant", "platform"])
    seq = serializers.IntegerField(help_text="Its place in the chain, from 1 without gaps.")
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = AuditActor()
    request_id = serializers.CharField(allow_blank=True)
    target_type = serializers.CharField()
    target_id = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    cause = serializers.ListField(child=serializers.DictField())
    previous_hash = serializers.CharField()

    def to_representation(self, instance: AuditEntry) -> dict[str, Any]:
        """The entry as the selectors show it."""
        return selectors.as_json(instance)


class AuditPage(serializers.Serializer[Any]):
    """A page of entries, the newest first."""

    items = AuditEntryBody(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
