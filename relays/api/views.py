"""Routes about relays."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commands.api.answers import answer_for
from commands.api.serializers import CommandOutput
from devices import selectors as device_selectors
from kernel.api.views import ApiView
from relays import selectors
from relays.api.serializers import RelaysOutput, SwitchAllInput, SwitchInput
from relays.services import switching

_ANSWERS = {200: CommandOutput, 202: CommandOutput}


class RelaysView(ApiView):
    """The relays of one device."""

    @extend_schema(operation_id="relay_list", tags=["relays"], responses=RelaysOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Show each relay: what its device last confirmed, and what is being asked of it."""
        device, relays = selectors.relays_of(actor=request.actor, device_uid=uid)
        return Response(
            {
                "device_uid": device.uid,
                "connectivity": device_selectors.connectivity(device, timezone.now()),
                "relays": [relay.as_json() for relay in relays],
            }
        )


class RelayCommandsView(ApiView):
    """Commands to one relay."""

    @extend_schema(
        operation_id="relay_switch",
        tags=["relays"],
        request=SwitchInput,
        responses=_ANSWERS,
        examples=[
            OpenApiExample("On", value={"is_on": True}, request_only=True),
            OpenApiExample(
                "Toggle, do not wait", value={"toggle": True, "wait": 0}, request_only=True
            ),
        ],
    )
    def post(self, request: Request, uid: str, index: int) -> Response:
        """Switch one relay.

        200 with the outcome once the device has answered, 202 when it has not within `wait`
        seconds; the relay counts as switched only when the device says so. 409 `device_offline`
        when the device is not connected; nothing is queued then.
        """
        body = SwitchInput(data=request.data)
        body.is_valid(raise_exception=True)
        command = switching.switch_relay(
            device_uid=uid,
            relay_index=index,
            is_on=body.validated_data["is_on"],
            toggle=body.validated_data["toggle"],
            actor=request.actor,
            now=timezone.now(),
        )
        return answer_for(command=command, wait_s=body.validated_data["wait"], actor=request.actor)


class AllRelaysCommandsView(ApiView):
    """Commands to all relays of a device."""

    @extend_schema(
        operation_id="relay_switch_all",
        tags=["relays"],
        request=SwitchAllInput,
        responses=_ANSWERS,
        examples=[OpenApiExample("All off", value={"is_on": False}, request_only=True)],
    )
    def post(self, request: Request, uid: str) -> Response:
        """Switch all relays of a device; answers as for one relay."""
        body = SwitchAllInput(data=request.data)
        body.is_valid(raise_exception=True)
        command = switching.switch_all(
            device_uid=uid,
            is_on=body.validated_data["is_on"],
            actor=request.actor,
            now=timezone.now(),
        )
        return answer_for(command=command, wait_s=body.validated_data["wait"], actor=request.actor)
