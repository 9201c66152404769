"""How large a request's body may be: one limit for all, and the addresses that need more room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from kernel import errors


class PeerLeft(Exception):
    """The client hung up before it had sent everything."""


def limit_of(path: str) -> int:
    """The most bytes a body sent to this path may have."""
    limit: int = settings.BODY_LIMITS.get(path, settings.MAX_BODY_BYTES)
    return limit


async def read_body(receive: Callable[[], Awaitable[Any]], limit: int) -> bytes:
    """The body of an ASGI request. Raises PayloadTooLarge as soon as it is, and PeerLeft."""
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise PeerLeft
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise errors.PayloadTooLarge
        chunks.append(chunk)
        if not event.get("more_body", False):
            return b"".join(chunks)
