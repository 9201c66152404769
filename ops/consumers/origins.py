"""Which pages may open the browser socket; browsers do not protect WebSockets across origins."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_own(origin: str, *, host: str, public_url: str) -> bool:
    """True for a page of this installation: the origin is our host, or the public address."""
    place = _place(origin)
    if place is None:
        return False
    scheme, name, port = place
    if public_url and _place(public_url) == place:
        return True
    # Behind a proxy that ends TLS our own scheme is not the browser's: the host must match, with
    # the port that the origin's scheme implies.
    own = _place(f"{scheme}://{host}")
    return own is not None and own[1:] == (name, port)


def is_allowed(origin: str, *, host: str, public_url: str, configured: Collection[str]) -> bool:
    """True for our own pages and the origins that are configured to call the API."""
    return origin in configured or is_own(origin, host=host, public_url=public_url)


def _place(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    if parts.path or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]
