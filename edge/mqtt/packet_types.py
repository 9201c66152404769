"""The packets of MQTT as plain values, the same for both versions.

What only version 5 carries (properties, reasons in acknowledgements) is left out when version
3.1.1 is spoken.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

V311: Final = 4
V5: Final = 5


class Property(IntEnum):
    """What version 5 may say beside the fields of a packet."""

    PAYLOAD_FORMAT = 1
    MESSAGE_EXPIRY = 2
    CONTENT_TYPE = 3
    RESPONSE_TOPIC = 8
    CORRELATION_DATA = 9
    SUBSCRIPTION_ID = 11
    SESSION_EXPIRY = 17
    ASSIGNED_CLIENT_ID = 18
    SERVER_KEEP_ALIVE = 19
    AUTHENTICATION_METHOD = 21
    AUTHENTICATION_DATA = 22
    REQUEST_PROBLEM_INFORMATION = 23
    WILL_DELAY = 24
    REQUEST_RESPONSE_INFORMATION = 25
    RESPONSE_INFORMATION = 26
    SERVER_REFERENCE = 28
    REASON_STRING = 31
    RECEIVE_MAXIMUM = 33
    TOPIC_ALIAS_MAXIMUM = 34
    TOPIC_ALIAS = 35
    MAXIMUM_QOS = 36
    RETAIN_AVAILABLE = 37
    USER_PROPERTY = 38
    MAXIMUM_PACKET_SIZE = 39
    WILDCARD_SUBSCRIPTION_AVAILABLE = 40
    SUBSCRIPTION_ID_AVAILABLE = 41
    SHARED_SUBSCRIPTION_AVAILABLE = 42


PropertyValue = int | str | bytes | tuple[str, str]
Properties = tuple[tuple[Property, PropertyValue], ...]


def property_of(properties: Properties, name: Property) -> PropertyValue | None:
    """Return the first value of a property, or None when it is not there."""
    return next((value for found, value in properties if found is name), None)


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when a connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Connect:
    """The first packet of a client; the password is a secret."""

    client_id: str
    keepalive_s: int = 60
    is_clean: bool = True
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    will: Will | None = None
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer; anything but code 0 is a refusal."""

    code: int = 0
    is_session_present: bool = False
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Publish:
    """One message; above QoS 0 it has a packet id."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    is_dup: bool = False
    packet_id: int | None = None
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Puback:
    """A message of QoS 1 has arrived, or (from 128 on) was refused."""

    packet_id: int
    code: int = 0
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One topic filter a client asks for; all but the QoS is version 5."""

    topic_filter: str
    qos: int = 1
    is_no_local: bool = False
    is_retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Asks for the messages of some topics."""

    packet_id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Suback:
    """The granted QoS of each filter, or its refusal (from 128 on)."""

    packet_id: int
    codes: tuple[int, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Asks for no more messages of some topics."""

    packet_id: int
    topic_filters: tuple[str, ...]
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Unsuback:
    """No more messages of those topics; version 3.1.1 has no codes."""

    packet_id: int
    codes: tuple[int, ...] = ()
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Pingreq:
    """The client asks for a sign of life."""


@dataclass(frozen=True, slots=True)
class Pingresp:
    """The broker gives it."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection ends on purpose: the broker forgets the will."""

    code: int = 0
    properties: Properties = ()


Packet = (
    Connect
    | Connack
    | Publish
    | Puback
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
)
