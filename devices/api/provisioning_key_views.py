"""Routes about provisioning keys: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.provisioning_key_serializers import (
    MadeKeyOutput,
    ProvisioningKeyInput,
    ProvisioningKeyOutput,
)
from devices.models import ProvisioningKey
from devices.services import provisioning_keys
from kernel.api.views import ApiView


class ProvisioningKeysView(ApiView, generics.ListAPIView[ProvisioningKey]):
    """The provisioning keys of the caller's tenants."""

    serializer_class = ProvisioningKeyOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ProvisioningKey]:
        """Keys the caller manages."""
        if getattr(self, "swagger_fake_view", False):
            return ProvisioningKey.objects.none()
        found: QuerySet[ProvisioningKey] = selectors.provisioning_keys_visible_to(
            self.request.actor
        )
        return found

    @extend_schema(operation_id="provisioning_key_list", tags=["devices"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List provisioning keys, newest first, with how often each was used."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="provisioning_key_create",
        tags=["devices"],
        request=ProvisioningKeyInput,
        responses={201: MadeKeyOutput},
        examples=[
            OpenApiExample(
                "Fifty terminals",
                value={
                    "name": "Spring roll-out",
                    "site": "store-7",
                    "device_class": "pos_terminal",
                    "max_devices": 50,
                    "expires_in": 604800,
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a key that takes a number of devices in; the key is shown this once."""
        now = timezone.now()
        body = ProvisioningKeyInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = provisioning_keys.create_key(**body.wanted(now), actor=request.actor, now=now)
        answer = {**ProvisioningKeyOutput(made.row).data, "key": made.key}
        return Response(answer, status=status.HTTP_201_CREATED)


class ProvisioningKeyView(ApiView):
    """One provisioning key."""

    @extend_schema(
        operation_id="provisioning_key_get", tags=["devices"], responses=ProvisioningKeyOutput
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show a provisioning key and how often it was used."""
        key = selectors.provisioning_key_by_uid(actor=request.actor, uid=uid)
        return Response(ProvisioningKeyOutput(key).data)

    @extend_schema(
        operation_id="provisioning_key_revoke",
        tags=["devices"],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Let no more devices in with the key; those it let in stay."""
        provisioning_keys.revoke_key(key_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
