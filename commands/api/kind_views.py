"""Routes about kinds of commands: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from commands import selectors
from commands.api.request_serializers import (
    CommandKindChange,
    CommandKindInput,
    CommandKindOutput,
    shown_kind,
)
from commands.models import CustomKind
from commands.services import custom_kinds
from kernel.api.views import ApiView

_SCHEMA = {
    "type": "object",
    "properties": {"volume": {"type": "integer", "title": "Volume", "minimum": 0, "maximum": 10}},
    "required": ["volume"],
    "additionalProperties": False,
}


class KindsView(ApiView):
    """What devices can be asked for."""

    @extend_schema(
        operation_id="command_kind_list", tags=["commands"], responses=CommandKindOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """List every kind of command the caller's devices can be asked for, with its schema."""
        found = selectors.kinds_usable_by(request.actor)
        return Response([shown_kind(kind, tenant_uid=owner) for kind, owner in found])

    @extend_schema(
        operation_id="command_kind_create",
        tags=["commands"],
        request=CommandKindInput,
        responses={201: CommandKindOutput},
        examples=[
            OpenApiExample(
                "Volume",
                value={"name": "custom.set_volume", "title": "Set volume", "schema": _SCHEMA},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Allow the tenant's devices to be asked for something of its own: `custom.…`.

        The schema is JSON Schema 2020-12 without references, `patternProperties` and costly
        patterns; 422 `invalid_schema` points to what cannot be used.
        """
        body = CommandKindInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = custom_kinds.create_kind(**body.wanted(), actor=request.actor, now=timezone.now())
        return Response(_shown(made), status=status.HTTP_201_CREATED)


class KindView(ApiView):
    """One kind of command."""

    @extend_schema(operation_id="command_kind_get", tags=["commands"], responses=CommandKindOutput)
    def get(self, request: Request, name: str) -> Response:
        """Show one kind, with its schema."""
        kind, owner = selectors.kind_usable_by(actor=request.actor, name=name)
        return Response(shown_kind(kind, tenant_uid=owner))

    @extend_schema(
        operation_id="command_kind_replace",
        tags=["commands"],
        request=CommandKindChange,
        responses=CommandKindOutput,
        examples=[
            OpenApiExample(
                "Volume", value={"title": "Volume", "schema": _SCHEMA}, request_only=True
            )
        ],
    )
    def put(self, request: Request, name: str) -> Response:
        """Replace title, schema and lifetime of one of the tenant's own kinds."""
        body = CommandKindChange(data=request.data)
        body.is_valid(raise_exception=True)
        row = custom_kinds.replace_kind(
            name=name, **body.wanted(), actor=request.actor, now=timezone.now()
        )
        return Response(_shown(row))

    @extend_schema(
        operation_id="command_kind_delete",
        tags=["commands"],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, name: str) -> Response:
        """Take one of the tenant's own kinds back; what was asked for runs to its end."""
        custom_kinds.delete_kind(name=name, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _shown(row: CustomKind) -> dict[str, Any]:
    return shown_kind(selectors.kind_of(row), tenant_uid=row.tenant.uid)
