"""426 for plain HTTP: never a silent redirect, which would carry a credential in clear first."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from kernel import errors
from kernel.middleware.api_errors import error_response

_LOOPBACK = ("127.", "::1", "::ffff:127.")


class HttpsGuardMiddleware:
    """Refuses plain HTTP with `https_required` while ENFORCE_HTTPS is on, loopback excepted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_local = request.META.get("REMOTE_ADDR", "").startswith(_LOOPBACK)
        if not settings.ENFORCE_HTTPS or is_local or request.is_secure():
            return self._get_response(request)
        response = error_response(errors.HttpsRequired(), request)
        response["Upgrade"] = "TLS/1.2, HTTP/1.1"
        response["Connection"] = "Upgrade"
        return response
