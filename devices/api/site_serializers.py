"""What the routes about sites take and give."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from devices.api.serializers import DeviceOutput, OwnerOutput
from devices.choices import DeviceClass
from devices.models import Device
from devices.services.site_registration import RegisteredDevice
from devices.types import NewSite, Position, SiteChanges, SiteDevice

_SITE_ID = r"^[A-Za-z0-9_-]{1,64}$"
_CAPABILITY = r"^[a-z][a-z0-9_.-]{0,39}$"


class _PositionFields(serializers.Serializer[Any]):
    """Latitude and longitude in degrees: both, or none."""

    latitude = serializers.DecimalField(
        max_digits=None, decimal_places=None, min_value=-90, max_value=90,
        required=False, allow_null=True, help_text="Degrees; kept to 6 decimals.",
    )  # fmt: skip
    longitude = serializers.DecimalField(
        max_digits=None, decimal_places=None, min_value=-180, max_value=180,
        required=False, allow_null=True, help_text="Degrees; kept to 6 decimals.",
    )  # fmt: skip

    def position(self) -> Position | None:
        """What was given of it; None when neither was."""
        given = {
            name: self.validated_data[name]
            for name in ("latitude", "longitude")
            if name in self.validated_data
        }
        return Position(**given) if given else None


class SiteInput(_PositionFields):
    """A new site."""

    site_id = serializers.RegexField(
        _SITE_ID,
        required=False,
        default="",
        help_text="1 to 64 of `A-Za-z0-9_-`; made from the name when left out.",
    )
    name = serializers.CharField(max_length=100)
    address = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    time_zone = serializers.CharField(max_length=64, required=False, default="UTC")

    def site(self) -> NewSite:
        """The validated input for the service."""
        names = ("site_id", "name", "address", "time_zone")
        values = {name: self.validated_data[name] for name in names}
        return NewSite(**values, position=self.position() or Position())


class SiteEditInput(_PositionFields):
    """An edit of a site; what is left out stays, and its id always does."""

    name = serializers.CharField(max_length=100, required=False)
    address = serializers.CharField(max_length=300, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=64, required=False)

    def changes(self) -> SiteChanges:
        """The validated input for the service."""
        names = ("name", "address", "time_zone")
        values = {name: self.validated_data.get(name) for name in names}
        return SiteChanges(**values, position=self.position())


class SiteOutput(serializers.Serializer[Any]):
    """A site as every route shows it."""

    site_id = serializers.CharField()
    name = serializers.CharField()
    address = serializers.CharField()
    time_zone = serializers.CharField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()
    device_count = serializers.IntegerField(
        help_text="Paired devices at the site, simulated ones among them."
    )
    online_count = serializers.IntegerField(help_text="Those of them that are online.")
    real_count = serializers.IntegerField(
        help_text="Without simulated ones: the figure that counts."
    )
    real_online_count = serializers.IntegerField(help_text="Those of them that are online.")
    tenant = serializers.SerializerMethodField()

    def get_tenant(self, site: Any) -> dict[str, str]:
        """Uid and name of its owner."""
        owner = {"uid": site.tenant_uid, "name": site.tenant_name}
        return dict(OwnerOutput(owner).data)


class DepartureInput(serializers.Serializer[Any]):
    """What becomes of a removed site's devices: `unpair`, `move_to:<site>`, {"move_to": site}."""

    devices = serializers.JSONField(required=False)

    def validate_devices(self, value: Any) -> str:
        """The site to move to behind `move_to:`, or `unpair`."""
        if isinstance(value, dict) and value.keys() == {"move_to"}:
            value = f"move_to:{value['move_to']}" if isinstance(value["move_to"], str) else ""
        if isinstance(value, str) and re.fullmatch(r"unpair|move_to:.{1,64}", value):
            return value
        raise serializers.ValidationError('"unpair" or "move_to:<site_id>".')

    def departure(self) -> dict[str, Any]:
        """The validated input for the service."""
        asked = self.validated_data.get("devices", "")
        return {"unpair": asked == "unpair", "move_to": asked.partition(":")[2]}


class RemovedSiteOutput(serializers.Serializer[Any]):
    """What went with a site."""

    site_id = serializers.CharField()
    devices_unpaired = serializers.IntegerField()
    devices_moved = serializers.IntegerField()
    moved_to = serializers.CharField(allow_null=True)
    keys_revoked = serializers.IntegerField()


class SiteDeviceInput(serializers.Serializer[Any]):
    """A device as its installer describes it."""

    device_id = serializers.RegexField(_SITE_ID, help_text="1 to 64 of `A-Za-z0-9_-`.")
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    device_type = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="Any word; one that names a device class is taken as the class too.",
    )
    ip_address = serializers.IPAddressField(required=False, allow_null=True, default=None)
    device_class = serializers.ChoiceField(
        choices=DeviceClass.choices, required=False, default=DeviceClass.OTHER
    )
    model = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    capabilities = serializers.ListField(
        child=serializers.RegexField(_CAPABILITY), max_length=64, required=False, default=list
    )
    relay_count = serializers.IntegerField(min_value=0, max_value=64, required=False, default=0)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=50, required=False, default=list
    )

    def device(self) -> SiteDevice:
        """The validated input for the service."""
        values = dict(self.validated_data)
        for name in ("capabilities", "tags"):
            values[name] = tuple(values[name])
        return SiteDevice(**values)


class RegisteredDeviceOutput(DeviceOutput):
    """A device as every route shows it, with its key, shown this once."""

    api_key = serializers.SerializerMethodField()

    class Meta(DeviceOutput.Meta):
        fields: Any = (*DeviceOutput.Meta.fields, "api_key")
        read_only_fields: Any = fields

    def get_api_key(self, device: Device) -> str:
        """The device's key: it is kept as a hash only."""
        registered: RegisteredDevice = self.context["registered"]
        return registered.api_key
