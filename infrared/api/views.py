"""Routes about infrared codes: translate, one service call, translate back."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from commands.api.answers import answer_for
from commands.api.serializers import CommandOutput
from commands.services import requesting
from infrared import selectors
from infrared.api.serializers import (
    IrCodeBody,
    IrCodeOutput,
    IrCodePatch,
    IrCodeSummary,
    LearnInput,
    TransmitInput,
)
from infrared.services import codes, kinds
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiView

_ANSWERS = {200: CommandOutput, 202: CommandOutput}
_PRONTO = "0000 006D 0002 0000 0156 00AC 0016 0689"
_EXAMPLES = [
    OpenApiExample("Pronto", value={"name": "TV on", "pronto": _PRONTO}, request_only=True),
    OpenApiExample(
        "Timings",
        value={
            "name": "TV off",
            "frequency_hz": 38000,
            "timings": [9000, 4500, 560, 44000],
            "repeat": 2,
        },
        request_only=True,
    ),
]


class IrCodesView(ApiView):
    """The infrared codes of one device."""

    @extend_schema(
        operation_id="ir_code_list", tags=["infrared"], responses=IrCodeSummary(many=True)
    )
    def get(self, request: Request, uid: str) -> Response:
        """List a device's codes by name, without their signals."""
        pages = CursorPage()
        pages.ordering = ("name", "pk")
        found = selectors.codes_of(actor=request.actor, device_uid=uid)
        page: Any = pages.paginate_queryset(found, request)
        shown = [selectors.view_of(code) for code in page]
        return pages.get_paginated_response(IrCodeSummary(shown, many=True).data)

    @extend_schema(
        operation_id="ir_code_create",
        tags=["infrared"],
        request=IrCodeBody,
        responses={201: IrCodeOutput},
        examples=_EXAMPLES,
    )
    def post(self, request: Request, uid: str) -> Response:
        """Keep a code for a device: Pronto hex, or a carrier with its timings."""
        body = IrCodeBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = codes.create_code(
            device_uid=uid, given=body.given(), actor=request.actor, now=timezone.now()
        )
        return Response(IrCodeOutput(made).data, status=status.HTTP_201_CREATED)


class IrCodeView(ApiView):
    """One infrared code."""

    @extend_schema(operation_id="ir_code_get", tags=["infrared"], responses=IrCodeOutput)
    def get(self, request: Request, uid: str, code_id: uuid.UUID) -> Response:
        """Show a code with its signal, as timings and as Pronto hex."""
        found = selectors.code_by_uid(actor=request.actor, device_uid=uid, uid=code_id)
        return Response(IrCodeOutput(found).data)

    @extend_schema(
        operation_id="ir_code_update",
        tags=["infrared"],
        request=IrCodePatch,
        responses=IrCodeOutput,
        examples=[OpenApiExample("Rename", value={"name": "Beamer on"}, request_only=True)],
    )
    def patch(self, request: Request, uid: str, code_id: uuid.UUID) -> Response:
        """Change a code's name, protocol, repeat, or its whole signal."""
        body = IrCodePatch(data=request.data)
        body.is_valid(raise_exception=True)
        changed = codes.update_code(
            device_uid=uid,
            uid=code_id,
            given=body.given(),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(IrCodeOutput(changed).data)

    @extend_schema(
        operation_id="ir_code_delete", tags=["infrared"], request=None, responses={204: None}
    )
    def delete(self, request: Request, uid: str, code_id: uuid.UUID) -> Response:
        """Forget a code."""
        codes.remove_code(device_uid=uid, uid=code_id, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class IrLearnView(ApiView):
    """Learning."""

    @extend_schema(
        operation_id="ir_code_learn",
        tags=["infrared"],
        request=LearnInput,
        responses=_ANSWERS,
        examples=[
            OpenApiExample(
                "Half a minute", value={"name": "TV on", "timeout_s": 30}, request_only=True
            )
        ],
    )
    def post(self, request: Request, uid: str) -> Response:
        """Have a device listen for a remote control; what it receives becomes a code.

        The command's result names the code. It fails with `nothing_learned` when the time is
        over, and may be cancelled before. 409 `device_offline` when the device cannot be reached.
        """
        body = LearnInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        wait_s = given.pop("wait")
        command = requesting.request_command(
            device_uid=uid,
            kind=kinds.IR_LEARN,
            payload=given,
            actor=request.actor,
            now=timezone.now(),
        )
        return answer_for(command=command, wait_s=wait_s, actor=request.actor)


class IrTransmitView(ApiView):
    """Transmitting."""

    @extend_schema(
        operation_id="ir_code_transmit",
        tags=["infrared"],
        request=TransmitInput,
        responses=_ANSWERS,
        examples=[OpenApiExample("Twice", value={"repeat": 2}, request_only=True)],
    )
    def post(self, request: Request, uid: str, code_id: uuid.UUID) -> Response:
        """Have a device send a code, once or several times.

        200 with the outcome once the device has answered, 202 when it has not within `wait`
        seconds. 409 `device_offline` when it cannot be reached; nothing is queued then.
        """
        body = TransmitInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        wait_s = given.pop("wait")
        command = requesting.request_command(
            device_uid=uid,
            kind=kinds.IR_TRANSMIT,
            payload=given | {"code": str(code_id)},
            actor=request.actor,
            now=timezone.now(),
        )
        return answer_for(command=command, wait_s=wait_s, actor=request.actor)
