"""How a device says who it is over HTTP: its name at `X-Device-ID`, its key at `X-API-Key`."""

from __future__ import annotations

from dataclasses import replace

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from devices.services import contacts, key_headers
from kernel.actors import Actor
from kernel.errors import InvalidCredentials


class DeviceKeyAuthentication(BaseAuthentication):
    """`X-Device-ID` with `X-API-Key`, or with `Authorization: Bearer` as on the socket."""

    def authenticate(self, request: Request) -> tuple[None, Actor] | None:
        """The device as an actor; None where no header came at all.

        Raises InvalidCredentials, DeviceUnpaired, and RateLimited after too many wrong keys.
        """
        try:
            shown = key_headers.read_headers(
                authorization=request.META.get("HTTP_AUTHORIZATION"),
                api_key=request.META.get("HTTP_X_API_KEY"),
                device_uid=request.META.get("HTTP_X_DEVICE_ID"),
            )
        except key_headers.HalfShown:
            raise InvalidCredentials from None
        if shown is None:
            return None
        return None, _admit(request, *shown)

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer to a stranger 401 instead of 403."""
        return 'Bearer realm="homepot"'


def _admit(request: Request, device_uid: str, key: str) -> Actor:
    address = request.META.get("REMOTE_ADDR") or None
    request_id = getattr(request, "request_id", "")
    device = contacts.admit_device(
        device_uid=device_uid,
        key=key,
        address=address,
        request_id=request_id,
        now=timezone.now(),
    )
    # For views that must know by which key it came.
    request.device_facts = device
    actor = Actor.device(
        device_id=device.device_id, uid=device.uid, tenant_id=device.tenant_id, address=address
    )
    return replace(actor, via="api", request_id=request_id)
