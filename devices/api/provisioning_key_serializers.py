"""What the routes about provisioning keys take and give."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from devices import selectors
from devices.api.serializers import OwnerOutput
from devices.choices import DeviceClass, ProvisioningKeyState
from devices.models import ProvisioningKey
from devices.services import provisioning_keys

_LONGEST_SECONDS = int(provisioning_keys.LONGEST.total_seconds())


class ProvisioningKeyInput(serializers.Serializer[Any]):
    """A key to be made; it ends by `expires_in` seconds or at `expires_at`, one of them."""

    name = serializers.CharField(max_length=100)
    site = serializers.CharField(
        max_length=64, required=False, allow_null=True, help_text="Id of the devices' site."
    )
    device_class = serializers.ChoiceField(
        choices=DeviceClass.choices,
        required=False,
        allow_blank=True,
        default="",
        help_text="Empty: devices of any class.",
    )
    max_devices = serializers.IntegerField(min_value=1, max_value=provisioning_keys.MAX_DEVICES)
    expires_in = serializers.IntegerField(
        min_value=1, max_value=_LONGEST_SECONDS, required=False, help_text="Seconds from now."
    )
    expires_at = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one end."""
        if ("expires_in" in attrs) == ("expires_at" in attrs):
            raise serializers.ValidationError(
                {"expires_at": "Send expires_at or expires_in, one of them."}
            )
        return attrs

    def wanted(self, now: datetime) -> dict[str, Any]:
        """The validated input for the service."""
        values = dict(self.validated_data)
        seconds = values.pop("expires_in", None)
        if seconds is not None:
            values["expires_at"] = now + timedelta(seconds=seconds)
        return values | {"site_id": values.pop("site", None)}


class ProvisioningKeyOutput(serializers.ModelSerializer[ProvisioningKey]):
    """A provisioning key without the key."""

    tenant = OwnerOutput()
    site = serializers.CharField(
        source="site.site_id", default=None, allow_null=True, help_text="Id of the devices' site."
    )
    device_class = serializers.ChoiceField(choices=DeviceClass.choices, allow_blank=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = ProvisioningKey
        fields: tuple[str, ...] = (
            "uid", "name", "tenant", "site", "device_class", "max_devices", "used", "state",
            "created_at", "created_by", "expires_at", "revoked_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields

    def get_state(self, key: ProvisioningKey) -> ProvisioningKeyState:
        """Whether devices may still come in with it, as of now."""
        return selectors.provisioning_key_state(key, timezone.now())


class MadeKeyOutput(ProvisioningKeyOutput):
    """A provisioning key just made; the key is shown this once."""

    key = serializers.CharField(help_text="Goes into X-Provision-Key of each registration.")

    class Meta(ProvisioningKeyOutput.Meta):
        fields = (*ProvisioningKeyOutput.Meta.fields, "key")
        read_only_fields = fields
