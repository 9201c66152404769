"""Routes about device keys: translate, one service call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.authentication import DeviceKeyAuthentication
from devices.api.credential_serializers import DeviceSelfOutput, RotatedOutput, RotateInput
from devices.services import presence, rotation
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiView


class RotateTokenView(ApiView):
    """A new key for one device."""

    @extend_schema(
        operation_id="device_rotate_token",
        tags=["devices"],
        request=RotateInput,
        responses={201: RotatedOutput},
        examples=[OpenApiExample("An hour", value={"grace_seconds": 3600}, request_only=True)],
    )
    def post(self, request: Request, uid: str) -> Response:
        """Make a new key, shown this once; the old one is good until the new one was used."""
        body = RotateInput(data=request.data)
        body.is_valid(raise_exception=True)
        rotated = rotation.rotate_token(
            device_uid=uid, **body.validated_data, actor=request.actor, now=timezone.now()
        )
        return Response(RotatedOutput(rotated).data, status=status.HTTP_201_CREATED)


class DeviceSelfView(ApiView):
    """What a device may know of itself."""

    authentication_classes = (DeviceKeyAuthentication,)
    permission_classes = (IsDevice,)

    @extend_schema(operation_id="device_self", tags=["devices: wire"], responses=DeviceSelfOutput)
    def get(self, request: Request) -> Response:
        """Show the calling device itself; with a new key this is its first use."""
        device = selectors.own_device(actor=request.actor)
        answer = {
            "uid": device.uid,
            "device_id": device.device_id,
            "name": device.name,
            "pairing": device.pairing,
            "site": None if device.site is None else device.site.site_id,
            "epoch": device.epoch,
            "server_time": timezone.now(),
            "heartbeat_s": presence.heartbeat_seconds(device.presence.offline_after_s),
            "credential": selectors.key_facts(device),
        }
        return Response(DeviceSelfOutput(answer).data)
