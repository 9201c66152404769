"""What the device routes take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices import selectors
from devices.api.credential_serializers import CredentialOutput
from devices.choices import Connectivity, DeviceClass, Pairing, PowerRestoreMode, Sync
from devices.models import LONGEST_TIMEOUT_S, SHORTEST_TIMEOUT_S, Device
from devices.types import DeviceChanges, DeviceRegistration

_ID = r"^[A-Za-z0-9._:-]{1,128}$"


class ProvisionInput(serializers.Serializer[Any]):
    """What a device says of itself."""

    provision_key = serializers.CharField(max_length=200, required=False, write_only=True)
    hardware_id = serializers.RegexField(_ID, help_text="1 to 128 of `A-Za-z0-9._:-`.")
    device_class = serializers.ChoiceField(choices=DeviceClass.choices)
    device_type = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    model = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    firmware_version = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default=""
    )
    capabilities = serializers.ListField(
        child=serializers.RegexField(r"^[a-z][a-z0-9_.-]{0,39}$"), max_length=64, required=False
    )
    relay_count = serializers.IntegerField(min_value=0, max_value=64, required=False, default=0)
    is_simulated = serializers.BooleanField(required=False, default=False)

    def registration(self) -> DeviceRegistration:
        """The validated input for the service."""
        values = dict(self.validated_data)
        values.pop("provision_key", None)
        values["capabilities"] = tuple(values.get("capabilities", ()))
        return DeviceRegistration(**values)


class ProvisionOutput(serializers.Serializer[Any]):
    """A device's credentials, shown this once."""

    device_uid = serializers.CharField()
    device_token = serializers.CharField()
    claim_code = serializers.CharField(
        allow_null=True, help_text="Null for a device that has its owner already."
    )
    claim_expires_at = serializers.DateTimeField(allow_null=True)
    ws_url = serializers.CharField()


class ClaimInput(serializers.Serializer[Any]):
    """A claim code as printed by the device; case, dashes and spaces do not matter."""

    claim_code = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class DeviceInput(serializers.Serializer[Any]):
    """An edit of a device; what is left out stays."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    site = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        help_text="Id of a site of the same tenant; null: the device stands at none.",
    )
    relay_names = serializers.DictField(
        child=serializers.CharField(max_length=100, allow_blank=True), required=False
    )
    input_config = serializers.DictField(required=False)
    power_restore_mode = serializers.ChoiceField(choices=PowerRestoreMode.choices, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=50, required=False
    )
    offline_after_s = serializers.IntegerField(
        min_value=SHORTEST_TIMEOUT_S,
        max_value=LONGEST_TIMEOUT_S,
        required=False,
        allow_null=True,
        help_text="Silence after which it counts as offline; null: as its class has it.",
    )
    poll_interval_s = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_TIMEOUT_S,
        required=False,
        allow_null=True,
        help_text="How often it calls where it does not stay connected; three may be missed.",
    )

    def changes(self) -> DeviceChanges:
        """The validated input for the service."""
        values = dict(self.validated_data)
        if "site" in values:
            values["site"] = values["site"] or ""
        for name in {"offline_after_s", "poll_interval_s"} & values.keys():
            values[name] = values[name] or 0
        return DeviceChanges(**values)


class OwnerOutput(serializers.Serializer[Any]):
    """The owner of a device."""

    uid = serializers.CharField()
    name = serializers.CharField()


class SiteRefOutput(serializers.Serializer[Any]):
    """The site a device stands at."""

    slug = serializers.CharField(source="site_id")
    name = serializers.CharField()


class DeviceOutput(serializers.ModelSerializer[Device]):
    """A device as every route shows it."""

    pairing = serializers.ChoiceField(choices=Pairing.choices, read_only=True)
    connectivity = serializers.SerializerMethodField()
    last_seen_at = serializers.SerializerMethodField()
    sync = serializers.SerializerMethodField()
    drift_since = serializers.SerializerMethodField()
    tenant = OwnerOutput(allow_null=True)
    credential = serializers.SerializerMethodField()
    site = SiteRefOutput(allow_null=True)
    capabilities = serializers.ListField(child=serializers.CharField())
    relay_names = serializers.DictField(child=serializers.CharField())
    input_config = serializers.DictField()
    tags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Device
        fields = (
            "uid", "name", "hardware_id", "epoch", "device_class", "device_type", "model",
            "firmware_version", "capabilities", "relay_count", "relay_names", "input_config",
            "power_restore_mode", "tags", "pairing", "connectivity", "last_seen_at", "sync",
            "drift_since", "is_active",
            "is_simulated", "created_at", "claimed_at", "tenant", "site", "device_id", "ip_address",
            "enrolled_by", "credential", "offline_after_s", "poll_interval_s",
            "unpaired_at", "end_reason",
        )  # fmt: skip
        read_only_fields = fields

    def get_connectivity(self, device: Device) -> Connectivity:
        """Online, stale, offline or never connected, as of now."""
        return Connectivity(selectors.connectivity(device, timezone.now()))

    def get_sync(self, device: Device) -> Sync:
        """Whether it is as desired; unknown where nothing ever was, and of an archived device."""
        return Sync(selectors.sync_facts(device).state)

    def get_drift_since(self, device: Device) -> datetime | None:
        """Since when it is other than desired."""
        return selectors.sync_facts(device).drift_since

    @extend_schema_field(CredentialOutput)
    def get_credential(self, device: Device) -> Any:
        """How its keys stand: the current one, a new one waiting, an old one still good."""
        return CredentialOutput(selectors.key_facts(device)).data

    def get_last_seen_at(self, device: Device) -> str | None:
        """When the device was last heard, RFC 3339."""
        seen = device.presence.last_seen_at
        return None if seen is None else seen.isoformat()


class InputEventOutput(serializers.Serializer[Any]):
    """Something that happened at a device's input."""

    event_id = serializers.CharField()
    input_index = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField()
