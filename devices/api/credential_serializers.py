"""What the routes about device keys take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.choices import KeyState, Pairing, RevokeOld
from devices.services import rotation


class CredentialOutput(serializers.Serializer[Any]):
    """How a device's keys stand; the keys themselves are shown once, when they are made."""

    state = serializers.ChoiceField(
        choices=KeyState.choices,
        help_text=(
            "`rotation_pending`: a new key waits for its first use. `old_key_in_use`: the new one "
            "was used and the old one is still good."
        ),
    )
    created_at = serializers.DateTimeField(allow_null=True, help_text="Of the current key.")
    rotation_started_at = serializers.DateTimeField(allow_null=True)
    old_key_retires_at = serializers.DateTimeField(allow_null=True)


class RotateInput(serializers.Serializer[Any]):
    """How a rotation ends the old key."""

    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=rotation.MAX_GRACE_SECONDS,
        required=False,
        default=rotation.DEFAULT_GRACE_SECONDS,
        help_text="How long the old key stays good after the new one's first use.",
    )
    revoke_old = serializers.ChoiceField(
        choices=RevokeOld.choices,
        required=False,
        default=RevokeOld.AFTER_FIRST_USE,
        help_text="`now` shuts the device out until it has the new key.",
    )


class RotatedOutput(serializers.Serializer[Any]):
    """A new key of a device, shown this once."""

    device_uid = serializers.CharField()
    device_id = serializers.CharField(allow_blank=True)
    api_key = serializers.CharField()
    grace_seconds = serializers.IntegerField()
    revoke_old = serializers.ChoiceField(choices=RevokeOld.choices)
    expires_at = serializers.DateTimeField(help_text="Without a first use it is void then.")


class DeviceSelfOutput(serializers.Serializer[Any]):
    """What a device is told of itself."""

    uid = serializers.CharField()
    device_id = serializers.CharField(allow_blank=True, help_text="What its site calls it.")
    name = serializers.CharField(allow_blank=True)
    pairing = serializers.ChoiceField(choices=Pairing.choices)
    site = serializers.CharField(allow_null=True, help_text="Id of its site.")
    epoch = serializers.IntegerField(help_text="Which life of the hardware this is.")
    server_time = serializers.DateTimeField()
    heartbeat_s = serializers.IntegerField()
    credential = CredentialOutput()
