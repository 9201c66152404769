"""Addresses with a NUL are refused at the door: PostgreSQL takes none in a text."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from kernel import errors
from kernel.middleware.api_errors import error_response


class CleanAddressMiddleware:
    """Answers 400 to a NUL in the path or the query, before a view can look anything up by it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            details = {"address": ["A NUL has no place in an address."]}
            return error_response(errors.ValidationFailed(details=details), request)
        return self._get_response(request)
