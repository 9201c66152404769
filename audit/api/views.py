"""The audit log over the API."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from audit import selectors
from audit.api.filters import AuditFilter
from audit.api.serializers import AuditEntryBody, AuditPage, VerificationBody, VerificationList
from audit.services import watching
from kernel import errors
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiRequest, ApiView

_FILTERS = [
    OpenApiParameter("action", str, description="Dotted name, e.g. `relays.relay.switched`."),
    OpenApiParameter("target_type", str),
    OpenApiParameter("target_id", str),
    OpenApiParameter("request_id", str, description="`X-Request-ID` of the request."),
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


class AuditVerification(ApiView):
    """Whether the audit log holds."""

    @extend_schema(
        operation_id="audit_verification",
        summary="Whether the audit log holds",
        tags=["audit"],
        responses=VerificationList,
    )
    def get(self, request: ApiRequest) -> Response:
        """What is known of the chains that the caller may read whole; each minute anew."""
        return Response({"items": _known(request)})

    @extend_schema(
        operation_id="audit_verify",
        summary="Verify the audit log",
        tags=["audit"],
        request=None,
        responses={202: VerificationList},
    )
    def post(self, request: ApiRequest) -> Response:
        """Have the chains verified from their first entries on, soon; for administrators."""
        watching.ask(actor=request.actor, now=timezone.now())
        return Response({"items": _known(request)}, status=status.HTTP_202_ACCEPTED)


def _known(request: ApiRequest) -> Any:
    found = selectors.verifications_visible_to(request.actor)
    return VerificationBody(found, many=True).data
