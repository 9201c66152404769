"""Numbers, texts and properties as MQTT writes them."""

from typing import Final

from edge.mqtt.packet_types import Properties, Property, PropertyValue

_LARGEST_VARINT: Final = 268_435_455
_LONGEST_FIELD: Final = 65_535

_BYTE: Final = frozenset(
    {
        Property.PAYLOAD_FORMAT,
        Property.REQUEST_PROBLEM_INFORMATION,
        Property.REQUEST_RESPONSE_INFORMATION,
        Property.MAXIMUM_QOS,
        Property.RETAIN_AVAILABLE,
        Property.WILDCARD_SUBSCRIPTION_AVAILABLE,
        Property.SUBSCRIPTION_ID_AVAILABLE,
        Property.SHARED_SUBSCRIPTION_AVAILABLE,
    }
)
_TWO_BYTES: Final = frozenset(
    {
        Property.SERVER_KEEP_ALIVE,
        Property.RECEIVE_MAXIMUM,
        Property.TOPIC_ALIAS_MAXIMUM,
        Property.TOPIC_ALIAS,
    }
)
_FOUR_BYTES: Final = frozenset(
    {
        Property.MESSAGE_EXPIRY,
        Property.SESSION_EXPIRY,
        Property.WILL_DELAY,
        Property.MAXIMUM_PACKET_SIZE,
    }
)
_BINARY: Final = frozenset({Property.CORRELATION_DATA, Property.AUTHENTICATION_DATA})
_REPEATABLE: Final = frozenset({Property.USER_PROPERTY, Property.SUBSCRIPTION_ID})
_SIZES: Final = (
    dict.fromkeys(_BYTE, 1) | dict.fromkeys(_TWO_BYTES, 2) | dict.fromkeys(_FOUR_BYTES, 4)
)
_KNOWN: Final = {int(name): name for name in Property}


class MalformedPacket(ValueError):
    """Bytes that are no MQTT, or more of it than was allowed; the connection is of no more use."""


class Unencodable(ValueError):
    """A packet that cannot be said in MQTT: a text too long, an id missing."""


def varint(value: int) -> bytes:
    """Return a number in MQTT's variable length, one to four bytes."""
    if not 0 <= value <= _LARGEST_VARINT:
        raise Unencodable(f"{value} is too large")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number(value: int, size: int) -> bytes:
    """Return a number in so many bytes."""
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise Unencodable(f"{value} does not fit into {size} bytes") from None


def packet_id_bytes(packet_id: int | None) -> bytes:
    """Return a packet id, which is never zero."""
    if not packet_id:
        raise Unencodable("a packet id is missing")
    return number(packet_id, 2)


def binary(value: bytes) -> bytes:
    """Return bytes with their length in front."""
    if len(value) > _LONGEST_FIELD:
        raise Unencodable("a field is longer than 65,535 bytes")
    return len(value).to_bytes(2, "big") + value


def text(value: str) -> bytes:
    """Return a text with its length in front."""
    if "\0" in value:
        raise Unencodable("a text contains U+0000")
    try:
        return binary(value.encode())
    except UnicodeEncodeError:
        raise Unencodable("a text contains half of a character") from None


def properties_bytes(properties: Properties) -> bytes:
    """Return all properties with their length in front."""
    body = b"".join(varint(name) + _property_bytes(name, value) for name, value in properties)
    return varint(len(body)) + body


def _property_bytes(name: Property, value: PropertyValue) -> bytes:
    if name in _SIZES and isinstance(value, int):
        return number(value, _SIZES[name])
    if name is Property.SUBSCRIPTION_ID and isinstance(value, int):
        return varint(value)
    if name is Property.USER_PROPERTY and isinstance(value, tuple):
        return text(value[0]) + text(value[1])
    if name in _BINARY and isinstance(value, bytes):
        return binary(value)
    if isinstance(value, str):
        return text(value)
    raise Unencodable(f"{name.name} cannot be {type(value).__name__}")


class Reader:
    """Takes the fields out of one packet; whatever is not there raises ``MalformedPacket``."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = len(data)

    def is_at_end(self) -> bool:
        """Say whether everything was taken."""
        return self._position >= self._end

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        begin = self._position
        self._position = begin + size
        if self._position > self._end:
            raise MalformedPacket("a packet ends too early")
        return self._data[begin : self._position]

    def rest(self) -> bytes:
        """Return all that was not taken yet."""
        return self.take(self._end - self._position)

    def number(self, size: int) -> int:
        """Return the next number of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def packet_id(self) -> int:
        """Return the next packet id."""
        found = self.number(2)
        if not found:
            raise MalformedPacket("a packet id is zero")
        return found

    def varint(self) -> int:
        """Return the next number of variable length."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if not byte and shift:
                    raise MalformedPacket("a number is longer than it must be")
                return value
        raise MalformedPacket("a number is longer than four bytes")

    def binary(self) -> bytes:
        """Return the next bytes that say their own length."""
        return self.take(self.number(2))

    def text(self) -> str:
        """Return the next text."""
        try:
            found = self.binary().decode()
        except UnicodeDecodeError:
            raise MalformedPacket("a text is not UTF-8") from None
        if "\0" in found:
            raise MalformedPacket("a text contains U+0000")
        return found

    def properties(self) -> Properties:
        """Return the next properties; none but the repeatable ones may come twice."""
        inner = Reader(self.take(self.varint()))
        found: list[tuple[Property, PropertyValue]] = []
        seen: set[Property] = set()
        while not inner.is_at_end():
            name = _KNOWN.get(inner.varint())
            if name is None:
                raise MalformedPacket("there is no such property")
            if name in seen and name not in _REPEATABLE:
                raise MalformedPacket(f"{name.name} comes twice")
            seen.add(name)
            found.append((name, inner._property_value(name)))
        return tuple(found)

    def _property_value(self, name: Property) -> PropertyValue:
        if name in _SIZES:
            return self.number(_SIZES[name])
        if name is Property.SUBSCRIPTION_ID:
            return self.varint()
        if name is Property.USER_PROPERTY:
            return self.text(), self.text()
        return self.binary() if name in _BINARY else self.text()
