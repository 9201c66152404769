"""The list of a twin's versions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.pagination import CursorPage
from kernel.api.views import ApiView
from twins import selectors
from twins.api.serializers import RevisionOutput, section_of
from twins.api.views import SECTION
from twins.models import TwinRevision


class RevisionPage(CursorPage):
    """Pages of versions, the newest first."""

    ordering: Any = "-version"


class RevisionsView(ApiView, generics.ListAPIView[TwinRevision]):
    """Every kept version of one of a device's documents."""

    serializer_class = RevisionOutput
    pagination_class = RevisionPage
    filter_backends = ()

    def get_queryset(self) -> QuerySet[TwinRevision]:
        """Versions of the document that `section` names."""
        if getattr(self, "swagger_fake_view", False):
            return TwinRevision.objects.none()
        return selectors.revisions_of(
            actor=self.request.actor,
            device_uid=self.kwargs["uid"],
            section=section_of(self.request.query_params.get("section")),
        )

    @extend_schema(operation_id="twin_revision_list", tags=["twins"], parameters=[SECTION])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the versions, newest first: who made each, when and why, and what it changed."""
        return self.list(request, *args, **kwargs)
