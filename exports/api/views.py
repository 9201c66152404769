"""Routes about exports: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from exports import selectors
from exports.api.serializers import ExportInput, ExportOutput
from exports.models import Export
from exports.services import fetching, requesting
from kernel.api.views import ApiRequest, ApiView
from kernel.pages.downloads import attachment


class ExportsView(ApiView, generics.ListAPIView[Export]):
    """The caller's exports."""

    serializer_class = ExportOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Export]:
        """The caller's own."""
        if getattr(self, "swagger_fake_view", False):
            return Export.objects.none()
        return selectors.exports_of(self.request.actor)

    @extend_schema(operation_id="export_list", tags=["exports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the files you asked for, newest first; each is kept for three days."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="export_create",
        tags=["exports"],
        request=ExportInput,
        responses={202: ExportOutput},
        examples=[
            OpenApiExample(
                "Devices that are offline",
                value={
                    "kind": "devices",
                    "filter": {"connectivity": "offline"},
                    "columns": ["uid", "name", "site", "last_seen"],
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Ask for a file; it is made in the background, of what you may see at that time.

        202 with where to look at it. No cell of a CSV file is taken for a formula.
        """
        body = ExportInput(data=request.data)
        body.is_valid(raise_exception=True)
        export = requesting.request_export(
            order=body.order(), actor=request.actor, now=timezone.now()
        )
        return Response(
            ExportOutput(export).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/exports/{export.uid}"},
        )


class ExportView(ApiView):
    """One export."""

    @extend_schema(operation_id="export_read", tags=["exports"], responses=ExportOutput)
    def get(self, request: Request, uid: str) -> Response:
        """How far the file is."""
        return Response(ExportOutput(selectors.export_by_uid(actor=request.actor, uid=uid)).data)

    @extend_schema(operation_id="export_remove", tags=["exports"], responses={204: None})
    def delete(self, request: Request, uid: str) -> Response:
        """Remove the file, or stop making it."""
        requesting.remove_export(uid=uid, actor=request.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportFileView(ApiView):
    """The file of one export."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is accepted: a file is a file, and refusals are JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="export_file",
        tags=["exports"],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
    )
    def get(self, request: ApiRequest, uid: str) -> StreamingHttpResponse:
        """Download the file; 409 `export_not_ready` while there is none."""
        file = fetching.fetch(uid=uid, actor=request.actor, now=timezone.now())
        return attachment(file.pieces, name=file.name, media_type=file.media_type)
