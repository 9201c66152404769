"""`/metrics` for Prometheus, to those who may read it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse  # noqa: TID251  this is a view
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kernel import errors, metrics_page
from kernel.middleware.api_errors import error_response


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics of this process; 403 without METRICS_TOKEN or an address in METRICS_ALLOW."""
    if not _may_read(request):
        return error_response(errors.PermissionDenied(), request)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    return metrics_page.may_read(
        address=request.META.get("REMOTE_ADDR", ""),
        authorization=request.headers.get("Authorization", ""),
    )
