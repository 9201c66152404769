"""How the API describes itself in OpenAPI."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes
from rest_framework import serializers

from kernel.api.views import MUTATING


class ErrorBody(serializers.Serializer[Any]):
    """The one shape of every refusal."""

    code = serializers.CharField(help_text="Stable; docs/errors.md lists them all.")
    message = serializers.CharField()
    details = serializers.DictField()
    request_id = serializers.CharField()


_IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    location=OpenApiParameter.HEADER,
    type=OpenApiTypes.STR,
    required=False,
    description="Sent again with the same request within 24 hours, replays the first answer.",
)


class ApiSchema(AutoSchema):  # type: ignore[misc]  drf-spectacular is untyped
    """Adds what every route has: the error shape and the Idempotency-Key."""

    def get_override_parameters(self) -> list[OpenApiParameter]:
        """The Idempotency-Key of mutating routes."""
        return [_IDEMPOTENCY_KEY] if self.method in MUTATING else []

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        bodies["default"] = self._get_response_for_code(ErrorBody, "default")
        bodies["default"]["description"] = "Any refusal."
        return bodies
