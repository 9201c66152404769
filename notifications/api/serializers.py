"""What the routes about notifications take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices import selectors as devices
from devices.choices import DeviceClass
from notifications.choices import ChannelState, DeliveryState, Purpose, Topic, Transport
from notifications.models import MAX_NAME, Channel, Delivery
from notifications.services import links
from notifications.services.wishes import (
    LONGEST_HOLD_S,
    LONGEST_WINDOW_S,
    MOST_DEVICES,
    MOST_SITES,
)
from notifications.types import ChannelWish
from notifications.webhook_addresses import MAX_URL

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


class QuietHoursField(serializers.Serializer[Any]):
    """Hours in which nothing is sent; what happens in them is told when they are over."""

    to = serializers.RegexField(_CLOCK, help_text="HH:MM; before `from`: of the next day.")
    time_zone = serializers.CharField(max_length=64, default="UTC")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is a word of Python and cannot be written as an attribute."""
        begins = serializers.RegexField(_CLOCK, help_text="HH:MM.")
        return {"from": begins, **super().get_fields()}


class ChannelFields(serializers.Serializer[Any]):
    """What a channel is for, and when."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    url = serializers.CharField(max_length=MAX_URL, required=False)
    email = serializers.EmailField(max_length=254, required=False)
    topics = serializers.ListField(
        child=serializers.ChoiceField(choices=Topic.choices), min_length=1, required=False
    )
    sites = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=MOST_SITES,
        required=False,
        help_text="Ids of sites; empty: all of them.",
    )
    devices = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=MOST_DEVICES,
        required=False,
        help_text="Uids of devices; empty: all of them.",
    )
    device_classes = serializers.ListField(
        child=serializers.ChoiceField(choices=DeviceClass.choices),
        required=False,
        help_text="Empty: all of them.",
    )
    include_simulated = serializers.BooleanField(required=False)
    after_s = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_HOLD_S,
        required=False,
        help_text="A device that is back within this time is not told of.",
    )
    window_s = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_WINDOW_S,
        required=False,
        help_text="What becomes due within this time of the first goes into one message.",
    )
    quiet_hours = QuietHoursField(required=False, allow_null=True)

    def wish(self) -> ChannelWish:
        """The validated input for the service."""
        values = dict(self.validated_data)
        for name in ("transport", "own"):
            values.pop(name, None)
        if "quiet_hours" in values:
            values["quiet_hours"] = dict(values["quiet_hours"] or {})
        return ChannelWish(**values)


class ChannelEdit(ChannelFields):
    """A change of a channel; what is left out stays."""

    is_paused = serializers.BooleanField(
        required=False, help_text="False also has a disabled channel go on."
    )


class ChannelInput(ChannelFields):
    """A channel to be made."""

    transport = serializers.ChoiceField(choices=Transport.choices)
    own = serializers.BooleanField(
        default=False, help_text="Mail to the address that the caller signs in with."
    )
    name = serializers.CharField(max_length=MAX_NAME)


class ChannelOutput(serializers.ModelSerializer[Channel]):
    """A way to tell somebody that devices come and go."""

    tenant = serializers.CharField(source="tenant.uid")
    transport = serializers.ChoiceField(choices=Transport.choices)
    own = serializers.SerializerMethodField()
    email = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=ChannelState.choices)
    topics = serializers.ListField(child=serializers.ChoiceField(choices=Topic.choices))
    sites = serializers.SerializerMethodField()
    devices = serializers.ListField(child=serializers.CharField())
    device_classes = serializers.ListField(child=serializers.CharField())
    include_simulated = serializers.BooleanField(source="includes_simulated")
    quiet_hours = QuietHoursField(allow_null=True)

    class Meta:
        model = Channel
        fields: tuple[str, ...] = (
            "uid", "tenant", "transport", "own", "name", "url", "email", "state", "state_reason",
            "topics", "sites", "devices", "device_classes", "include_simulated", "after_s",
            "window_s", "quiet_hours", "failing_since", "version", "created_at", "created_by",
            "changed_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_own(self, channel: Channel) -> bool:
        """Whether it is the caller's own."""
        return channel.user_id is not None

    def get_email(self, channel: Channel) -> str:
        """Where mail goes now; empty for a webhook."""
        return links.address_of(channel) if channel.transport == Transport.EMAIL else ""

    def get_sites(self, channel: Channel) -> list[str]:
        """Ids of the sites that it is for; empty: all of them."""
        return sorted(devices.site_slugs(channel.sites).values()) if channel.sites else []


class MadeChannelOutput(ChannelOutput):
    """A channel that was just made, or has a new secret."""

    secret = serializers.CharField(
        allow_null=True, help_text="Signs its webhooks; shown this once. Null for mail."
    )

    class Meta(ChannelOutput.Meta):
        fields = (*ChannelOutput.Meta.fields, "secret")
        read_only_fields = fields


class DeliveryOutput(serializers.ModelSerializer[Delivery]):
    """One message to a channel and what became of it."""

    purpose = serializers.ChoiceField(choices=Purpose.choices)
    state = serializers.ChoiceField(choices=DeliveryState.choices)

    class Meta:
        model = Delivery
        fields = (
            "uid", "purpose", "state", "count", "attempts", "created_at", "next_at",
            "finished_at", "last_status", "last_error",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "uid": {
                "help_text": "`webhook-id` of the message; the same however often it is tried."
            },
            "count": {"help_text": "Changes in it."},
            "last_status": {"help_text": "HTTP or SMTP status of the last answer."},
        }
