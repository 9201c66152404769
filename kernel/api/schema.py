"""How the API describes itself in OpenAPI."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes
from rest_framework import serializers

from kernel.api.permissions import IsAuthenticated
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


_TENANT = OpenApiParameter(
    name="X-Tenant",
    location=OpenApiParameter.HEADER,
    type=OpenApiTypes.STR,
    required=False,
    description="Uid of one of your tenants: the request sees and changes nothing of the others.",
)


class ApiSchema(AutoSchema):
    """Adds what every route has: the error shape, the Idempotency-Key and the tenant."""

    def get_override_parameters(self) -> list[Any]:
        """The Idempotency-Key of mutating routes, the tenant where a user is signed in."""
        parameters = [_IDEMPOTENCY_KEY] if self.method in MUTATING else []
        return [*parameters, _TENANT] if self._is_for_users() else parameters

    def _is_for_users(self) -> bool:
        return IsAuthenticated in self.view.permission_classes

    def map_renderers(self, attribute: str) -> list[str]:
        """Results are plain JSON; only refusals also come as problem details."""
        return ["application/json"]

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        refusal = self._get_response_for_code(  # type: ignore[no-untyped-call]
            ErrorBody, "default", media_types=["application/json", "application/problem+json"]
        )
        bodies["default"] = {**refusal, "description": "Any refusal."}
        return bodies
