"""X-Request-ID: taken from the caller when it is sane, made otherwise, answered always."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from kernel.logs import bind_request_id
from kernel.uuid7 import uuid7

_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def request_id_from(presented: str | None) -> str:
    """The presented id when it is 1 to 64 harmless characters, a new one otherwise."""
    if presented and _ACCEPTED.fullmatch(presented):
        return presented
    return str(uuid7())


class RequestIdMiddleware:
    """Puts `request.request_id` on the request, in its log lines and on the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_from(request.headers.get("X-Request-ID"))
        request.request_id = request_id
        bind_request_id(request_id)
        response = self._get_response(request)
        response["X-Request-ID"] = request_id
        return response
