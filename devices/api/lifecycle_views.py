"""Routes about the lives of devices: translate, one service call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.lifecycle_serializers import LifeOutput, ReleasedOutput
from devices.api.serializers import DeviceOutput
from devices.services import releasing, unpairing
from kernel.api.views import ApiView


class UnpairView(ApiView):
    """The end of a device's life here."""

    @extend_schema(
        operation_id="device_unpair", tags=["devices"], request=None, responses=DeviceOutput
    )
    def post(self, request: Request, uid: str) -> Response:
        """Unpair a device and show its archive; a second time shows the same archive."""
        device = unpairing.unpair_device(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(DeviceOutput(device).data)


class ReleaseView(ApiView):
    """Giving a device back."""

    @extend_schema(
        operation_id="device_release",
        tags=["devices"],
        request=None,
        responses={201: ReleasedOutput},
    )
    def post(self, request: Request, uid: str) -> Response:
        """End the device's life here and get a code with which the next owner claims it."""
        released = releasing.release_device(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(ReleasedOutput(released).data, status=status.HTTP_201_CREATED)


class LivesView(ApiView):
    """The lives of one piece of hardware."""

    @extend_schema(operation_id="device_lives", tags=["devices"], responses=LifeOutput(many=True))
    def get(self, request: Request, uid: str) -> Response:
        """Show every life of the same hardware that the caller may see, newest first."""
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        lives = selectors.lives_visible_to(request.actor, device)
        return Response(LifeOutput(lives, many=True).data)
