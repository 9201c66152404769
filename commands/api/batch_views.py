"""Routes about batches: translate, one call, translate back."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from commands import batch_selectors
from commands.api.batch_serializers import (
    BatchInput,
    BatchMemberOutput,
    BatchOutput,
    BatchPreviewOutput,
    MembersQuery,
)
from commands.models import BatchMember, CommandBatch
from commands.services import batch_control, batching
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiView

_TAGS = ["commands: batches"]
_EXAMPLES = [
    OpenApiExample(
        "Restart the lobby, slowly",
        value={
            "kind": "reboot",
            "target": {"query": "tag:lobby and status:online"},
            "per_minute": 60,
            "abort_percent": 20,
        },
        request_only=True,
    ),
]


class BatchesView(ApiView, generics.ListAPIView[CommandBatch]):
    """Batches of the caller's tenants."""

    serializer_class = BatchOutput
    pagination_class = CursorPage
    filter_backends = ()

    def get_queryset(self) -> QuerySet[CommandBatch]:
        """Batches the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return CommandBatch.objects.none()
        return batch_selectors.batches_visible_to(self.request.actor)

    @extend_schema(operation_id="command_batch_list", tags=_TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List batches, newest first."""
        pages = CursorPage()
        page: Any = pages.paginate_queryset(self.get_queryset(), request, view=self)
        views = [batch_selectors.view_of(batch, request.actor) for batch in page]
        return pages.get_paginated_response(BatchOutput(views, many=True).data)

    @extend_schema(
        operation_id="command_batch_create",
        tags=_TAGS,
        request=BatchInput,
        responses={201: BatchOutput},
        examples=_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Ask many devices for the same: each gets a command of its own, in the ledger.

        The devices are those the target names now. They are asked at the pace of `per_minute`, or
        as fast as the server can; the batch ends itself when too many fail.
        """
        body = BatchInput(data=request.data)
        body.is_valid(raise_exception=True)
        batch = batching.create_batch(order=body.order(), actor=request.actor, now=timezone.now())
        return Response(
            BatchOutput(batch).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/command-batches/{batch.id}"},
        )


class BatchPreviewView(ApiView):
    """What a batch would do."""

    @extend_schema(
        operation_id="command_batch_preview",
        tags=_TAGS,
        request=BatchInput,
        responses={200: BatchPreviewOutput},
        examples=_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Tell whom a batch would ask now, and how many of them could not be; asks nobody."""
        body = BatchInput(data=request.data)
        body.is_valid(raise_exception=True)
        preview = batching.preview_batch(order=body.order(), actor=request.actor)
        return Response(BatchPreviewOutput(preview).data)


class BatchView(ApiView):
    """One batch."""

    @extend_schema(operation_id="command_batch_get", tags=_TAGS, responses={200: BatchOutput})
    def get(self, request: Request, batch_id: uuid.UUID) -> Response:
        """Show a batch and how far it is."""
        batch = batch_selectors.batch_by_uid(actor=request.actor, uid=batch_id)
        return Response(BatchOutput(batch_selectors.view_of(batch, request.actor)).data)


class BatchMembersView(ApiView, generics.ListAPIView[BatchMember]):
    """The devices of one batch."""

    serializer_class = BatchMemberOutput
    pagination_class = CursorPage
    filter_backends = ()

    def get_queryset(self) -> QuerySet[BatchMember]:
        """Members whose devices the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return BatchMember.objects.none()
        wanted = MembersQuery(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return batch_selectors.members_of(
            actor=self.request.actor, uid=self.kwargs["batch_id"], **wanted.validated_data
        )

    @extend_schema(operation_id="command_batch_members", tags=_TAGS, parameters=[MembersQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the devices of a batch and what became of each one's command."""
        return self.list(request, *args, **kwargs)


class _BatchStep(ApiView):
    """A change of one batch's state."""

    def answer(self, change: Any, request: Request, batch_id: uuid.UUID) -> Response:
        """Carry it out and show the batch."""
        batch = change(batch_uid=batch_id, actor=request.actor, now=timezone.now())
        return Response(BatchOutput(batch).data)


class BatchPauseView(_BatchStep):
    """Holding up."""

    @extend_schema(
        operation_id="command_batch_pause", tags=_TAGS, request=None, responses={200: BatchOutput}
    )
    def post(self, request: Request, batch_id: uuid.UUID) -> Response:
        """Ask no further device until the batch is resumed."""
        return self.answer(batch_control.pause_batch, request, batch_id)


class BatchResumeView(_BatchStep):
    """Going on."""

    @extend_schema(
        operation_id="command_batch_resume", tags=_TAGS, request=None, responses={200: BatchOutput}
    )
    def post(self, request: Request, batch_id: uuid.UUID) -> Response:
        """Go on asking."""
        return self.answer(batch_control.resume_batch, request, batch_id)


class BatchCancelView(_BatchStep):
    """Calling off."""

    @extend_schema(
        operation_id="command_batch_cancel", tags=_TAGS, request=None, responses={200: BatchOutput}
    )
    def post(self, request: Request, batch_id: uuid.UUID) -> Response:
        """Ask no further device, and take back what was asked as far as the devices still can."""
        return self.answer(batch_control.cancel_batch, request, batch_id)
