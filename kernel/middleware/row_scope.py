"""Begins every request without a tenant: what it may touch is let in when its actor is known."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from kernel import row_security


class RowScopeMiddleware:
    """Holds the scope of a request from its first to its last query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with row_security.request_scope():
            return self._get_response(request)
