"""What the routes about lives of devices give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.api.serializers import DeviceOutput
from devices.choices import EnrolledBy, LifeEnd, Pairing
from devices.models import Device


class ReleasedOutput(serializers.Serializer[Any]):
    """A device given back; the claim code is shown this once."""

    device_uid = serializers.CharField(help_text="The next, unclaimed life of the hardware.")
    claim_code = serializers.CharField()
    claim_expires_at = serializers.DateTimeField()
    archived = DeviceOutput()


class LifeCountsOutput(serializers.Serializer[Any]):
    """How much a life has left behind."""

    input_events = serializers.IntegerField(source="input_event_count")


class LifeOutput(serializers.ModelSerializer[Device]):
    """One life of a piece of hardware; `final_state` is null while it lasts."""

    pairing = serializers.ChoiceField(choices=Pairing.choices, read_only=True)
    enrolled_by = serializers.ChoiceField(choices=EnrolledBy.choices, allow_blank=True)
    end_reason = serializers.ChoiceField(choices=LifeEnd.choices, allow_blank=True)
    final_state = serializers.DictField(allow_null=True)
    counts = LifeCountsOutput(source="*")

    class Meta:
        model = Device
        fields = (
            "epoch", "uid", "name", "device_id", "pairing", "created_at", "claimed_at",
            "claimed_by", "enrolled_by", "unpaired_at", "unpaired_by", "end_reason",
            "final_state", "counts",
        )  # fmt: skip
        read_only_fields = fields
