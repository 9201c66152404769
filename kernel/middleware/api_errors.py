"""Errors in our shape for everything that machines call, also where Django answers itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.csrf import csrf_failure as csrf_failure_page

from kernel import errors
from kernel.api.exception_handler import body_of, translate
from kernel.api.renderers import problem_of
from kernel.api.views import json_response

logger = logging.getLogger(__name__)

_MACHINE_PATHS = ("/api/", "/health", "/metrics", "/customer/")
_BY_STATUS: dict[int, type[errors.HomepotError]] = {
    400: errors.ValidationFailed,
    401: errors.NotAuthenticated,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    500: errors.InternalError,
    503: errors.Unavailable,
}


def is_for_machines(path: str) -> bool:
    """True for paths whose errors are JSON."""
    return path.startswith(_MACHINE_PATHS)


def error_response(error: errors.HomepotError, request: HttpRequest) -> HttpResponse:
    """The error as a response, as problem+json where only that is accepted."""
    body: dict[str, Any] = body_of(error)
    content_type = "application/json"
    if "application/problem+json" in request.headers.get("Accept", ""):
        body = problem_of(body, error.status)
        content_type = "application/problem+json"
    response = json_response(body, status=error.status)
    response["Content-Type"] = content_type
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


class ApiErrorsMiddleware:
    """Turns what falls out of Django for machine paths into our error shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code < 400 or not is_for_machines(request.path_info):
            return response
        if response.get("Content-Type", "").startswith(("application/json", "application/problem")):
            return response
        error_class = _BY_STATUS.get(response.status_code)
        return response if error_class is None else error_response(error_class(), request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a failing view: 413, 400 or 503 where that is what it is, 500 otherwise."""
        if isinstance(exception, (OperationalError, InterfaceError)):
            logger.error("The database did not answer: %s", type(exception).__name__)
            if not is_for_machines(request.path_info):
                return HttpResponse(
                    "The service is not available right now. Try again shortly.",
                    status=503,
                    content_type="text/plain",
                    headers={"Retry-After": "2"},
                )
        if not is_for_machines(request.path_info):
            return None
        if isinstance(exception, RequestDataTooBig):
            return error_response(errors.PayloadTooLarge(), request)
        if isinstance(exception, SuspiciousOperation):
            return error_response(errors.ValidationFailed(), request)
        error = translate(exception)
        if error is None:
            logger.error("A request failed", exc_info=exception)
            error = errors.InternalError()
        return error_response(error, request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The answer to a missing or wrong CSRF token."""
    if is_for_machines(request.path_info):
        return error_response(errors.PermissionDenied(f"CSRF check failed: {reason}"), request)
    return csrf_failure_page(request, reason=reason)
