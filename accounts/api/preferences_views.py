"""The preferences route: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.api.preferences_serializers import PreferencesBody, PreferencesPatch
from accounts.services import preferences
from kernel import preconditions
from kernel.api.parsers import MergePatchParser, StrictJSONParser
from kernel.api.views import ApiRequest, ApiView

_EXAMPLE = {"dashboard_settings": {"theme": "dark"}, "device_view_state": {"view": "table"}}
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the version to change; 412 `precondition_failed` if it is not that.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="304 when this is the version."
)


class PreferencesView(ApiView):
    """My preferences."""

    parser_classes = (StrictJSONParser, MergePatchParser)

    @extend_schema(
        operation_id="preferences_get",
        tags=["preferences"],
        summary="My preferences",
        parameters=[_IF_NONE_MATCH],
        responses={200: PreferencesBody, 304: None},
        examples=[OpenApiExample("Answer", value=_EXAMPLE, response_only=True)],
    )
    def get(self, request: ApiRequest) -> Response:
        """My preferences; the header ETag is their version."""
        found = preferences.read_preferences(actor=request.actor)
        if preconditions.is_unchanged(request.headers.get("If-None-Match"), found.tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=_headers(found))
        return Response(found.members, headers=_headers(found))

    @extend_schema(
        operation_id="preferences_update",
        tags=["preferences"],
        summary="Change my preferences",
        parameters=[_IF_MATCH],
        request={
            "application/json": PreferencesPatch,
            "application/merge-patch+json": PreferencesPatch,
        },
        responses={200: PreferencesBody},
        examples=[
            OpenApiExample(
                "A theme, and no view",
                value={"dashboard_settings": {"theme": "dark"}, "device_view_state": None},
                request_only=True,
            )
        ],
    )
    def patch(self, request: ApiRequest) -> Response:
        """Merge a patch into my preferences (RFC 7396): null removes, what is left out stays."""
        changed = preferences.merge_preferences(
            patch=cast(dict[str, Any], request.data),
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(changed.members, headers=_headers(changed))


def _headers(document: preferences.Document) -> dict[str, str]:
    return {"ETag": str(document.tag), "Cache-Control": "private, no-cache"}
