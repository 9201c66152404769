"""How a device's key reads in OpenAPI."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class DeviceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call, misc]
    """A device's key with its name."""

    target_class = "devices.api.authentication.DeviceKeyAuthentication"
    name = "deviceKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The scheme's definition."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "Together with X-Device-ID: the device's uid, or its name at its site.",
        }
