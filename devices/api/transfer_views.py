"""Routes about transfers: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.transfer_serializers import (
    TransferAcceptedOutput,
    TransferAcceptInput,
    TransferOfferOutput,
    TransferOutput,
)
from devices.models import DeviceTransfer
from devices.services import transfers
from kernel.api.views import ApiView


class DeviceTransferView(ApiView):
    """The offer of one device."""

    @extend_schema(
        operation_id="device_transfer",
        tags=["transfers"],
        request=None,
        responses={201: TransferOfferOutput},
    )
    def post(self, request: Request, uid: str) -> Response:
        """Offer a device to another tenant: who brings the code within 72 hours owns it.

        Until then the device works as before. Another offer of it makes the first code void.
        """
        offer = transfers.offer_transfer(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(TransferOfferOutput(offer).data, status=status.HTTP_201_CREATED)


class TransfersView(ApiView, generics.ListAPIView[DeviceTransfer]):
    """The transfers of the caller's tenants."""

    serializer_class = TransferOutput

    def get_queryset(self) -> QuerySet[DeviceTransfer]:
        """Transfers the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return DeviceTransfer.objects.none()
        return selectors.transfers_visible_to(self.request.actor)

    @extend_schema(operation_id="transfer_list", tags=["transfers"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the devices given or received, newest first."""
        page = self.paginate_queryset(self.get_queryset()) or []
        views = selectors.transfer_views(page, actor=request.actor)
        return self.get_paginated_response(TransferOutput(views, many=True).data)


class TransferView(ApiView):
    """One transfer."""

    @extend_schema(
        operation_id="transfer_cancel", tags=["transfers"], request=None, responses={204: None}
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Take an offer back; its code is void. Twice is fine, after it was accepted it is not."""
        transfers.cancel_transfer(transfer_uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class TransferAcceptView(ApiView):
    """Devices of others are taken over here."""

    commits_on_refusal = True

    @extend_schema(
        operation_id="transfer_accept",
        tags=["transfers"],
        request=TransferAcceptInput,
        responses={201: TransferAcceptedOutput},
        examples=[
            OpenApiExample(
                "To a site",
                value={"code": "7K3M-Q2XD-9AHT-4V0E", "site": "lobby"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Become the owner of an offered device, which begins a new life with a fresh key.

        Of what it was for the giver nothing comes along but the hardware itself. A wrong, used,
        expired or withdrawn code is 404 `transfer_code_invalid`.
        """
        body = TransferAcceptInput(data=request.data)
        body.is_valid(raise_exception=True)
        accepted = transfers.accept_transfer(
            code=body.validated_data["code"],
            site_id=body.validated_data["site"],
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(TransferAcceptedOutput(accepted).data, status=status.HTTP_201_CREATED)
