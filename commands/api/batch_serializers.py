"""What the batch routes take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from commands.batch_types import BatchOrder
from commands.choices import BatchState, Delivery, MemberState, State


class BatchInput(serializers.Serializer[Any]):
    """One command for many devices."""

    kind = serializers.CharField(max_length=40)
    payload = serializers.DictField(required=False, default=dict)
    target = serializers.DictField(
        help_text=(
            '`{"devices": [uid, …]}`, `{"group": id}` or `{"query": text or object}`; the members '
            "are those it names in the moment of the call."
        )
    )
    delivery = serializers.ChoiceField(choices=Delivery.choices, required=False, allow_null=True)
    expires_in = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, help_text="Seconds, for each command."
    )
    per_minute = serializers.IntegerField(
        min_value=1, max_value=60_000, required=False, allow_null=True
    )
    abort_percent = serializers.IntegerField(
        min_value=1,
        max_value=100,
        required=False,
        allow_null=True,
        help_text="Ends the batch when at least this share of the answers are failures.",
    )
    abort_sample = serializers.IntegerField(
        min_value=1, max_value=100_000, required=False, default=10,
        help_text="How many have to answer before that is judged.",
    )  # fmt: skip

    def order(self) -> BatchOrder:
        """The order, once it is valid."""
        given = self.validated_data
        return BatchOrder(
            kind=given["kind"],
            payload=given["payload"],
            target=given["target"],
            delivery=given.get("delivery"),
            expires_in_s=given.get("expires_in"),
            per_minute=given.get("per_minute"),
            abort_percent=given.get("abort_percent"),
            abort_sample=given["abort_sample"],
        )


class BatchCountsOutput(serializers.Serializer[Any]):
    """How many devices are where; `unknown` are among the failed."""

    pending = serializers.IntegerField()
    skipped = serializers.IntegerField()
    open = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class BatchOutput(serializers.Serializer[Any]):
    """A batch as every route shows it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    payload = serializers.DictField()
    target = serializers.DictField()
    delivery = serializers.ChoiceField(choices=Delivery.choices)
    lifetime_s = serializers.IntegerField()
    state = serializers.ChoiceField(choices=BatchState.choices)
    reason = serializers.CharField(allow_blank=True)
    per_minute = serializers.IntegerField(allow_null=True)
    abort_percent = serializers.IntegerField(allow_null=True)
    abort_sample = serializers.IntegerField()
    total = serializers.IntegerField()
    counts = BatchCountsOutput()
    seconds_left = serializers.FloatField(allow_null=True)
    cause = serializers.ListField(child=serializers.DictField())
    created_by = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    paused_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class BatchPreviewOutput(serializers.Serializer[Any]):
    """What a batch would do now."""

    target = serializers.CharField(help_text="The target in words.")
    total = serializers.IntegerField()
    online = serializers.IntegerField()
    refused_offline = serializers.IntegerField()
    without_capability = serializers.IntegerField()
    first = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    seconds = serializers.FloatField(allow_null=True)


class BatchMemberOutput(serializers.Serializer[Any]):
    """One device of a batch, and what became of its command."""

    device_uid = serializers.CharField(source="device.uid")
    device_name = serializers.CharField(source="device.name")
    state = serializers.ChoiceField(choices=MemberState.choices)
    reason = serializers.SerializerMethodField()
    command_id = serializers.UUIDField(source="command.uid", allow_null=True, default=None)
    command_state = serializers.ChoiceField(
        choices=State.choices, source="command.state", allow_null=True, default=None
    )
    error = serializers.CharField(source="command.error", allow_blank=True, default="")

    def get_reason(self, member: Any) -> str:
        """Why it was not asked, or why its command is where it is."""
        reason: str = member.reason or (member.command.reason if member.command else "")
        return reason


class MembersQuery(serializers.Serializer[Any]):
    """Which members to list."""

    state = serializers.ChoiceField(choices=MemberState.choices, required=False, default="")
    outcome = serializers.ChoiceField(
        choices=State.choices, required=False, default="", help_text="The state of the command."
    )
