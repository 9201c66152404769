"""Where a webhook may go: a URL we are given must not become a way into our own network. Pure.

A name is resolved once, every address it has must be allowed, and the connection goes to that
address: what the name says a moment later changes nothing (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL: Final = 2_000
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
# Characters that are no part of a URL on the wire; urlsplit drops some of them in silence.
_NOT_IN_A_URL = re.compile(r"[^\x21-\x7e]|[\\<>\"^`{|}]")
# `is_global` follows the registries of its Python; what must never be reached stands here.
_NEVER: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
        "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


class AddressRefused(ValueError):
    """A webhook may not go there; the text says why, without what the name resolved to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What this installation allows beyond the public Internet over HTTPS."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443, 8443})
    allows_http: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A URL taken apart; `path` is as it goes on the wire, with its query."""

    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The Host header of a request to it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == _DEFAULT_PORTS["https" if self.is_tls else "http"]
        return name if is_usual else f"{name}:{self.port}"


def rules_from(*, networks: Collection[str], ports: Collection[int], allows_http: bool) -> Rules:
    """The rules that settings mean. Raises ValueError for what is no network."""
    return Rules(
        networks=tuple(ipaddress.ip_network(text) for text in networks),
        ports=frozenset(ports),
        allows_http=allows_http,
    )


def parse(url: str, rules: Rules) -> Target:
    """The target of a URL that looks allowed. Raises AddressRefused.

    Whether its addresses are allowed is seen when it is resolved, each time it is used.
    """
    if len(url) > MAX_URL:
        raise AddressRefused(f"At most {MAX_URL} characters.")
    if _NOT_IN_A_URL.search(url):
        raise AddressRefused("It has characters that no URL has.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("This is no URL.") from None
    scheme = _scheme(parts, rules)
    if "@" in parts.netloc:
        raise AddressRefused("A URL with a user or password in it is not taken.")
    if parts.fragment or "#" in url:
        raise AddressRefused("A URL with a fragment is not taken.")
    host = _host(parts)
    literal = _literal(host)
    if literal is not None:
        require_allowed([literal], rules)
    actual = _DEFAULT_PORTS[scheme] if port is None else port
    _require_port(actual, literal, rules)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_tls=scheme == "https", host=host, port=actual, path=path)


def require_allowed(addresses: Sequence[Address], rules: Rules) -> None:
    """Refuse unless every address may be reached. Raises AddressRefused.

    One that may not is enough: a name that has a public and a private address is a trick.
    """
    if not addresses:
        raise AddressRefused("The name has no address.")
    if not all(_is_allowed(address, rules) for address in addresses):
        raise AddressRefused("It leads into a network that webhooks may not reach.")


def in_allowed_network(address: Address, rules: Rules) -> bool:
    """Whether the operator has named a network that the address lies in."""
    return any(address in network for network in rules.networks)


def _is_allowed(address: Address, rules: Rules) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return False
    if in_allowed_network(address, rules):
        return True
    if any(address in network for network in _NEVER):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _scheme(parts: SplitResult, rules: Rules) -> str:
    if parts.scheme == "https" or (parts.scheme == "http" and rules.allows_http):
        return parts.scheme
    raise AddressRefused("Only https:// is taken.")


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if not host or parts.netloc.endswith(":"):
        raise AddressRefused("It names no host, or no port.")
    literal = _literal(host)
    if ("[" in parts.netloc) is not isinstance(literal, ipaddress.IPv6Address):
        raise AddressRefused("Brackets are for IPv6 addresses.")
    if literal is not None:
        return host
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("Its host is no name; write an international one in its xn-- form.")
    # `127.1`, `0x7f.1` and `2130706433` are addresses to some resolvers.
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise AddressRefused("Its host looks like an address in a form that is not taken.")
    return host


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _require_port(port: int, literal: Address | None, rules: Rules) -> None:
    if port in rules.ports or (port == 80 and rules.allows_http):
        return
    # Who opens a network of their own has opened the services in it.
    if literal is not None and in_allowed_network(literal, rules) and port > 0:
        return
    allowed = ", ".join(map(str, sorted(rules.ports)))
    raise AddressRefused(f"Only these ports are taken: {allowed}.")
