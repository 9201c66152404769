"""The reader's own bytes: the same as the codec that knows every packet says, however they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelink.mqtt import frames
from devicelink.mqtt.broker_watch import TOPICS, BrokerWatch
from devicelink.mqtt.frames import Arrived, Frames
from devicelink.mqtt.held import uid_in
from devicelink.mqtt.replies import Replies
from edge.mqtt.packets import (
    V5,
    Decoder,
    MalformedPacket,
    Pingresp,
    Property,
    Puback,
    Publish,
    encode,
)
from edge.protocol.messages import SensorAck, TelemetryAck
from edge.protocol.topics import UpChannel

TOPIC = st.text(st.characters(blacklist_characters="+#\0", codec="utf-8"), min_size=1, max_size=200)
PROPERTIES = st.sampled_from(
    [(), ((Property.MESSAGE_EXPIRY, 60),), ((Property.USER_PROPERTY, ("k" * 90, "v" * 90)),)]
)
PUBLISH = st.builds(
    lambda topic, payload, packet_id, retain, properties: Publish(
        topic, payload, 1 if packet_id else 0, retain, False, packet_id or None, properties
    ),
    TOPIC,
    st.binary(max_size=300) | st.just(b"x" * 20_000),
    st.integers(0, 65_535),
    st.booleans(),
    PROPERTIES,
)
PACKET = PUBLISH | st.just(Pingresp()) | st.builds(Puback, st.integers(1, 65_535))


@dataclass
class Seen:
    """All that a stream brought."""

    arrived: list[Arrived] = field(default_factory=list)
    acknowledged: int = 0
    others: list[Any] = field(default_factory=list)


def fed(pieces: list[bytes]) -> Seen:
    stream, seen = Frames(), Seen()
    for piece in pieces:
        cut = stream.feed(piece)
        seen.arrived += cut.arrived
        seen.acknowledged += cut.acknowledged
        seen.others += cut.others
    return seen


def in_pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return pieces


@settings(deadline=None)
@given(st.lists(PACKET, max_size=6), st.lists(st.integers(1, 5_000), min_size=1, max_size=5))
def test_the_stream_is_cut_alike_however_it_comes(packets: list[Any], sizes: list[int]) -> None:
    stream = b"".join(encode(packet, level=V5) for packet in packets)
    seen = fed(in_pieces(stream, sizes))
    assert seen.arrived == [
        Arrived(packet.topic.encode(), packet.payload, packet.packet_id or 0, packet.retain)
        for packet in packets
        if isinstance(packet, Publish)
    ]
    assert seen.acknowledged == sum(isinstance(packet, Puback) for packet in packets)
    assert seen.others == [packet for packet in packets if isinstance(packet, Pingresp)]


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_garbage_is_refused_and_nothing_else_happens(garbage: bytes, sizes: list[int]) -> None:
    try:
        fed(in_pieces(garbage, sizes))
    except MalformedPacket:
        return


@given(st.binary(max_size=60))
def test_a_message_of_garbage_is_refused_or_lies_within_its_packet(body: bytes) -> None:
    packet = b"\x32" + bytes((len(body),)) + body
    try:
        (arrived,) = fed([packet]).arrived
    except MalformedPacket:
        return
    assert arrived.topic in body
    assert arrived.payload in body
    assert len(arrived.topic) + len(arrived.payload) <= len(body) - 5


@pytest.mark.parametrize(
    "head", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\xff\x7f", b"\x34\x05\x00\x01a\x00\x01"]
)
def test_too_much_and_what_was_not_asked_for_are_refused(head: bytes) -> None:
    with pytest.raises(MalformedPacket):
        fed([head])


@given(TOPIC, st.binary(max_size=300), st.integers(1, 65_535))
def test_what_is_sent_is_what_the_codec_reads(topic: str, payload: bytes, number: int) -> None:
    sent = frames.message(topic.encode(), payload, number) + frames.acknowledgements([1, number])
    assert Decoder(level=V5).feed(sent) == [
        Publish(topic, payload, 1, False, False, number),
        Puback(1),
        Puback(number),
    ]


@pytest.mark.parametrize(
    ("topic", "uid"),
    [
        (b"homepot/v1/dev_1-A/telemetry", "dev_1-A"),
        (b"homepot/v1/dev/sensor", None),
        (b"homepot/v1//telemetry", None),
        (b"homepot/v1/d\xff/telemetry", None),
        (b"homepot/v1/a/b/telemetry", None),
        (b"homepot/v1/" + b"a" * 65 + b"/telemetry", None),
        (b"x/homepot/v1/dev/telemetry", None),
    ],
)
def test_only_the_exact_form_of_a_topic_names_a_device(topic: bytes, uid: str | None) -> None:
    assert uid_in(topic, UpChannel.TELEMETRY) == uid


def test_of_the_replies_to_one_boot_the_highest_is_sent() -> None:
    replies = Replies()
    for seq in (3, 7, 5):
        replies.add("dev", TelemetryAck("b1", seq))
    replies.add("dev", TelemetryAck("b2", 1))
    replies.add("dev", SensorAck("r-1"))
    first, *_ = replies.take(1)
    assert first == (
        b"homepot/v1/dev/telemetry/ack",
        b'{"type":"telemetry_ack","boot_id":"b1","acked_seq":7}',
    )
    assert len(replies.take(100)) == 2
    assert replies.take(100) == []


def test_what_a_broker_drops_is_counted_from_when_we_began_to_watch() -> None:
    watch = BrokerWatch()
    told = TOPICS[0].encode()
    for number, dropped in ((b"40", 0), (b"40", 0), (b"47", 7), (b"x", 7), (b"2", 9)):
        watch.note(told, number)
        assert watch.dropped == dropped
    assert watch.dropped_at is not None
