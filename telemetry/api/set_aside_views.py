"""Payloads that could not be used over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.pagination import CursorPage
from kernel.api.views import ApiRequest, ApiView
from telemetry import set_aside_selectors
from telemetry.api.set_aside_serializers import ReplayedBody, SetAsideBody, SetAsideQuery
from telemetry.models import SetAsidePayload
from telemetry.services import set_aside_replay


class SetAsidePage(CursorPage):
    """Pages of payloads, those that came first last."""

    page_size = 20
    max_page_size = 50
    ordering = ("-pk",)


class SetAsideListView(ApiView, generics.ListAPIView[SetAsidePayload]):
    """What devices sent that could not be used."""

    serializer_class = SetAsideBody
    pagination_class = SetAsidePage
    filter_backends = ()

    def get_queryset(self) -> QuerySet[SetAsidePayload]:
        """Payloads the caller asks for and may see."""
        if getattr(self, "swagger_fake_view", False):
            return SetAsidePayload.objects.none()
        query = SetAsideQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return set_aside_selectors.set_aside_visible_to(
            self.request.actor,
            device_uid=query.validated_data["device"],
            reason=query.validated_data["reason"],
        )

    @extend_schema(
        operation_id="set_aside_list",
        summary="Payloads that could not be used",
        tags=["telemetry"],
        parameters=[
            OpenApiParameter("device", str, description="The uid that the topic names."),
            OpenApiParameter("reason", str),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Payloads of the last 14 days, newest first; the platform sees those of no owner too."""
        return self.list(request, *args, **kwargs)


class SetAsideView(ApiView):
    """One payload that could not be used."""

    @extend_schema(
        operation_id="set_aside",
        summary="A payload that could not be used",
        tags=["telemetry"],
        responses=SetAsideBody,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """The payload as it came, and why it was set aside."""
        found = set_aside_selectors.set_aside_by_uid(actor=request.actor, uid=uid)
        return Response(SetAsideBody(found).data)

    @extend_schema(
        operation_id="set_aside_discard",
        summary="Throw a payload away",
        tags=["telemetry"],
        responses={204: None},
    )
    def delete(self, request: ApiRequest, uid: str) -> Response:
        """Delete the payload."""
        set_aside_replay.discard_payload(uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class SetAsideReplayView(ApiView):
    """Payloads are tried again here."""

    @extend_schema(
        operation_id="set_aside_replay",
        summary="Try a payload again",
        tags=["telemetry"],
        request=None,
        responses=ReplayedBody,
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """Take the payload in as if it came now; a second time it brings nothing new."""
        done = set_aside_replay.replay_payload(uid=uid, actor=request.actor, now=timezone.now())
        return Response(ReplayedBody(done).data)
