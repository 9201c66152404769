"""What the routes about connections, uptime and presence take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.api.serializers import OwnerOutput
from devices.choices import ConnectionKind, Connectivity, DeviceClass, Wire
from devices.models import (
    LONGEST_TIMEOUT_S,
    SHORTEST_TIMEOUT_S,
    MaintenanceWindow,
    PresencePolicy,
)
from devices.selectors.connectivity import FLAPPING

MOST_STATUSES = 1_000
MOST_CONNECTIONS = 500


class ConnectionsQuery(serializers.Serializer[Any]):
    """How many lines of the log are wanted."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST_CONNECTIONS, default=100)


class ConnectionOutput(serializers.Serializer[Any]):
    """A line of the connectivity log, or a time of flapping in its place."""

    kind = serializers.ChoiceField(choices=[*ConnectionKind.values, FLAPPING])
    reason = serializers.CharField()
    contact = serializers.IntegerField(
        allow_null=True, help_text="Number of the contact that began or ended; never falls."
    )
    session_epoch = serializers.IntegerField(
        allow_null=True, help_text="The session; null over HTTP, where there is none."
    )
    wire = serializers.ChoiceField(choices=Wire.choices, allow_null=True)
    address = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    duration_s = serializers.FloatField(
        allow_null=True, help_text="How long the contact had lasted, at its end."
    )
    count = serializers.IntegerField(allow_null=True, help_text="Changes while it flapped.")
    began_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class FiguresOutput(serializers.Serializer[Any]):
    """What became of a period; times that are unknown or excused count neither way."""

    uptime_percent = serializers.FloatField(
        allow_null=True, help_text="Null when nothing of the period is known."
    )
    outages = serializers.IntegerField()
    longest_outage_s = serializers.FloatField()
    up_s = serializers.FloatField()
    down_s = serializers.FloatField()
    mtbf_s = serializers.FloatField(
        allow_null=True, help_text="Time up for each outage; null without one."
    )
    mttr_s = serializers.FloatField(
        allow_null=True, help_text="Time down for each outage; null without one."
    )


class UptimeOutput(serializers.Serializer[Any]):
    """The figures of the last day, week and 30 days, up to now."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Names that begin with a digit cannot be written as attributes."""
        return {period: FiguresOutput() for period in ("24h", "7d", "30d")}


class StatusInput(serializers.Serializer[Any]):
    """The devices that are asked for."""

    device_ids = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=MOST_STATUSES
    )


class StatusOutput(serializers.Serializer[Any]):
    """How a device stands."""

    device_uid = serializers.CharField(source="uid")
    connectivity = serializers.ChoiceField(choices=Connectivity.choices)
    last_seen_at = serializers.DateTimeField(allow_null=True)
    since = serializers.DateTimeField(
        allow_null=True, help_text="Since when it is online, or offline."
    )
    flapping = serializers.BooleanField(source="is_flapping")


class StatusesOutput(serializers.Serializer[Any]):
    """Those of the devices that the caller may see, and the ids that are of none of them."""

    devices = StatusOutput(many=True)
    unknown = serializers.ListField(child=serializers.CharField())


class SiteOutageOutput(serializers.Serializer[Any]):
    """A time in which nearly all devices of a site were lost at once."""

    site = serializers.CharField(source="site.site_id")
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    lost = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Devices that were connected when it began.")


class PresencePolicyInput(serializers.Serializer[Any]):
    """A policy to be made."""

    device_class = serializers.ChoiceField(choices=DeviceClass.choices)
    offline_after_s = serializers.IntegerField(
        min_value=SHORTEST_TIMEOUT_S, max_value=LONGEST_TIMEOUT_S
    )


class PresencePolicyEdit(serializers.Serializer[Any]):
    """A change of a policy."""

    offline_after_s = serializers.IntegerField(
        min_value=SHORTEST_TIMEOUT_S, max_value=LONGEST_TIMEOUT_S
    )


class PresencePolicyOutput(serializers.ModelSerializer[PresencePolicy]):
    """Silence after which devices of a class count as offline."""

    tenant = OwnerOutput()
    device_class = serializers.ChoiceField(choices=DeviceClass.choices)

    class Meta:
        model = PresencePolicy
        fields = (
            "uid", "tenant", "device_class", "offline_after_s", "created_at", "changed_at",
        )  # fmt: skip
        read_only_fields = fields


class MaintenanceInput(serializers.Serializer[Any]):
    """A window to be made; without device and site it is for the whole tenant."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    site = serializers.CharField(max_length=64, required=False, allow_null=True)
    device = serializers.CharField(max_length=64, required=False, allow_null=True)

    def wanted(self) -> dict[str, Any]:
        """The validated input for the service."""
        values = dict(self.validated_data)
        return values | {
            "site_id": values.pop("site", None),
            "device_uid": values.pop("device", None),
        }


class MaintenanceEdit(serializers.Serializer[Any]):
    """A change of a window; what is left out stays."""

    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)


class MaintenanceOutput(serializers.ModelSerializer[MaintenanceWindow]):
    """A time in which absence is no fault."""

    tenant = OwnerOutput()
    site = serializers.SerializerMethodField()
    device = serializers.CharField(source="device.uid", default=None, allow_null=True)

    class Meta:
        model = MaintenanceWindow
        fields = (
            "uid", "tenant", "site", "device", "starts_at", "ends_at", "reason", "created_at",
            "created_by",
        )  # fmt: skip
        read_only_fields = fields

    def get_site(self, window: MaintenanceWindow) -> str | None:
        """Id of the site it is for; null for one of a device or of the tenant."""
        if window.device_id is not None or window.site is None:
            return None
        return window.site.site_id
