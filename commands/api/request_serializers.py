"""What the routes that ask devices for something take and give."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commands.api.answers import DEFAULT_WAIT_S, MAX_WAIT_S
from commands.choices import Delivery, State
from commands.registry import Kind
from commands.services import previewing
from commands.services.custom_kinds import DEFAULT_LIFETIME_S, LONGEST_S, SHORTEST_S


@extend_schema_field({"type": "object", "additionalProperties": True})
class DocumentField(serializers.JSONField):
    """Any JSON; services judge what it has to be, and point into it."""


class CommandPreviewInput(serializers.Serializer[Any]):
    """Something to ask a device for; what is not given is as the kind has it."""

    kind = serializers.CharField(
        max_length=64,
        help_text="Any spelling: `REBOOT`, `Set-Relay`; see GET /command-kinds.",
    )
    payload = DocumentField(required=False, default=dict)
    delivery = serializers.ChoiceField(
        choices=Delivery.choices,
        required=False,
        allow_null=True,
        help_text="`now`: refused when the device cannot be reached; `queue`: waits for it.",
    )
    expires_in = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, help_text="Seconds."
    )
    coalesce = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Whether it makes older ones of its kind that were not sent superfluous.",
    )

    def wanted(self) -> dict[str, Any]:
        """What the service takes, once it is valid."""
        given = self.validated_data
        return {
            "kind": given["kind"],
            "payload": given["payload"],
            "delivery": given.get("delivery"),
            "expires_in_s": given.get("expires_in"),
            "coalesce": given["coalesce"],
        }


class CommandInput(CommandPreviewInput):
    """The same, and how long the caller waits for the outcome."""

    wait = serializers.FloatField(
        min_value=0,
        max_value=MAX_WAIT_S,
        required=False,
        allow_null=True,
        default=None,
        help_text=(
            f"Seconds to wait for the outcome; 0 answers 202 at once. Not given: "
            f"{DEFAULT_WAIT_S:g} for `now`, 0 for what may wait for its device."
        ),
    )

    def wait_for(self, delivery: str) -> float:
        """How long this caller waits for a command of that delivery."""
        wanted: float | None = self.validated_data["wait"]
        if wanted is not None:
            return wanted
        return DEFAULT_WAIT_S if delivery == Delivery.NOW else 0.0


class OtherCommandOutput(serializers.Serializer[Any]):
    """A command that another one has to do with."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    created_at = serializers.DateTimeField()


class CommandPreviewOutput(serializers.Serializer[Any]):
    """What would become of a request; a refusal has the code the request would get."""

    verdict = serializers.ChoiceField(
        choices=[previewing.SEND, previewing.QUEUE, previewing.REFUSE]
    )
    message = serializers.CharField()
    kind = serializers.CharField()
    delivery = serializers.ChoiceField(choices=Delivery.choices, allow_null=True)
    payload = serializers.DictField(allow_null=True)
    lane = serializers.CharField(allow_null=True, allow_blank=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    is_reachable = serializers.BooleanField(allow_null=True)
    last_seen_at = serializers.DateTimeField(allow_null=True)
    waits_for = OtherCommandOutput(many=True)
    supersedes = OtherCommandOutput(many=True)
    code = serializers.CharField(allow_blank=True)
    status = serializers.IntegerField(allow_null=True)
    details = serializers.DictField()


class CommandKindOutput(serializers.Serializer[Any]):
    """A kind of command: what it takes (JSON Schema 2020-12), and what holds if nothing is said."""

    name = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    schema = DocumentField()
    delivery = serializers.ChoiceField(choices=Delivery.choices)
    expires_in = serializers.IntegerField(help_text="Seconds.")
    max_expires_in = serializers.IntegerField(help_text="Seconds.")
    coalesce = serializers.BooleanField()
    role = serializers.CharField(help_text="The least role that may ask for it.")
    capability = serializers.CharField(
        allow_blank=True, help_text="What a device must be able to do."
    )
    lane = serializers.CharField(
        allow_null=True,
        help_text="Commands of one lane go one after the other; null: it depends on the payload.",
    )
    is_custom = serializers.BooleanField()
    tenant_uid = serializers.CharField(
        allow_null=True, help_text="Whose own kind it is; null for those of the product."
    )


class CommandKindChange(serializers.Serializer[Any]):
    """What a tenant's own kind is like; without a schema any object is a payload."""

    title = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    schema = DocumentField(required=False, default=dict)
    expires_in = serializers.IntegerField(
        min_value=SHORTEST_S, max_value=LONGEST_S, required=False, default=DEFAULT_LIFETIME_S
    )

    def wanted(self) -> dict[str, Any]:
        """What the service takes, once it is valid."""
        given = dict(self.validated_data)
        return given | {"lifetime_s": given.pop("expires_in")}


class CommandKindInput(CommandKindChange):
    """The same, and the name of a new kind."""

    name = serializers.CharField(max_length=64, help_text="`custom.` and letters, digits, _ and .")


def shown_kind(kind: Kind, *, tenant_uid: str | None) -> dict[str, Any]:
    """A kind as `CommandKindOutput` has it."""
    return {
        "name": kind.name,
        "title": kind.title,
        "schema": dict(kind.schema),
        "delivery": str(kind.delivery),
        "expires_in": int(kind.lifetime.total_seconds()),
        "max_expires_in": int(kind.max_lifetime.total_seconds()),
        "coalesce": kind.coalesce,
        "role": kind.role,
        "capability": kind.capability,
        "lane": kind.fixed_lane,
        "is_custom": tenant_uid is not None,
        "tenant_uid": tenant_uid,
    }
