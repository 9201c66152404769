"""What the routes about erasing an account take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.choices import ErasureState
from accounts.services.passwords import MAX_LENGTH


class AccountErasureInput(serializers.Serializer[Any]):
    """The user's password: nobody else may do this to them."""

    password = serializers.CharField(
        max_length=MAX_LENGTH,
        trim_whitespace=False,
        write_only=True,
        style={"input_type": "password"},
    )


class AccountErasureTenant(serializers.Serializer[Any]):
    """A tenant the erasing concerns."""

    uid = serializers.CharField()
    name = serializers.CharField()


class AccountErasureOutlook(serializers.Serializer[Any]):
    """What would happen to the user's tenants, and what stands in the way."""

    is_possible = serializers.BooleanField()
    is_last_administrator = serializers.BooleanField()
    hand_over_first = AccountErasureTenant(many=True)
    ends = AccountErasureTenant(many=True, help_text="With their devices and sites.")
    leaves = AccountErasureTenant(many=True, help_text="Others live on there.")


class AccountErasureBegun(serializers.Serializer[Any]):
    """An erasing that has begun; the token is shown this once."""

    erasure = serializers.CharField()
    state = serializers.ChoiceField(choices=ErasureState.choices)
    requested_at = serializers.DateTimeField()
    report_token = serializers.CharField(help_text="Send it as X-Report-Token.")


class AccountErasureOutput(serializers.Serializer[Any]):
    """Where an erasing is; `report` says what was erased, what is kept, and why."""

    erasure = serializers.CharField(source="uid")
    state = serializers.ChoiceField(choices=ErasureState.choices)
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    report = serializers.DictField(allow_null=True)
