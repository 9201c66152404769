"""What a raw door needs of a request: whose it is, how it comes, and its body within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.http.request import (  # noqa: TID251  the check of a host, which Django has once
    split_domain_port,
    validate_host,
)

from devicelink.http import intake
from devices.services import key_headers
from edge.protocol import limits
from kernel import body_limits, errors
from kernel.middleware.request_id import request_id_from
from kernel.middleware.trusted_proxy import client_address, is_within

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# 256 KiB at 26 kB/s; whoever is slower would hold the connection for nothing.
BODY_SECONDS: Final = 10.0
_MAX_BODIES_BYTES: Final = 64 * 1024 * 1024
_LOOPBACK = ("127.", "::1", "::ffff:127.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """An ordinary call of a device over a way that is allowed, with its key."""

    device_uid: str
    key: str
    address: str
    request_id: str
    encoding: str
    idempotency_key: str | None
    declared: int | None
    is_secure: bool
    wants_problem: bool


def ordinary_head(scope: Scope) -> Head | None:
    """The head of an ordinary POST of JSON; None for anything else, which Django is to answer.

    Wrong methods, media types and hosts, plain HTTP where that is forbidden, browsers, doubled
    headers, calls without a key: none of them is frequent, all of them have an answer already.
    """
    usual = _usual_headers(scope)
    if usual is None or scope["method"] != "POST" or scope["query_string"]:
        return None
    media_type = usual.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return None
    if not intake.takes_encoding(usual.get("content-encoding", "")):
        return None
    return _come_safely(scope, usual)


def fetching_head(scope: Scope) -> Head | None:
    """The head of an ordinary GET of a device; None for anything else, as above."""
    usual = _usual_headers(scope)
    if usual is None or scope["method"] != "GET":
        return None
    return _come_safely(scope, usual)


def _usual_headers(scope: Scope) -> dict[str, str] | None:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if len(headers) != len(scope["headers"]) or b"origin" in headers:
        return None
    text = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
    return text if _is_ours(text.get("host", "")) else None


def _come_safely(scope: Scope, text: Mapping[str, str]) -> Head | None:
    address, is_secure = _way(scope, text)
    if settings.ENFORCE_HTTPS and not is_secure and not address.startswith(_LOOPBACK):
        return None
    return _with_key(text, address, is_secure)


class Bodies:
    """Reads bodies, and holds only so much of unfinished ones."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, head: Head, receive: Receive) -> bytes:
        """The body. Raises PayloadTooLarge, RequestTimeout, Unavailable and PeerLeft."""
        limit = limits.MAX_HTTP_BODY_BYTES
        if head.declared is not None and head.declared > limit:
            raise errors.PayloadTooLarge
        share = limit if head.declared is None else head.declared
        if self._held + share > _MAX_BODIES_BYTES:
            raise errors.Unavailable(retry_after=1)
        self._held += share
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await body_limits.read_body(receive, limit)
        except TimeoutError:
            raise errors.RequestTimeout from None
        finally:
            self._held -= share


def _with_key(text: Mapping[str, str], address: str, is_secure: bool) -> Head | None:
    try:
        shown = key_headers.read_headers(
            authorization=text.get("authorization"),
            api_key=text.get("x-api-key"),
            device_uid=text.get("x-device-id"),
        )
    except key_headers.HalfShown:
        return None
    if shown is None:
        return None
    declared = text.get("content-length", "")
    return Head(
        device_uid=shown[0],
        key=shown[1],
        address=address,
        request_id=request_id_from(text.get("x-request-id")),
        encoding=text.get("content-encoding", ""),
        idempotency_key=text.get("idempotency-key"),
        declared=int(declared) if declared.isdecimal() and len(declared) < 16 else None,
        is_secure=is_secure,
        wants_problem="application/problem+json" in text.get("accept", ""),
    )


def _way(scope: Scope, text: Mapping[str, str]) -> tuple[str, bool]:
    """The caller's address and whether it came over TLS, as trusted proxies forward it."""
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    scheme = scope.get("scheme", "http")
    if settings.TRUSTED_PROXIES and is_within(peer, settings.TRUSTED_PROXIES):
        forwarded = text.get("x-forwarded-proto", "").rsplit(",", 1)[-1].strip()
        scheme = forwarded if forwarded in {"http", "https"} else scheme
        peer = client_address(peer, text.get("x-forwarded-for", ""), settings.TRUSTED_PROXIES)
    return peer, scheme == "https"


def _is_ours(host: str) -> bool:
    return _is_allowed(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(maxsize=256)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
