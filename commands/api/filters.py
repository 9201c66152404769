"""How lists of commands can be narrowed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from commands.choices import State


class DeviceCommandQuery(serializers.Serializer[Any]):
    """Which of a device's commands to list; several states with commas in between."""

    kind = serializers.CharField(max_length=64, required=False, help_text="In any spelling.")
    state = serializers.CharField(
        max_length=200, required=False, help_text=f"Of {', '.join(State.values)}, with commas."
    )
    is_open = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Those that have ended, or those that have not.",
    )
    since = serializers.DateTimeField(required=False, help_text="Asked for then or later.")

    def validate_state(self, value: str) -> list[str]:
        """Each of the states."""
        wanted = [state.strip() for state in value.split(",")]
        if not set(wanted) <= set(State.values):
            raise serializers.ValidationError(f"Of {', '.join(State.values)}, with commas.")
        return wanted

    def wanted(self) -> dict[str, Any]:
        """What the selector takes, once it is valid."""
        given = self.validated_data
        return {
            "kind": given.get("kind"),
            "states": given.get("state"),
            "is_open": given["is_open"],
            "since": given.get("since"),
        }


class CommandQuery(DeviceCommandQuery):
    """Which commands to list, of all devices."""

    device = serializers.CharField(max_length=64, required=False)
    batch = serializers.UUIDField(required=False)

    def wanted(self) -> dict[str, Any]:
        """What the selector takes, once it is valid."""
        given = self.validated_data
        return super().wanted() | {"device": given.get("device"), "batch": given.get("batch")}
