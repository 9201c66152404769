"""Answers of a raw door, with everything that Django's middleware would have put on them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from devicelink.http.request import Head, Send
from kernel import errors
from kernel.api.exception_handler import body_of
from kernel.api.renderers import problem_of
from kernel.api.views import json_response

_JSON = b"application/json"
_PROBLEM = b"application/problem+json"
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
Headers = list[tuple[bytes, bytes]]


class Answers:
    """Sends JSON in the product's shape."""

    def __init__(self) -> None:
        self._usual: dict[bool, Headers] = {}

    async def accept(self, head: Head, body: dict[str, Any], send: Send) -> None:
        """Answer 202: committed."""
        await self._send(head, 202, _JSON, body, [], send)

    async def give(self, head: Head, body: dict[str, Any], send: Send) -> None:
        """Answer 200 with what belongs to this device and moment only."""
        await self._send(head, 200, _JSON, body, [(b"cache-control", b"no-store")], send)

    async def refuse(self, head: Head, error: errors.HomepotError, send: Send) -> None:
        """Answer with the error, as problem+json where that is accepted."""
        body, content_type = body_of(error), _JSON
        if head.wants_problem:
            body, content_type = problem_of(body, error.status), _PROBLEM
        more: Headers = []
        if error.retry_after is not None:
            more.append((b"retry-after", str(error.retry_after).encode()))
        if error.status == 401:
            more.append((b"www-authenticate", b'Bearer realm="homepot"'))
        if isinstance(error, (errors.PayloadTooLarge, errors.RequestTimeout)):
            # The rest of the body may still come: nobody reads it.
            more.append((b"connection", b"close"))
        await self._send(head, error.status, content_type, body, more, send)

    async def _send(
        self,
        head: Head,
        status: int,
        content_type: bytes,
        body: dict[str, Any],
        more: Headers,
        send: Send,
    ) -> None:
        content = _encode(body).encode()
        headers = [
            (b"content-type", content_type),
            (b"content-length", str(len(content)).encode()),
            (b"x-request-id", head.request_id.encode()),
            *more,
            *self._usual_headers(head.is_secure),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _usual_headers(self, is_secure: bool) -> Headers:
        found = self._usual.get(is_secure)
        if found is None:
            found = self._usual[is_secure] = _headers_of_middleware(is_secure)
        return found


def _headers_of_middleware(is_secure: bool) -> Headers:
    """The security headers, from the middleware itself, so that the two doors cannot differ."""
    chain: Callable[[Any], Any] = lambda request: json_response({})  # noqa: E731
    for middleware in (CSPMiddleware, XFrameOptionsMiddleware, SecurityMiddleware):
        chain = middleware(chain)
    response = chain(
        WSGIRequest(
            {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": "/",
                "wsgi.url_scheme": "https" if is_secure else "http",
                "wsgi.input": io.BytesIO(),
            }
        )
    )
    return [
        (name.lower().encode("ascii"), value.encode("latin-1"))
        for name, value in response.items()
        if name.lower() != "content-type"
    ]
