"""Routes that serve the frame of the pages: translate, one call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from kernel.api.views import ApiRequest, ApiView
from ops import palette, work_in_progress
from ops.api import serializers


class PaletteView(ApiView):
    """The command palette."""

    @extend_schema(
        operation_id="palette",
        tags=["console"],
        summary="Pages and things by their names",
        parameters=[serializers.PaletteQuery],
        responses={200: serializers.PaletteOutput},
    )
    def get(self, request: ApiRequest) -> Response:
        """Devices, relays, groups, sites and people of mine that go by `q`; without it, pages."""
        asked = serializers.PaletteQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        text = asked.validated_data["q"]
        entries = (
            palette.found(text=text, actor=request.actor)
            if text.strip()
            else palette.pages(actor=request.actor, is_staff=request.user.is_staff)
        )
        return Response(serializers.PaletteOutput({"items": entries}).data)


class WorkView(ApiView):
    """Long work."""

    @extend_schema(
        operation_id="work_list",
        tags=["console"],
        summary="My long work",
        responses={200: serializers.WorkListOutput},
    )
    def get(self, request: ApiRequest) -> Response:
        """My enrolments, batches and exports that are under way or ended within the hour."""
        work = work_in_progress.of_viewer(actor=request.actor, now=timezone.now())
        return Response(serializers.WorkListOutput({"items": work}).data)
