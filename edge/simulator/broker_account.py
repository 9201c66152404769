"""The account a device has at the MQTT broker: given by the server, kept with the device's key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.mqtt.client import Address, parse_address

_MEMBERS = ("url", "username", "password", "client_id")


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """Where the broker is and who the device is there; the password is a secret."""

    url: str
    username: str
    password: str = field(repr=False)
    client_id: str

    @property
    def address(self) -> Address:
        """Where to connect, and as whom; raises ``ValueError`` for what is no address."""
        place = parse_address(self.url)
        return Address(place.host, place.port, place.is_tls, self.username, self.password)

    def to_plain(self) -> dict[str, str]:
        """Return the account as JSON values."""
        return {name: getattr(self, name) for name in _MEMBERS}

    @classmethod
    def from_plain(cls, plain: Any) -> "BrokerAccount":
        """Return a given or stored account; raises ``ValueError`` for anything else."""
        members: Mapping[str, Any] = plain if isinstance(plain, dict) else {}
        values = [members.get(name) for name in _MEMBERS]
        if not all(isinstance(value, str) and value for value in values):
            raise ValueError("this is no account at a broker")
        account = cls(*map(str, values))
        # An address that cannot be is found now and not at every connect.
        _ = account.address
        return account
