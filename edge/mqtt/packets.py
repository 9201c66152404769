"""MQTT packets to bytes and back, for clients and brokers alike; it reads and writes no socket."""

from collections.abc import Callable
from typing import Final

from edge.mqtt.packet_types import (
    V5,
    V311,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Properties,
    Property,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Will,
    property_of,
)
from edge.mqtt.primitives import (
    MalformedPacket,
    Reader,
    Unencodable,
    binary,
    number,
    packet_id_bytes,
    properties_bytes,
    text,
    varint,
)

__all__ = [
    "MAX_PACKET_BYTES",
    "V5",
    "V311",
    "Connack",
    "Connect",
    "Decoder",
    "Disconnect",
    "MalformedPacket",
    "Packet",
    "Pingreq",
    "Pingresp",
    "Properties",
    "Property",
    "Puback",
    "Publish",
    "Suback",
    "Subscribe",
    "Subscription",
    "Unencodable",
    "Unsuback",
    "Unsubscribe",
    "Will",
    "encode",
    "property_of",
]

MAX_PACKET_BYTES: Final = 262_144

_PROTOCOL: Final = "MQTT"
_MAX_QOS: Final = 2
_LONGEST_HEADER: Final = 5


def encode(packet: Packet, *, level: int) -> bytes:
    """Return a packet's bytes in the version asked for; raises ``Unencodable``."""
    kind, flags, body = _ENCODERS[type(packet)](packet, level == V5)
    return bytes((kind << 4 | flags,)) + varint(len(body)) + body


class Decoder:
    """Cuts a stream of bytes into packets, however it arrives in pieces."""

    __slots__ = ("_buffer", "_fault", "_is_v5", "_max_bytes")

    def __init__(self, *, level: int, max_bytes: int = MAX_PACKET_BYTES) -> None:
        self._buffer = b""
        self._is_v5 = level == V5
        self._max_bytes = max_bytes
        self._fault = ""

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets these bytes complete; raises ``MalformedPacket``, then for ever."""
        if self._fault:
            raise MalformedPacket(self._fault)
        try:
            return self._packets(self._buffer + data if self._buffer else bytes(data))
        except MalformedPacket as fault:
            self._buffer, self._fault = b"", str(fault)
            raise

    def _packets(self, data: bytes) -> list[Packet]:
        packets: list[Packet] = []
        begin = 0
        while (extent := self._extent(data, begin)) is not None:
            body, end = extent
            if end > len(data):
                break
            packets.append(_decode(data[begin], data[body:end], self._is_v5))
            begin = end
        self._buffer = data[begin:]
        return packets

    def _extent(self, data: bytes, begin: int) -> tuple[int, int] | None:
        """Return where a packet's body begins and ends, or None while its length is unknown."""
        length = 0
        for position in range(begin + 1, begin + _LONGEST_HEADER):
            if position >= len(data):
                return None
            byte = data[position]
            length |= (byte & 0x7F) << 7 * (position - begin - 1)
            if byte < 0x80:
                if length > self._max_bytes:
                    raise MalformedPacket(f"a packet has more than {self._max_bytes} bytes")
                return position + 1, position + 1 + length
        raise MalformedPacket("a length is longer than four bytes")


def _decode(first: int, body: bytes, is_v5: bool) -> Packet:
    kind, flags = first >> 4, first & 0x0F
    known = _DECODERS.get(kind)
    if known is None:
        raise MalformedPacket(f"a packet of type {kind} is not spoken here")
    wanted_flags, decode = known
    if wanted_flags is not None and flags != wanted_flags:
        raise MalformedPacket("reserved flags are set")
    reader = Reader(body)
    packet = decode(reader, flags, is_v5)
    if not reader.is_at_end():
        raise MalformedPacket("a packet is longer than what it says")
    return packet


# CONNECT


def _connect_body(packet: Connect, is_v5: bool) -> tuple[int, int, bytes]:
    will = packet.will
    if packet.password is not None and packet.username is None and not is_v5:
        raise Unencodable("version 3.1.1 knows no password without a user name")
    flags = packet.is_clean << 1
    parts = [properties_bytes(packet.properties)] if is_v5 else []
    parts.append(text(packet.client_id))
    if will is not None:
        flags |= 0x04 | _qos(will.qos) << 3 | will.retain << 5
        parts += [properties_bytes(will.properties)] if is_v5 else []
        parts += [text(will.topic), binary(will.payload)]
    if packet.username is not None:
        flags |= 0x80
        parts.append(text(packet.username))
    if packet.password is not None:
        flags |= 0x40
        parts.append(binary(packet.password))
    head = text(_PROTOCOL) + bytes((V5 if is_v5 else V311, flags)) + number(packet.keepalive_s, 2)
    return 1, 0, head + b"".join(parts)


def _read_connect(reader: Reader, _: int, is_v5: bool) -> Connect:
    if reader.text() != _PROTOCOL or reader.number(1) != (V5 if is_v5 else V311):
        raise MalformedPacket("another protocol is spoken")
    flags, keepalive_s = reader.number(1), reader.number(2)
    _check_connect_flags(flags, is_v5)
    properties = reader.properties() if is_v5 else ()
    client_id = reader.text()
    return Connect(
        client_id=client_id,
        keepalive_s=keepalive_s,
        is_clean=bool(flags & 0x02),
        will=_read_will(reader, flags, is_v5) if flags & 0x04 else None,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        properties=properties,
    )


def _check_connect_flags(flags: int, is_v5: bool) -> None:
    has_will_details = bool(flags & 0x38)
    if flags & 0x01 or (has_will_details and not flags & 0x04) or flags & 0x18 == 0x18:
        raise MalformedPacket("the flags of a CONNECT contradict each other")
    if not is_v5 and flags & 0xC0 == 0x40:
        raise MalformedPacket("there is a password without a user name")


def _read_will(reader: Reader, flags: int, is_v5: bool) -> Will:
    properties = reader.properties() if is_v5 else ()
    return Will(
        topic=_topic_name(reader.text()),
        payload=reader.binary(),
        qos=flags >> 3 & 0x03,
        retain=bool(flags & 0x20),
        properties=properties,
    )


def _connack_body(packet: Connack, is_v5: bool) -> tuple[int, int, bytes]:
    head = bytes((packet.is_session_present,)) + number(packet.code, 1)
    return 2, 0, head + (properties_bytes(packet.properties) if is_v5 else b"")


def _read_connack(reader: Reader, _: int, is_v5: bool) -> Connack:
    flags, code = reader.number(1), reader.number(1)
    if flags > 1:
        raise MalformedPacket("reserved flags are set")
    return Connack(code, bool(flags), reader.properties() if is_v5 else ())


# PUBLISH


def _publish_body(packet: Publish, is_v5: bool) -> tuple[int, int, bytes]:
    flags = packet.is_dup << 3 | _qos(packet.qos) << 1 | packet.retain
    head = text(_encodable_topic(packet.topic))
    if packet.qos:
        head += packet_id_bytes(packet.packet_id)
    if is_v5:
        head += properties_bytes(packet.properties)
    return 3, flags, head + packet.payload


def _read_publish(reader: Reader, flags: int, is_v5: bool) -> Publish:
    qos = flags >> 1 & 0x03
    if qos > _MAX_QOS or (flags & 0x08 and not qos):
        raise MalformedPacket("the flags of a PUBLISH contradict each other")
    topic = _topic_name(reader.text())
    packet_id = reader.packet_id() if qos else None
    properties = reader.properties() if is_v5 else ()
    return Publish(
        topic, reader.rest(), qos, bool(flags & 0x01), bool(flags & 0x08), packet_id, properties
    )


def _topic_name(topic: str) -> str:
    # An empty one would need a topic alias, and nobody here ever grants any.
    if not topic or "+" in topic or "#" in topic:
        raise MalformedPacket("a message has no proper topic")
    return topic


def _encodable_topic(topic: str) -> str:
    if not topic or "+" in topic or "#" in topic:
        raise Unencodable("a message goes to one topic, without wildcards")
    return topic


def _qos(qos: int) -> int:
    if not 0 <= qos <= _MAX_QOS:
        raise Unencodable(f"there is no QoS {qos}")
    return qos


def _puback_body(packet: Puback, is_v5: bool) -> tuple[int, int, bytes]:
    return 4, 0, packet_id_bytes(packet.packet_id) + _reason(packet.code, packet.properties, is_v5)


def _read_puback(reader: Reader, _: int, is_v5: bool) -> Puback:
    return Puback(reader.packet_id(), *_read_reason(reader, is_v5))


def _reason(code: int, properties: Properties, is_v5: bool) -> bytes:
    """Return a reason with its properties, which version 5 lets out from the end."""
    if not is_v5 or (not code and not properties):
        return b""
    return number(code, 1) + (properties_bytes(properties) if properties else b"")


def _read_reason(reader: Reader, is_v5: bool) -> tuple[int, Properties]:
    code = reader.number(1) if is_v5 and not reader.is_at_end() else 0
    return code, reader.properties() if is_v5 and not reader.is_at_end() else ()


# SUBSCRIBE and UNSUBSCRIBE


def _subscribe_body(packet: Subscribe, is_v5: bool) -> tuple[int, int, bytes]:
    if not packet.subscriptions:
        raise Unencodable("a SUBSCRIBE asks for something")
    asked = b"".join(
        text(one.topic_filter) + bytes((_options(one) if is_v5 else _qos(one.qos),))
        for one in packet.subscriptions
    )
    return 8, 2, _numbered(packet.packet_id, packet.properties, is_v5) + asked


def _options(asked: Subscription) -> int:
    if not 0 <= asked.retain_handling <= 2:
        raise Unencodable("retained messages are handled in three ways")
    return (
        _qos(asked.qos)
        | asked.is_no_local << 2
        | asked.is_retain_as_published << 3
        | asked.retain_handling << 4
    )


def _read_subscribe(reader: Reader, _: int, is_v5: bool) -> Subscribe:
    packet_id = reader.packet_id()
    properties = reader.properties() if is_v5 else ()
    asked: list[Subscription] = []
    while not reader.is_at_end() or not asked:
        asked.append(_read_subscription(reader, is_v5))
    return Subscribe(packet_id, tuple(asked), properties)


def _read_subscription(reader: Reader, is_v5: bool) -> Subscription:
    topic_filter, options = reader.text(), reader.number(1)
    qos, handling = options & 0x03, options >> 4 & 0x03
    if not topic_filter or qos > _MAX_QOS or handling > 2 or options & (0xC0 if is_v5 else 0xFC):
        raise MalformedPacket("a subscription asks for what there is not")
    return Subscription(topic_filter, qos, bool(options & 0x04), bool(options & 0x08), handling)


def _numbered(packet_id: int, properties: Properties, is_v5: bool) -> bytes:
    return packet_id_bytes(packet_id) + (properties_bytes(properties) if is_v5 else b"")


def _suback_body(packet: Suback, is_v5: bool) -> tuple[int, int, bytes]:
    codes = b"".join(number(code, 1) for code in packet.codes)
    return 9, 0, _numbered(packet.packet_id, packet.properties, is_v5) + codes


def _read_suback(reader: Reader, _: int, is_v5: bool) -> Suback:
    packet_id, properties = reader.packet_id(), reader.properties() if is_v5 else ()
    return Suback(packet_id, tuple(reader.rest()), properties)


def _unsubscribe_body(packet: Unsubscribe, is_v5: bool) -> tuple[int, int, bytes]:
    if not packet.topic_filters:
        raise Unencodable("an UNSUBSCRIBE names something")
    filters = b"".join(map(text, packet.topic_filters))
    return 10, 2, _numbered(packet.packet_id, packet.properties, is_v5) + filters


def _read_unsubscribe(reader: Reader, _: int, is_v5: bool) -> Unsubscribe:
    packet_id, properties = reader.packet_id(), reader.properties() if is_v5 else ()
    filters = [reader.text()]
    while not reader.is_at_end():
        filters.append(reader.text())
    return Unsubscribe(packet_id, tuple(filters), properties)


def _unsuback_body(packet: Unsuback, is_v5: bool) -> tuple[int, int, bytes]:
    codes = b"".join(number(code, 1) for code in packet.codes) if is_v5 else b""
    return 11, 0, _numbered(packet.packet_id, packet.properties, is_v5) + codes


def _read_unsuback(reader: Reader, _: int, is_v5: bool) -> Unsuback:
    packet_id, properties = reader.packet_id(), reader.properties() if is_v5 else ()
    return Unsuback(packet_id, tuple(reader.rest()) if is_v5 else (), properties)


# The rest


def _disconnect_body(packet: Disconnect, is_v5: bool) -> tuple[int, int, bytes]:
    return 14, 0, _reason(packet.code, packet.properties, is_v5)


def _read_disconnect(reader: Reader, _: int, is_v5: bool) -> Disconnect:
    return Disconnect(*_read_reason(reader, is_v5))


_ENCODERS: Final[dict[type, Callable[..., tuple[int, int, bytes]]]] = {
    Connect: _connect_body,
    Connack: _connack_body,
    Publish: _publish_body,
    Puback: _puback_body,
    Subscribe: _subscribe_body,
    Suback: _suback_body,
    Unsubscribe: _unsubscribe_body,
    Unsuback: _unsuback_body,
    Pingreq: lambda _packet, _is_v5: (12, 0, b""),
    Pingresp: lambda _packet, _is_v5: (13, 0, b""),
    Disconnect: _disconnect_body,
}

# By the packet's type: the flags it must have (None: they mean something), and how it is read.
_DECODERS: Final[dict[int, tuple[int | None, Callable[[Reader, int, bool], Packet]]]] = {
    1: (0, _read_connect),
    2: (0, _read_connack),
    3: (None, _read_publish),
    4: (0, _read_puback),
    8: (2, _read_subscribe),
    9: (0, _read_suback),
    10: (2, _read_unsubscribe),
    11: (0, _read_unsuback),
    12: (0, lambda _reader, _flags, _is_v5: Pingreq()),
    13: (0, lambda _reader, _flags, _is_v5: Pingresp()),
    14: (0, _read_disconnect),
}
