"""The caller's true address and scheme: forwarded headers count only from known proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


@lru_cache(maxsize=8)
def networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks written as CIDR; raises ValueError for a wrong one."""
    return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)


def is_within(address: str, cidrs: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks; False for what is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A server bound to `::` sees IPv4 peers as ::ffff:192.0.2.1.
    mapped = getattr(ip, "ipv4_mapped", None)
    return any((mapped or ip) in network for network in networks(tuple(cidrs)))


def client_address(peer: str, forwarded_for: str, cidrs: Iterable[str]) -> str:
    """The right-most address that is not one of our proxies; the peer when it is none.

    Only proxies append to X-Forwarded-For, so everything left of the first stranger (read from
    the right) may be invented.
    """
    trusted = tuple(cidrs)
    if not is_within(peer, trusted):
        return peer
    address = peer
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
        try:
            ipaddress.ip_address(hop)
        except ValueError:
            return address
        address = hop
        if not is_within(hop, trusted):
            return hop
    return address


class TrustedProxyMiddleware:
    """Sets REMOTE_ADDR and the scheme from forwarded headers of a trusted proxy, else drops them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        peer = meta.get("REMOTE_ADDR", "")
        if is_within(peer, settings.TRUSTED_PROXIES):
            meta["REMOTE_ADDR"] = client_address(
                peer, meta.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES
            )
            scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").rsplit(",", 1)[-1].strip()
            if scheme in {"http", "https"}:
                meta["wsgi.url_scheme"] = scheme
                request.environ["wsgi.url_scheme"] = scheme
        for name in _FORWARDED:
            meta.pop(name, None)
        return self._get_response(request)
