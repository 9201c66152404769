"""Routes about notifications: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from kernel import preconditions
from kernel.api.views import ApiRequest, ApiView
from notifications import selectors
from notifications.api.serializers import (
    ChannelEdit,
    ChannelInput,
    ChannelOutput,
    DeliveryOutput,
    MadeChannelOutput,
)
from notifications.models import Channel, Delivery
from notifications.services import channels
from notifications.types import MadeChannel

_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the version to change; 412 `precondition_failed` if it is not that.",
)


class ChannelsView(ApiView, generics.ListAPIView[Channel]):
    """Who is told of devices that come and go."""

    serializer_class = ChannelOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Channel]:
        """Channels the caller manages, and the caller's own."""
        if getattr(self, "swagger_fake_view", False):
            return Channel.objects.none()
        return selectors.channels_visible_to(self.request.actor)

    @extend_schema(operation_id="notification_channel_list", tags=["notifications"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List my own channels, and those of tenants that I manage."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="notification_channel_create",
        tags=["notifications"],
        request=ChannelInput,
        responses={201: MadeChannelOutput},
        examples=[
            OpenApiExample(
                "Mail to me",
                value={"transport": "email", "own": True, "name": "Me", "after_s": 300},
                request_only=True,
            ),
            OpenApiExample(
                "A webhook",
                value={
                    "transport": "webhook",
                    "name": "On-call",
                    "url": "https://hooks.example.com/homepot",
                    "topics": ["offline", "online", "site_outage"],
                    "quiet_hours": {"from": "22:00", "to": "06:00", "time_zone": "Europe/Berlin"},
                },
                request_only=True,
            ),
        ],
    )
    def post(self, request: ApiRequest) -> Response:
        """Have somebody told: me, or as an admin a webhook or an address of mail of the tenant."""
        body = ChannelInput(data=request.data)
        body.is_valid(raise_exception=True)
        made = channels.create_channel(
            transport=body.validated_data["transport"],
            is_own=body.validated_data["own"],
            wish=body.wish(),
            actor=request.actor,
            now=timezone.now(),
        )
        return _made(made, status.HTTP_201_CREATED)


class ChannelView(ApiView):
    """One channel."""

    @extend_schema(
        operation_id="notification_channel_get", tags=["notifications"], responses=ChannelOutput
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Show a channel; the header ETag is its version."""
        return _shown(selectors.channel_by_uid(actor=request.actor, uid=uid))

    @extend_schema(
        operation_id="notification_channel_update",
        tags=["notifications"],
        parameters=[_IF_MATCH],
        request=ChannelEdit,
        responses=ChannelOutput,
        examples=[OpenApiExample("Pause it", value={"is_paused": True}, request_only=True)],
    )
    def patch(self, request: ApiRequest, uid: str) -> Response:
        """Change a channel, pause it, or have it go on."""
        body = ChannelEdit(data=request.data)
        body.is_valid(raise_exception=True)
        channel = channels.update_channel(
            channel_uid=uid,
            wish=body.wish(),
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return _shown(channel)

    @extend_schema(
        operation_id="notification_channel_delete",
        tags=["notifications"],
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    def delete(self, request: ApiRequest, uid: str) -> Response:
        """Have it told nothing more, and forget what it was told."""
        channels.delete_channel(
            channel_uid=uid,
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ChannelTestView(ApiView):
    """Trying a channel."""

    @extend_schema(
        operation_id="notification_channel_test",
        tags=["notifications"],
        request=None,
        responses={202: DeliveryOutput},
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """Have a test sent; what became of it is among the channel's deliveries."""
        made = channels.send_test(channel_uid=uid, actor=request.actor, now=timezone.now())
        return Response(DeliveryOutput(made).data, status=status.HTTP_202_ACCEPTED)


class ChannelSecretView(ApiView):
    """The secret that signs a webhook."""

    @extend_schema(
        operation_id="notification_channel_rotate_secret",
        tags=["notifications"],
        request=None,
        responses=MadeChannelOutput,
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """Give it a new secret, shown this once; for a day the former one signs beside it."""
        made = channels.rotate_secret(channel_uid=uid, actor=request.actor, now=timezone.now())
        return _made(made, status.HTTP_200_OK)


class ChannelDeliveriesView(ApiView, generics.ListAPIView[Delivery]):
    """What went over a channel."""

    serializer_class = DeliveryOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Delivery]:
        """Deliveries of a channel that is the caller's to manage."""
        if getattr(self, "swagger_fake_view", False):
            return Delivery.objects.none()
        channel = selectors.channel_by_uid(actor=self.request.actor, uid=self.kwargs["uid"])
        return selectors.deliveries_of(channel)

    @extend_schema(operation_id="notification_channel_deliveries", tags=["notifications"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the messages of the last 30 days, newest first."""
        return self.list(request, *args, **kwargs)


def _shown(channel: Channel) -> Response:
    tag = str(preconditions.version_tag(channel.version))
    return Response(ChannelOutput(channel).data, headers={"ETag": tag})


def _made(made: MadeChannel, code: int) -> Response:
    answer = {**ChannelOutput(made.channel).data, "secret": made.secret}
    headers = {"ETag": str(preconditions.version_tag(made.channel.version))}
    return Response(answer, status=code, headers=headers)
