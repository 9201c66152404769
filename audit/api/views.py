"""The audit log over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from audit import selectors
from audit.api.filters import AuditFilter
from audit.api.serializers import AuditEntryBody, AuditPage
from kernel import errors
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiRequest, ApiView

_FILTERS = [
    OpenApiParameter("action", str, description="Dotted name, e.g. `relays.relay.switched`."),
    OpenApiParameter("target_type", str),
    OpenApiParameter("target_id", str),
    OpenApiParameter("actor", str, description="`actor.id` of the entries."),
    OpenApiParameter("since", OpenApiTypes.DATETIME, description="Not older than this."),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="Older than this."),
    OpenApiParameter("cursor", str),
    OpenApiParameter("page_size", int),
]


class AuditEntries(ApiView):
    """Who changed what in the caller's tenants."""

    @extend_schema(
        operation_id="audit_list",
        summary="List audit entries",
        tags=["audit"],
        parameters=_FILTERS,
        responses=AuditPage,
    )
    def get(self, request: ApiRequest) -> Response:
        """Entries the caller may see, the newest first."""
        narrowed = AuditFilter(
            request.query_params, queryset=selectors.entries_visible_to(request.actor)
        )
        if not narrowed.is_valid():
            raise errors.ValidationFailed(details=dict(narrowed.errors.items()))
        page = CursorPage()
        entries: Any = page.paginate_queryset(narrowed.qs, request, view=self)
        return page.get_paginated_response(AuditEntryBody(entries, many=True).data)
