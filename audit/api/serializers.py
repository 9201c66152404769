"""Audit entries as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit import selectors
from audit.choices import ChainState
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


class VerificationBody(serializers.Serializer[Any]):
    """What is known of one chain."""

    scope = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=ChainState.choices)
    verified_to = serializers.IntegerField(
        source="head_seq", help_text="The last entry that was found right."
    )
    head = serializers.CharField(source="head_hash", help_text="Its hash; keep it elsewhere.")
    checked_at = serializers.DateTimeField(
        allow_null=True, help_text="When the end of the chain was reached last."
    )
    whole_at = serializers.DateTimeField(
        allow_null=True, help_text="When everything was verified from the first entry on."
    )
    broken_at = serializers.DateTimeField(allow_null=True)
    bad_seq = serializers.IntegerField(
        allow_null=True, help_text="The first entry that does not hold."
    )
    problem = serializers.CharField(allow_blank=True)
    is_running = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "enum": ["tenant", "platform"]})
    def get_scope(self, row: Any) -> str:
        """Whose chain it is."""
        return "tenant" if row.chain_id else "platform"

    def get_is_running(self, row: Any) -> bool:
        """Whether everything is being verified anew."""
        return row.asked_at is not None or row.pass_began_at is not None


class VerificationList(serializers.Serializer[Any]):
    """What is known of the chains the caller may read whole."""

    items = VerificationBody(many=True)
