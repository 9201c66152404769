"""`/metrics` for Prometheus, to those who may read it."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse  # noqa: TID251  this is a view
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kernel import errors
from kernel.middleware.api_errors import error_response
from kernel.middleware.trusted_proxy import is_within


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics of this process; 403 without METRICS_TOKEN or an address in METRICS_ALLOW."""
    if not _may_read(request):
        return error_response(errors.PermissionDenied(), request)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(presented.strip().encode(), settings.METRICS_TOKEN.encode())
    return is_within(request.META.get("REMOTE_ADDR", ""), settings.METRICS_ALLOW)
