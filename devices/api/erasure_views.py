"""Routes about erasing a device: translate, one service call, translate back."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.erasure_serializers import DeviceErasureOutput
from devices.services import erasing
from kernel.api.views import ApiView


class DeviceErasureView(ApiView):
    """The erasing of one archived device."""

    @extend_schema(
        operation_id="device_erase",
        tags=["devices"],
        request=None,
        responses={202: DeviceErasureOutput},
    )
    def post(self, request: Request, uid: str) -> Response:
        """Have the personal data of an archived device removed; its counts stay.

        `Location` tells where the report is. A device that is still paired answers 409
        `device_living`: unpair it first. Asking twice is the same job.
        """
        erasure = erasing.request_erasure(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(
            DeviceErasureOutput(erasure).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": reverse("device-erase", kwargs={"uid": uid})},
        )

    @extend_schema(operation_id="device_erasure", tags=["devices"], responses=DeviceErasureOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Show how far the erasing is, and its report."""
        erasure = selectors.erasure_of(actor=request.actor, device_uid=uid)
        return Response(DeviceErasureOutput(erasure).data)
