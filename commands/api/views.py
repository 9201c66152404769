"""Routes about commands: translate, one call, translate back."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commands import selectors
from commands.api.filters import CommandQuery, DeviceCommandQuery
from commands.api.request_serializers import CommandInput
from commands.api.request_views import ASKED, EXAMPLES, ask_device
from commands.api.serializers import CommandEventOutput, CommandOutput, CommandPage
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiView


class Commands(ApiView):
    """The commands of all devices."""

    @extend_schema(
        operation_id="command_list",
        tags=["commands"],
        parameters=[CommandQuery],
        responses=CommandPage,
    )
    def get(self, request: Request) -> Response:
        """List the commands of every device the caller may see, newest first."""
        query = CommandQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return _page(self, request, selectors.commands_like(actor=request.actor, **query.wanted()))


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
        parameters=[DeviceCommandQuery],
        responses=CommandPage,
    )
    def get(self, request: Request, uid: str) -> Response:
        """List a device's commands, newest first."""
        query = DeviceCommandQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = selectors.commands_like(actor=request.actor, device=uid, **query.wanted())
        return _page(self, request, found)

    @extend_schema(
        operation_id="device_command_create",
        tags=["commands"],
        request=CommandInput,
        responses=ASKED,
        examples=EXAMPLES,
    )
    def post(self, request: Request, uid: str) -> Response:
        """Ask the device for something; `GET /command-kinds` tells what there is.

        200 with the outcome once the device has answered, 202 when it has not within `wait`
        seconds. 422 `unknown_kind` and `invalid_payload` (with JSON Pointers to what is wrong),
        409 `device_offline` (with `delivery: now`; nothing is queued then), `not_supported` and
        `queue_full`.
        """
        return ask_device(request, uid)


class CustomerDeviceCommands(DeviceCommands):
    """The same, under its other address."""

    @extend_schema(
        operation_id="customer_device_commands",
        tags=["commands"],
        parameters=[DeviceCommandQuery],
        responses=CommandPage,
    )
    def get(self, request: Request, uid: str) -> Response:
        """List a device's commands, as `/devices/{uid}/commands` does."""
        return super().get(request, uid)

    @extend_schema(
        operation_id="customer_device_command_create",
        tags=["commands"],
        request=CommandInput,
        responses=ASKED,
        examples=EXAMPLES,
    )
    def post(self, request: Request, uid: str) -> Response:
        """Ask the device for something, as `/devices/{uid}/commands` does."""
        return super().post(request, uid)


def _page(view: ApiView, request: Request, found: Any) -> Response:
    pages = CursorPage()
    page: Any = pages.paginate_queryset(found, request, view=view)
    return pages.get_paginated_response(
        [selectors.view_of(command, command.device.uid).as_json() for command in page]
    )
