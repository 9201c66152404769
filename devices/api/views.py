"""Routes about devices: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import registry, selectors
from devices.api.filters import DeviceFilter
from devices.api.serializers import (
    ClaimInput,
    DeviceInput,
    DeviceOutput,
    InputEventOutput,
    ProvisionInput,
    ProvisionOutput,
)
from devices.choices import Pairing
from devices.models import Device
from devices.services import (
    claiming,
    credentials,
    editing,
    key_headers,
    provisioning,
    returning,
    unpairing,
)
from devices.types import FormerKey, ProvisionedDevice
from kernel.api.pagination import CursorPage
from kernel.api.permissions import IsAnyone
from kernel.api.views import ApiView
from kernel.errors import InvalidCredentials, ValidationFailed

ORDERINGS = {
    "name": ("name", "pk"),
    "-name": ("-name", "-pk"),
    "created_at": ("pk",),
    "-created_at": ("-pk",),
}


class ProvisionView(ApiView):
    """Devices register themselves here."""

    authentication_classes = ()
    permission_classes = (IsAnyone,)
    commits_on_refusal = True

    @extend_schema(
        operation_id="provision_register",
        tags=["devices: wire"],
        request=ProvisionInput,
        responses={201: ProvisionOutput},
        examples=[
            OpenApiExample(
                "A relay board",
                value={
                    "hardware_id": "AA:BB:CC:00:11:22",
                    "device_class": "relay_controller",
                    "model": "HP-R4",
                    "firmware_version": "1.4.0",
                    "capabilities": ["relay"],
                    "relay_count": 4,
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Register hardware with the provisioning key; the token is shown this once.

        The key goes into the header `X-Provision-Key` or the field `provision_key`. Hardware
        that nobody has claimed gets a fresh token and claim code; with the key of a batch it
        belongs to its owner at once and there is no code. Hardware with an owner gets 409
        `already_paired`; after a transfer it proves itself with `X-Device-ID` and `X-API-Key` of
        its former life, as at `/provision/return`.
        """
        body = ProvisionInput(data=request.data)
        body.is_valid(raise_exception=True)
        presented = request.headers.get("X-Provision-Key") or body.validated_data.get(
            "provision_key", ""
        )
        device = provisioning.register_device(
            registration=body.registration(),
            provision_key=presented,
            former=_former_key(request),
            address=request.META.get("REMOTE_ADDR"),
            request_id=request.actor.request_id,
            now=timezone.now(),
        )
        return _provisioned(request, device)


class ReturnView(ApiView):
    """Hardware that was transferred comes back here."""

    authentication_classes = ()
    permission_classes = (IsAnyone,)
    commits_on_refusal = True

    @extend_schema(
        operation_id="provision_return",
        tags=["devices: wire"],
        request=None,
        responses={201: ProvisionOutput},
        auth=[{"deviceKey": []}],  # type: ignore[list-item]
    )
    def post(self, request: Request) -> Response:
        """Get the key of the life that a transfer began, with the key of the one it ended.

        For the hardware itself: it shows `X-Device-ID` and `X-API-Key` of its former life, and
        needs no provisioning key. Good until a key of the new life was used; everything else is
        the same 401 `invalid_credentials`.
        """
        device = returning.return_hardware(
            former=_shown_key(request),
            keep=lambda made: self.keep_answer(_provisioned(request, made)),
            address=request.META.get("REMOTE_ADDR"),
            request_id=request.actor.request_id,
            now=timezone.now(),
        )
        return _provisioned(request, device)


class ClaimView(ApiView):
    """People take devices in here."""

    commits_on_refusal = True

    @extend_schema(
        operation_id="device_claim",
        tags=["devices"],
        request=ClaimInput,
        responses={200: DeviceOutput},
        examples=[
            OpenApiExample(
                "By code", value={"claim_code": "7K3M-Q2XD", "name": "Lobby"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Become the owner of the device that shows this code."""
        body = ClaimInput(data=request.data)
        body.is_valid(raise_exception=True)
        device = claiming.claim_device(
            code=body.validated_data["claim_code"],
            name=body.validated_data["name"],
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(DeviceOutput(device).data)


class DevicePage(CursorPage):
    """Pages of devices in one of the allowed orders."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> Any:
        """The order asked for with `?ordering=`; newest first otherwise."""
        asked = request.query_params.get("ordering", "-created_at")
        if asked not in ORDERINGS:
            raise ValidationFailed(details={"ordering": [f"One of {', '.join(ORDERINGS)}."]})
        return ORDERINGS[asked]


class DevicesView(ApiView, generics.ListAPIView[Device]):
    """The devices of the caller's tenants."""

    serializer_class = DeviceOutput
    filterset_class = DeviceFilter
    pagination_class = DevicePage

    def get_queryset(self) -> QuerySet[Device]:
        """Devices the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return Device.objects.none()
        if self.request.query_params.get("pairing") == Pairing.UNPAIRED:
            devices = selectors.archive_visible_to(self.request.actor)
        else:
            devices = selectors.devices_visible_to(self.request.actor)
        return selectors.with_sync(selectors.with_keys(devices))

    @extend_schema(operation_id="device_list", tags=["devices"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List devices; filters narrow, `ordering` is name or created_at, with - reversed."""
        with registry.guarded(request.query_params):
            return self.list(request, *args, **kwargs)


class DeviceView(ApiView):
    """One device."""

    @extend_schema(operation_id="device_get", tags=["devices"], responses=DeviceOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Show a device, or the archive of one whose life here has ended."""
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        return Response(DeviceOutput(device).data)

    @extend_schema(
        operation_id="device_update",
        tags=["devices"],
        request=DeviceInput,
        responses=DeviceOutput,
        examples=[
            OpenApiExample(
                "Name it", value={"name": "Lobby", "relay_names": {"0": "Lamp"}}, request_only=True
            )
        ],
    )
    def patch(self, request: Request, uid: str) -> Response:
        """Change a device's name, relay names, inputs, restore mode or tags."""
        body = DeviceInput(data=request.data)
        body.is_valid(raise_exception=True)
        device = editing.update_device(
            device_uid=uid, changes=body.changes(), actor=request.actor, now=timezone.now()
        )
        return Response(DeviceOutput(device).data)

    @extend_schema(
        operation_id="device_delete", tags=["devices"], request=None, responses={204: None}
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Unpair a device: its archive stays. A second time changes nothing."""
        unpairing.unpair_device(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeviceCredentialView(ApiView):
    """The token of one device."""

    @extend_schema(
        operation_id="device_revoke_token", tags=["devices"], request=None, responses={204: None}
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Void all keys of the device, old and new; its sockets close within seconds."""
        credentials.revoke_credential(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class InputEventsView(ApiView):
    """Input events of one device."""

    @extend_schema(
        operation_id="device_input_events",
        tags=["devices"],
        responses=InputEventOutput(many=True),
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show the last 100 input events, newest first."""
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        events = selectors.input_events_of(device, request.actor)
        return Response(InputEventOutput(events, many=True).data)


def _former_key(request: Request) -> FormerKey | None:
    uid, key = request.headers.get("X-Device-ID"), request.headers.get("X-API-Key")
    return FormerKey(device_uid=uid, key=key) if uid and key else None


def _shown_key(request: Request) -> FormerKey:
    try:
        shown = key_headers.read_headers(
            authorization=request.headers.get("Authorization"),
            api_key=request.headers.get("X-API-Key"),
            device_uid=request.headers.get("X-Device-ID"),
        )
    except key_headers.HalfShown:
        raise InvalidCredentials from None
    if shown is None:
        raise InvalidCredentials
    return FormerKey(device_uid=shown[0], key=shown[1])


def _provisioned(request: Request, device: ProvisionedDevice) -> Response:
    answer = {
        "device_uid": device.device_uid,
        "device_token": device.device_token,
        "claim_code": device.claim_code,
        "claim_expires_at": device.claim_expires_at,
        "ws_url": _socket_url(request),
    }
    return Response(ProvisionOutput(answer).data, status=status.HTTP_201_CREATED)


def _socket_url(request: Request) -> str:
    base = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    scheme, _, rest = base.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws/device"
