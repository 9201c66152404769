"""What the routes about transfers take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.api.serializers import DeviceOutput
from devices.choices import TransferState


class TransferOfferOutput(serializers.Serializer[Any]):
    """An offer of a device; the code is shown this once."""

    uid = serializers.CharField()
    code = serializers.CharField(help_text="Whoever accepts with it becomes the owner.")
    expires_at = serializers.DateTimeField()


class TransferAcceptInput(serializers.Serializer[Any]):
    """The code of an offer, and the site the device comes to; case and dashes do not matter."""

    code = serializers.CharField(max_length=40)
    site = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)


class TransferAcceptedOutput(serializers.Serializer[Any]):
    """A device that has changed hands, with the key of its new life, shown this once."""

    device = DeviceOutput()
    api_key = serializers.CharField()


class TransferOutput(serializers.Serializer[Any]):
    """A transfer as one side sees it; who decided is told to the giver about its own people."""

    uid = serializers.CharField()
    direction = serializers.ChoiceField(choices=["given", "received"])
    state = serializers.ChoiceField(choices=TransferState.choices)
    device_uid = serializers.CharField(help_text="The life of the device on the caller's side.")
    giver = serializers.CharField(help_text="Name of the tenant.")
    receiver = serializers.CharField(allow_null=True, help_text="Name of the tenant.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    offered_by = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
