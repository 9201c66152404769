"""The routes by which a device without a lasting connection gets and answers its commands.

Under the product's own server ordinary fetches never come here, the raw door takes them; under
another server all do, and are answered at once.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from devicelink.http import fetching
from devices.services import contacts
from devices.types import KnownCaller
from kernel import errors
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiRequest, ApiView

_ANSWER = {
    "commands": [
        {
            "type": "command",
            "command_id": "019aa1c2-6a39-7c3e-9d2f-0c6b1b1f2a77",
            "kind": "reboot",
            "payload": {"delay_s": 0},
            "expires_at": "2026-11-21T10:00:00Z",
        }
    ],
    "config": None,
    "twin_desired": None,
    "server_time": "2026-11-21T09:00:00Z",
    "next_poll_s": 0,
}


class PendingCommandsOutput(serializers.Serializer[Any]):
    """What waits for the device, as the messages of docs/protocol/messages.md."""

    commands = serializers.ListField(
        child=serializers.DictField(),
        help_text="`set_relay`, `set_all_relays`, `command` and `cancel` messages, in order.",
    )
    config = serializers.DictField(
        allow_null=True, help_text="A `config` message while the device works by another version."
    )
    twin_desired = serializers.DictField(
        allow_null=True, help_text="A `twin_desired` message, likewise."
    )
    server_time = serializers.DateTimeField()
    next_poll_s = serializers.IntegerField(help_text="Seconds after which to fetch again.")


class CommandResultInput(serializers.Serializer[Any]):
    """What became of a command; the members are those of an `ack` message."""

    status = serializers.CharField(
        help_text=(
            "`accepted` (it has begun; may come again with progress), `succeeded`, `failed`, "
            "`rejected` or `cancelled`. `SUCCESS`, `completed`, `FAILED` and the like are "
            "understood."
        )
    )
    result = serializers.JSONField(required=False, help_text="Up to 16 KiB.")
    error = serializers.CharField(required=False, allow_null=True)
    progress = serializers.JSONField(
        required=False, help_text="A percentage, or `{percent, message}`."
    )
    relays = serializers.ListField(child=serializers.DictField(), required=False)
    state_seq = serializers.IntegerField(required=False, min_value=0)


class CommandResultOutput(serializers.Serializer[Any]):
    """The command as it is now."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class PendingCommands(ApiView):
    """Hands out commands; the root of the product says how the device is authenticated."""

    permission_classes = (IsDevice,)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer; a fetch writes, so each of its services opens its own transaction."""
        return APIView.dispatch(self, request, *args, **kwargs)

    @extend_schema(
        operation_id="device_pending",
        summary="Fetch what waits for the calling device",
        description=(
            "Commands that are handed out count as sent and are answered by their result. One that "
            "is not answered in time is handed out again under its id. With `wait` the answer comes "
            "as soon as there is something; of several calls of one device only the newest waits."
        ),
        tags=["devices: wire"],
        parameters=[
            OpenApiParameter("wait", float, description="Seconds to wait, 0 to 25 (default 0)."),
            OpenApiParameter("limit", int, description="Commands at most, 1 to 16 (default 16)."),
        ],
        responses=PendingCommandsOutput,
        examples=[OpenApiExample("A reboot", value=_ANSWER, response_only=True)],
    )
    def get(self, request: ApiRequest) -> Response:
        """Hand out what there is now."""
        asked = fetching.read_query(request.META.get("QUERY_STRING", ""))
        now = timezone.now()
        fetched = fetching.fetch(_caller(request), asked, now)
        if fetched is None:
            # The key was voided between the check and the commit.
            raise errors.InvalidCredentials
        response = Response(fetched.body(asked, now))
        response["Cache-Control"] = "no-store"
        return response


class CommandResult(ApiView):
    """Takes in what became of a command."""

    permission_classes = (IsDevice,)

    @extend_schema(
        operation_id="device_command_result",
        summary="Say what became of a command",
        description="Sending the same again is fine. What comes after the end changes nothing.",
        tags=["devices: wire"],
        request=CommandResultInput,
        responses=CommandResultOutput,
        examples=[
            OpenApiExample(
                "Done", value={"status": "succeeded", "result": {"disk": "ok"}}, request_only=True
            )
        ],
    )
    def post(self, request: ApiRequest, command_id: str) -> Response:
        """Record it and show the command's state."""
        body = request.data
        if not isinstance(body, dict):
            raise errors.ValidationFailed(details={"body": ["Send an object."]})
        ack = fetching.read_result(command_id, body)
        command = fetching.record_result(_caller(request), command_id, ack, timezone.now())
        return Response(CommandResultOutput(command).data)


def _caller(request: Any) -> KnownCaller:
    return contacts.caller_of(request.device_facts, name=request.headers.get("X-Device-ID", ""))
