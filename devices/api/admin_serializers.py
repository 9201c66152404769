"""What the device route of platform administrators takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.choices import Pairing
from devices.services.administration import DeviceSearch


class AdminDeviceQuery(serializers.Serializer[Any]):
    """Query parameters of the list of all devices."""

    search = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="In name, uid, model or hardware id.",
    )
    pairing = serializers.ChoiceField(
        choices=Pairing.choices, required=False, allow_blank=True, help_text="All when left out."
    )
    tenant = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="The uid of a tenant."
    )

    def wanted(self) -> DeviceSearch:
        """The validated parameters for the service."""
        return DeviceSearch(**self.validated_data)
