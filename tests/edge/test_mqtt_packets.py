"""What is written in MQTT is read back the same, however it is cut; garbage is only malformed."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.mqtt import packets
from edge.mqtt.packets import V5, V311, Decoder, MalformedPacket, Property, Publish, encode
from edge.mqtt.primitives import _BINARY, _SIZES

LEVELS = (V311, V5)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
topics = texts.filter(lambda text: text and "+" not in text and "#" not in text)
payloads = st.binary(max_size=200)
packet_ids = st.integers(1, 0xFFFF)
codes = st.integers(0, 255)


def property_values(name: Property) -> st.SearchStrategy[Any]:
    if name in _SIZES:
        return st.integers(0, 256 ** _SIZES[name] - 1)
    if name is Property.SUBSCRIPTION_ID:
        return st.integers(0, 268_435_455)
    if name is Property.USER_PROPERTY:
        return st.tuples(texts, texts)
    return payloads if name in _BINARY else texts


def properties(level: int) -> st.SearchStrategy[Any]:
    if level == V311:
        return st.just(())
    names = st.lists(st.sampled_from(Property), unique=True, max_size=4)
    values = names.flatmap(
        lambda found: st.tuples(
            *(st.tuples(st.just(name), property_values(name)) for name in found)
        )
    )
    # These two may come more than once.
    pairs = st.lists(st.tuples(st.just(Property.USER_PROPERTY), property_values(Property(38))))
    return st.builds(lambda one, more: (*one, *more), values, pairs.filter(lambda p: len(p) < 3))


def publishes(level: int) -> st.SearchStrategy[Publish]:
    free = st.builds(
        Publish, topics, payloads, st.just(0), st.booleans(), properties=properties(level)
    )
    numbered = st.builds(
        Publish,
        topics,
        payloads,
        st.sampled_from((1, 2)),
        st.booleans(),
        st.booleans(),
        packet_ids,
        properties(level),
    )
    return free | numbered


def connects(level: int) -> st.SearchStrategy[packets.Connect]:
    will = st.builds(
        packets.Will, topics, payloads, st.integers(0, 2), st.booleans(), properties(level)
    )
    login = st.tuples(texts, st.none() | payloads) | st.just((None, None))
    if level == V5:
        login |= st.tuples(st.none(), payloads)
    return st.builds(
        lambda client_id, keepalive_s, is_clean, login, will, said: packets.Connect(
            client_id, keepalive_s, is_clean, *login, will, said
        ),
        texts,
        st.integers(0, 0xFFFF),
        st.booleans(),
        login,
        st.none() | will,
        properties(level),
    )


def any_packets(level: int) -> st.SearchStrategy[packets.Packet]:
    said = properties(level)
    reason = st.tuples(codes, said) if level == V5 else st.just((0, ()))
    options = (
        (st.booleans(), st.booleans(), st.integers(0, 2))
        if level == V5
        else (st.just(False), st.just(False), st.just(0))
    )
    asked = st.builds(packets.Subscription, texts.filter(bool), st.integers(0, 2), *options)
    many_codes = st.lists(codes, max_size=4).map(tuple)
    return st.one_of(
        connects(level),
        publishes(level),
        st.builds(packets.Connack, codes, st.booleans(), said),
        st.builds(lambda number, why: packets.Puback(number, *why), packet_ids, reason),
        st.builds(
            packets.Subscribe, packet_ids, st.lists(asked, min_size=1, max_size=4).map(tuple), said
        ),
        st.builds(packets.Suback, packet_ids, many_codes, said),
        st.builds(
            packets.Unsubscribe,
            packet_ids,
            st.lists(texts, min_size=1, max_size=4).map(tuple),
            said,
        ),
        st.builds(packets.Unsuback, packet_ids, many_codes if level == V5 else st.just(()), said),
        st.builds(lambda why: packets.Disconnect(*why), reason),
        st.sampled_from((packets.Pingreq(), packets.Pingresp())),
    )


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_however_it_is_cut(level: int, data: st.DataObject) -> None:
    written = data.draw(st.lists(any_packets(level), max_size=5))
    stream = b"".join(encode(packet, level=level) for packet in written)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    decoder, read = Decoder(level=level), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        read += decoder.feed(stream[begin:end])

    assert read == written


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_garbage_is_malformed_and_nothing_else(level: int, data: st.DataObject) -> None:
    # Whole packets with a byte or two changed reach deeper than noise does.
    stream = bytearray(encode(data.draw(any_packets(level)), level=level))
    for _ in range(data.draw(st.integers(0, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    noise = data.draw(st.binary(max_size=60))
    decoder = Decoder(level=level)
    try:
        decoder.feed(bytes(stream) + noise)
    except MalformedPacket:
        # Where the next packet would begin is not known any more.
        with pytest.raises(MalformedPacket):
            decoder.feed(b"\xd0\x00")


@pytest.mark.parametrize(
    ("level", "stream"),
    [
        (V311, "3003" + "000261"),  # a topic longer than its packet
        (V311, "30050001" + "2b" + "6161"),  # a wildcard in a topic
        (V311, "3002" + "0000"),  # no topic
        (V311, "36050001610001"),  # QoS 3
        (V311, "38030001" + "61"),  # a repeat of QoS 0
        (V311, "3205000161" + "0000"),  # packet id 0
        (V311, "3004" + "0002c080"),  # not UTF-8
        (V311, "3004" + "0002" + "6100"),  # U+0000 in a text
        (V311, "d001" + "00"),  # a PINGRESP with a body
        (V311, "8006" + "0001" + "0001" + "6100"),  # SUBSCRIBE without its flags
        (V311, "f000"),  # AUTH, which is version 5's
        (V311, "0000"),  # no such type
        (V311, "30ffffffff01"),  # a length of five bytes
        (V311, "30808010"),  # more than is allowed, known before it arrives
        (V5, "2005" + "0000" + "03" + "2100"),  # a property cut short
        (V5, "20" + "09" + "0000" + "06" + "210001" + "210001"),  # a property twice
        (V5, "2005" + "0000" + "02" + "0000"),  # property 0
        (V5, "2006" + "0000" + "8000" + "0000"),  # a length longer than it must be
    ],
)
def test_what_the_standard_forbids_is_malformed(level: int, stream: str) -> None:
    with pytest.raises(MalformedPacket):
        Decoder(level=level, max_bytes=1_000).feed(bytes.fromhex(stream))


def test_a_size_that_is_too_large_is_refused_before_it_is_held() -> None:
    decoder = Decoder(level=V311, max_bytes=1_000)
    assert decoder.feed(encode(Publish("t", b"x" * 997, 0), level=V311)) != []
    with pytest.raises(MalformedPacket):
        decoder.feed(encode(Publish("t", b"x" * 998, 0), level=V311)[:3])


@pytest.mark.parametrize(
    "packet",
    [
        Publish("a/+", b"", 0),
        Publish("", b"", 0),
        Publish("t", b"", 1),
        Publish("t", b"", 3, packet_id=1),
        Publish("t" * 70_000, b"", 0),
        Publish("\ud800", b"", 0),
        Publish("a\0", b"", 0),
        packets.Subscribe(1, ()),
        packets.Unsubscribe(1, ()),
        packets.Connect("c", keepalive_s=70_000),
        packets.Connect("c", password=b"x"),
    ],
)
def test_what_cannot_be_said_is_not_sent(packet: packets.Packet) -> None:
    with pytest.raises(packets.Unencodable):
        encode(packet, level=V311)


def test_bytes_are_those_of_the_standard() -> None:
    connect = packets.Connect("me", username="u", password=b"p", is_clean=True, keepalive_s=60)
    assert encode(connect, level=V311).hex() == "101400044d51545404c2003c00026d65000175000170"
    message = Publish("a/b", b"hi", 1, packet_id=10)
    assert encode(message, level=V311).hex() == "32090003612f62000a6869"
    assert encode(message, level=V5).hex() == "320a0003612f62000a006869"
    assert encode(packets.Disconnect(), level=V5).hex() == "e000"
    assert encode(packets.Puback(7), level=V5).hex() == "40020007"


def test_a_password_is_in_no_representation() -> None:
    assert "s3cret" not in repr(packets.Connect("me", username="u", password=b"s3cret"))
