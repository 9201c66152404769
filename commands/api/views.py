"""Routes about commands."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commands import selectors
from commands.api.serializers import CommandEventOutput, CommandOutput, CommandPage
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiView


class CommandResource(ApiView):
    """One command."""

    @extend_schema(operation_id="command_get", tags=["commands"], responses=CommandOutput)
    def get(self, request: Request, command_id: uuid.UUID) -> Response:
        """Show a command: its state, why, and what it has led to."""
        return Response(selectors.command_by_uid(actor=request.actor, uid=command_id).as_json())


class CommandHistory(ApiView):
    """The moves of one command."""

    @extend_schema(
        operation_id="command_history",
        tags=["commands"],
        responses=CommandEventOutput(many=True),
    )
    def get(self, request: Request, command_id: uuid.UUID) -> Response:
        """Show every move of a command, in order."""
        moves = selectors.history_of(actor=request.actor, uid=command_id)
        return Response(CommandEventOutput(moves, many=True).data)


class DeviceCommands(ApiView):
    """The commands of one device."""

    @extend_schema(
        operation_id="device_commands",
        tags=["commands"],
        responses=CommandPage,
    )
    def get(self, request: Request, uid: str) -> Response:
        """List a device's commands, newest first."""
        found = selectors.commands_of_device(actor=request.actor, device_uid=uid)
        pages = CursorPage()
        page: Any = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(
            [selectors.view_of(command, command.device.uid).as_json() for command in page]
        )
