"""Routes that ask devices for something, or take it back: translate, one call, translate back."""

from __future__ import annotations

import uuid

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commands.api.answers import answer_for
from commands.api.request_serializers import CommandInput, CommandPreviewInput, CommandPreviewOutput
from commands.api.serializers import CommandOutput
from commands.services import cancelling, previewing, requesting
from kernel.api.views import ApiView

ASKED = {200: CommandOutput, 202: CommandOutput}
EXAMPLES = [
    OpenApiExample("Reboot", value={"kind": "REBOOT", "payload": {}}, request_only=True),
    OpenApiExample(
        "Configuration, within a day",
        value={
            "kind": "UPDATE_CONFIG",
            "payload": {"config": {"log_level": "debug"}},
            "expires_in": 86400,
        },
        request_only=True,
    ),
    OpenApiExample(
        "Switch, whenever it comes back",
        value={
            "kind": "set_relay",
            "payload": {"relay_index": 0, "is_on": True},
            "delivery": "queue",
            "expires_in": 3600,
        },
        request_only=True,
    ),
]


def ask_device(request: Request, uid: str) -> Response:
    """Ask the device of that uid for what the body says."""
    body = CommandInput(data=request.data)
    body.is_valid(raise_exception=True)
    command = requesting.request_command(
        device_uid=uid, **body.wanted(), actor=request.actor, now=timezone.now()
    )
    return answer_for(command=command, wait_s=body.wait_for(command.delivery), actor=request.actor)


class CommandPreview(ApiView):
    """What would happen. It changes nothing, so that no answer is kept for a repeat."""

    reads_idempotency_key = True

    @extend_schema(
        operation_id="device_command_preview",
        tags=["commands"],
        request=CommandPreviewInput,
        responses=CommandPreviewOutput,
        examples=EXAMPLES,
    )
    def post(self, request: Request, uid: str) -> Response:
        """Tell what a request would lead to, without asking anybody.

        Whether it would be sent now or wait, until when and behind which commands, which ones it
        would supersede; or why it would be refused, with the code that the request would get.
        """
        body = CommandPreviewInput(data=request.data)
        body.is_valid(raise_exception=True)
        preview = previewing.preview_command(
            device_uid=uid, **body.wanted(), actor=request.actor, now=timezone.now()
        )
        return Response(preview.as_json())


class CustomerCommandPreview(CommandPreview):
    """The same, under its other address."""

    @extend_schema(
        operation_id="customer_device_command_preview",
        tags=["commands"],
        request=CommandPreviewInput,
        responses=CommandPreviewOutput,
        examples=EXAMPLES,
    )
    def post(self, request: Request, uid: str) -> Response:
        """Tell what a request would lead to, as `/devices/{uid}/commands/preview` does."""
        return super().post(request, uid)


class CommandCancel(ApiView):
    """Taking a command back."""

    @extend_schema(
        operation_id="command_cancel", tags=["commands"], request=None, responses=CommandOutput
    )
    def post(self, request: Request, command_id: uuid.UUID) -> Response:
        """Cancel a command.

        One that was not sent is `cancelled` at once. Of one that may be on its device, the device
        is told; `cancel_asked_at` says since when, and what it answers is the outcome. 409
        `command_finished` for one that has ended otherwise.
        """
        command = cancelling.cancel_command(
            command_uid=command_id, actor=request.actor, now=timezone.now()
        )
        return Response(command.as_json())
