"""The bytes of a broker cut into what a reader of messages needs, as cheaply as Python can.

Messages and the acknowledgements of our own are read here; whatever else comes is rare and left
to the decoder that knows every packet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edge.mqtt.packets import MAX_PACKET_BYTES, V5, Decoder, MalformedPacket, Packet

_PUBLISH: Final = 0x30
_PUBACK: Final = 0x40
_LONGEST_LENGTH: Final = 4


class Arrived(NamedTuple):
    """A message; without a packet id (QoS 0) nobody waits for its acknowledgement."""

    topic: bytes
    payload: bytes
    packet_id: int
    is_retained: bool


@dataclass(slots=True)
class Cut:
    """What one piece of the stream brought."""

    arrived: list[Arrived] = field(default_factory=list)
    # How many of our own messages the broker acknowledged.
    acknowledged: int = 0
    others: list[Packet] = field(default_factory=list)


class Frames:
    """Cuts the stream of one connection (MQTT 5), however it arrives in pieces."""

    def __init__(self, *, max_bytes: int = MAX_PACKET_BYTES) -> None:
        self._rest = b""
        self._max_bytes = max_bytes
        self._decoder = Decoder(level=V5, max_bytes=max_bytes)

    def feed(self, data: bytes) -> Cut:
        """What these bytes complete. Raises MalformedPacket."""
        stream = self._rest + data if self._rest else bytes(data)
        cut = Cut()
        begin, size = 0, len(stream)
        while begin + 1 < size:
            body, end = self._extent(stream, begin, size)
            if end > size or not body:
                break
            kind = stream[begin] & 0xF0
            if kind == _PUBLISH:
                cut.arrived.append(_arrived(stream, stream[begin], body, end))
            elif kind == _PUBACK:
                cut.acknowledged += 1
            else:
                cut.others += self._decoder.feed(stream[begin:end])
            begin = end
        self._rest = stream[begin:]
        return cut

    def _extent(self, stream: bytes, begin: int, size: int) -> tuple[int, int]:
        """Where the packet's body begins and ends; the body at 0 while its length is unknown."""
        body = begin + 2
        length = stream[begin + 1]
        if length >= 0x80:
            length, body = _varint(stream, begin + 1, size)
        if length > self._max_bytes:
            raise MalformedPacket(f"a packet has more than {self._max_bytes} bytes")
        return body, body + length


def acknowledgements(packet_ids: Iterable[int]) -> bytes:
    """The PUBACKs of these messages, to be written at once."""
    return b"".join([b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids])


def message(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH of QoS 1."""
    length = 5 + len(topic) + len(payload)
    head = bytearray(b"\x32")
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    head += len(topic).to_bytes(2, "big")
    head += topic
    head += packet_id.to_bytes(2, "big")
    head.append(0)
    head += payload
    return bytes(head)


def _arrived(stream: bytes, first: int, body: int, end: int) -> Arrived:
    topic_begin = body + 2
    at = topic_begin + (stream[body] << 8 | stream[body + 1]) if topic_begin <= end else end
    topic_end, packet_id = at, 0
    qos = first & 0x06
    if qos:
        if qos != 0x02:
            raise MalformedPacket("QoS 2 was not asked for")
        at += 2
    if at >= end:
        raise MalformedPacket("a message is shorter than what it says")
    if qos:
        packet_id = stream[topic_end] << 8 | stream[topic_end + 1]
    properties = stream[at]
    at += 1
    if properties:
        if properties >= 0x80:
            properties, at = _varint(stream, at - 1, end)
        at += properties
        if at > end or not at:
            raise MalformedPacket("a message is shorter than its properties")
    return Arrived(stream[topic_begin:topic_end], stream[at:end], packet_id, bool(first & 0x01))


def _varint(stream: bytes, begin: int, end: int) -> tuple[int, int]:
    """A number of variable length and where it ends; at 0 when it is not all there."""
    number = 0
    for offset in range(_LONGEST_LENGTH):
        position = begin + offset
        if position >= end:
            return 0, 0
        byte = stream[position]
        number |= (byte & 0x7F) << 7 * offset
        if byte < 0x80:
            return number, position + 1
    raise MalformedPacket("a length is longer than four bytes")
