"""Where a broker is, and who comes: one URL."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Address:
    """A broker and the account to use there; the password is a secret."""

    host: str
    port: int
    is_tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_address(url: str) -> Address:
    """Return what ``mqtt://user:pass@host:1883`` or ``mqtts://…`` means, or raise ``ValueError``."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("a broker's address is mqtt://host:port or mqtts://host:port")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("a broker's address ends with its port")
    return Address(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "mqtts",
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )
