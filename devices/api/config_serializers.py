"""What the routes about configurations take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices import config_rules
from devices.choices import InputMode, PowerRestoreMode
from edge.protocol.limits import INT64_MAX, MAX_ERROR_CHARS


class InputSettings(serializers.Serializer[Any]):
    """How a device treats one of its inputs."""

    mode = serializers.ChoiceField(choices=InputMode.choices, required=False)
    relay = serializers.IntegerField(
        min_value=0, required=False, allow_null=True, help_text="The relay that it switches."
    )
    debounce_ms = serializers.IntegerField(
        min_value=0, max_value=config_rules.MAX_DEBOUNCE_MS, required=False
    )
    inverted = serializers.BooleanField(required=False)
    name = serializers.CharField(max_length=config_rules.MAX_NAME, required=False, allow_blank=True)


class ConfigDocument(serializers.Serializer[Any]):
    """A whole configuration; a patch names what is to change, and null resets a member."""

    relay_names = serializers.DictField(
        child=serializers.CharField(max_length=config_rules.MAX_NAME),
        help_text="Names by the number of the relay.",
    )
    input_config = serializers.DictField(
        child=InputSettings(), help_text="Settings by the number of the input."
    )
    power_restore_mode = serializers.ChoiceField(choices=PowerRestoreMode.choices)
    config = serializers.DictField(help_text="Anything else that the device understands.")

    def to_representation(self, instance: Any) -> Any:
        """The document as it is kept: what is older than these rules is sent back unharmed."""
        return instance


class ConfigPatch(ConfigDocument):
    """A merge patch (RFC 7396) to a configuration."""

    def get_fields(self) -> dict[str, Any]:
        """The same members, none of them required."""
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            field.required, field.allow_null = False, True
        return fields


class ConfigOutput(serializers.Serializer[Any]):
    """The configuration of a device, and what the device says of it."""

    version = serializers.IntegerField(help_text="0: never configured, and nothing to send.")
    config = ConfigDocument(source="document")
    changed_at = serializers.DateTimeField(allow_null=True)
    changed_by = serializers.CharField(allow_blank=True)
    applied_version = serializers.IntegerField(help_text="The version the device works by.")
    is_applied = serializers.BooleanField()
    applied_at = serializers.DateTimeField(
        allow_null=True, help_text="When the device last said so."
    )
    drift_since = serializers.DateTimeField(
        allow_null=True, help_text="Since when it works by another version."
    )
    refused_version = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(
        allow_blank=True, help_text="Why the device could not take `refused_version`."
    )


class ConfigRevisionOutput(serializers.Serializer[Any]):
    """One version of a configuration, without its document."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_blank=True)
    cause = serializers.ListField(child=serializers.DictField())


class ConfigQuery(serializers.Serializer[Any]):
    """Which version is wanted."""

    version = serializers.IntegerField(
        min_value=1, max_value=INT64_MAX, required=False, help_text="An earlier version."
    )


class RestoreInput(serializers.Serializer[Any]):
    """The version to go back to."""

    version = serializers.IntegerField(min_value=1, max_value=INT64_MAX)


class ConfigAppliedInput(serializers.Serializer[Any]):
    """What a device says of its configuration."""

    version = serializers.IntegerField(min_value=0, max_value=INT64_MAX)
    error = serializers.CharField(
        max_length=MAX_ERROR_CHARS,
        required=False,
        allow_null=True,
        help_text="Why it cannot work by that version; left out when it does.",
    )
