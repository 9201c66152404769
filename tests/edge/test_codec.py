"""Whatever one side can say, the other side understands, on every wire."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import codec, limits, messages, strict_json, topics
from edge.protocol.errors import ProtocolError
from edge.protocol.messages import AckStatus, Reading, RelayReading

UID = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
REFERENCE = st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True)
KIND = st.from_regex(r"[a-z][a-z0-9_.]{0,63}", fullmatch=True)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=64)
SEQUENCE = st.integers(min_value=0, max_value=limits.INT64_MAX)
MOMENT = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001  # hypothesis adds the zone itself
    max_value=datetime(2999, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=9))]),
)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
RELAYS = st.lists(
    st.builds(RelayReading, st.integers(0, 255), st.booleans()),
    max_size=8,
    unique_by=lambda relay: relay.relay_index,
).map(tuple)
READING = st.builds(
    Reading,
    SEQUENCE,
    st.none() | MOMENT,
    st.dictionaries(KIND, FLOAT, min_size=1, max_size=4),
)
SENSOR = st.from_regex(r"[a-z][a-z0-9_.-]{0,39}", fullmatch=True)
SENSOR_VALUE = (
    st.booleans() | FLOAT | TEXT | st.dictionaries(KIND, st.booleans() | FLOAT, max_size=3)
)
SENSOR_READING = st.builds(
    messages.SensorReading,
    SENSOR,
    SENSOR,
    SENSOR_VALUE,
    st.none() | TEXT.map(lambda text: text[:16]),
    st.none() | MOMENT,
    st.none() | REFERENCE,
)
DOCUMENT = st.dictionaries(
    TEXT,
    st.none() | st.booleans() | FLOAT | TEXT | st.lists(st.integers(-9, 9), max_size=2),
    max_size=3,
)
UP = st.one_of(
    st.builds(messages.Auth, UID, st.from_regex(r"[!-~]{1,256}", fullmatch=True)),
    st.just(messages.Heartbeat()),
    st.builds(
        messages.Ack,
        UID,
        st.sampled_from(AckStatus),
        st.none() | RELAYS,
        st.none() | TEXT,
        st.none() | SEQUENCE,
        st.none() | DOCUMENT,
        st.none() | st.builds(messages.Progress, st.none() | st.integers(0, 100), st.none() | TEXT),
    ),
    st.builds(messages.StateReport, RELAYS, st.none() | TEXT, st.none() | REFERENCE),
    st.builds(messages.InputEvent, st.integers(0, 255), KIND, REFERENCE, st.none() | MOMENT),
    st.builds(messages.Telemetry, REFERENCE, st.lists(READING, min_size=1, max_size=3).map(tuple)),
    st.builds(
        messages.SensorReport,
        st.lists(SENSOR_READING, min_size=1, max_size=4).map(tuple),
        st.none() | st.dictionaries(KIND, TEXT, max_size=3),
        st.none() | REFERENCE,
    ),
    st.builds(messages.Status, st.sampled_from(messages.LinkStatus), REFERENCE),
    st.builds(
        messages.TwinReported,
        st.none(),
        DOCUMENT,
        st.none() | SEQUENCE,
        st.none() | SEQUENCE,
        st.none() | REFERENCE,
    ),
    st.builds(messages.TwinReported, DOCUMENT, st.none()),
    st.builds(messages.ConfigApplied, SEQUENCE, st.none() | TEXT),
    st.builds(
        messages.IrLearned,
        UID,
        st.integers(limits.MIN_IR_FREQUENCY_HZ, limits.MAX_IR_FREQUENCY_HZ),
        st.lists(st.integers(1, limits.MAX_IR_TIMING_US), min_size=2, max_size=6).map(tuple),
    ),
)
DOWN = st.one_of(
    st.builds(messages.Welcome, SEQUENCE, MOMENT, st.integers(1, 3600), SEQUENCE, SEQUENCE),
    st.builds(messages.SetRelay, UID, st.integers(0, 255), st.booleans(), MOMENT),
    st.builds(messages.SetAllRelays, UID, st.booleans(), MOMENT),
    st.builds(messages.Command, UID, KIND, st.dictionaries(TEXT, FLOAT | TEXT), MOMENT),
    st.builds(messages.Cancel, UID),
    st.builds(messages.Config, SEQUENCE, DOCUMENT),
    st.builds(messages.TwinDesired, SEQUENCE, DOCUMENT),
    st.builds(messages.TwinAck, REFERENCE, SEQUENCE),
    st.builds(messages.TelemetryAck, REFERENCE, st.integers(-1, limits.INT64_MAX)),
    st.builds(messages.SensorAck, REFERENCE),
    st.builds(
        messages.Error,
        KIND,
        TEXT,
        st.none() | st.floats(0, limits.MAX_RETRY_AFTER_SECONDS),
    ),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | FLOAT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(UP)
def test_what_a_device_says_the_server_understands(message: messages.UpMessage) -> None:
    assert codec.decode_up(codec.encode(message)) == message
    assert codec.decode_up(codec.encode(message).encode()) == message


@given(DOWN)
def test_what_the_server_says_a_device_understands(message: messages.DownMessage) -> None:
    assert codec.decode_down(codec.encode(message)) == message


@given(
    kind=st.sampled_from([message.type for message in messages.Message.__args__]),
    name=st.sampled_from(
        [
            "uid",
            "token",
            "command_id",
            "status",
            "relays",
            "error",
            "boot_id",
            "readings",
            "sensors",
            "report_id",
            "attributes",
            "seq",
            "metrics",
            "at",
            "kind",
            "payload",
            "expires_at",
            "retry_after",
            "result",
            "progress",
            "document",
            "patch",
            "desired",
            "config",
            "version",
            "timings",
            "server_time",
        ]
    ),
    value=ANYTHING,
)
def test_a_member_of_any_kind_is_understood_or_refused(kind: str, name: str, value: Any) -> None:
    frame = strict_json.dumps({"type": kind, name: value})
    for decode in (codec.decode_up, codec.decode_down):
        try:
            decode(frame)
        except ProtocolError as refusal:
            assert refusal.code  # accepting is just as right an outcome
            assert len(refusal.message) < 400


@given(st.binary(max_size=100) | st.text(max_size=100))
def test_garbage_is_only_ever_a_protocol_error(frame: bytes | str) -> None:
    with pytest.raises(ProtocolError):
        codec.decode_up(frame)


def test_the_largest_batch_of_readings_is_bounded() -> None:
    readings = [{"seq": seq, "metrics": {"a": 1}} for seq in range(limits.MAX_READINGS + 1)]
    body = {"type": "telemetry", "boot_id": "b", "readings": readings}
    with pytest.raises(ProtocolError) as refusal:
        codec.decode_up(strict_json.dumps(body))
    assert refusal.value.field == "/readings"
    body["readings"] = readings[:-1]
    decoded = codec.decode_up(strict_json.dumps(body))
    assert isinstance(decoded, messages.Telemetry)
    assert len(decoded.readings) == limits.MAX_READINGS


def test_a_reading_of_too_many_metrics_is_refused_alone() -> None:
    crowded = {f"m{index}": 1 for index in range(limits.MAX_METRICS + 1)}
    body = {
        "type": "telemetry",
        "boot_id": "b",
        "readings": [{"seq": 1, "metrics": crowded}, {"seq": 2, "metrics": {"a": 1}}],
    }
    decoded = codec.decode_up(strict_json.dumps(body))
    assert isinstance(decoded, messages.Telemetry)
    assert [reading.seq for reading in decoded.readings] == [2]
    assert [verdict.reason for verdict in decoded.rejected] == ["too_many_metrics"]


def test_a_secret_is_not_repeated_in_the_refusal() -> None:
    with pytest.raises(ProtocolError) as refusal:
        codec.decode_up('{"type":"auth","uid":"a","token":"se cret"}')
    assert "cret" not in refusal.value.message


def test_a_line_end_cannot_hide_behind_an_id() -> None:
    with pytest.raises(ProtocolError):
        codec.decode_up('{"type":"auth","uid":"a\\n","token":"t"}')


def test_a_time_without_zone_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="zone"):
        codec.format_moment(datetime(2026, 1, 1))  # noqa: DTZ001  # the mistake under test


@given(UID, st.sampled_from([*topics.UpChannel, *topics.DownChannel]))
def test_a_topic_is_parsed_into_what_it_was_built_from(uid: str, channel: topics.Channel) -> None:
    topic = topics.build(uid=uid, channel=channel)
    assert topics.parse(topic) == topics.Topic(uid=uid, channel=channel)


@pytest.mark.parametrize("uid", ["", "+", "#", "a/b", "a b", "x" * 65, "a\n"])
def test_no_wildcard_or_slash_gets_into_a_topic(uid: str) -> None:
    with pytest.raises(topics.InvalidTopic):
        topics.build(uid=uid, channel=topics.DownChannel.COMMAND)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "homepot/v1/a",
        "homepot/v1//ack",
        "homepot/v2/a/ack",
        "x/homepot/v1/a/ack",
        "homepot/v1/a/ack/",
        "homepot/v1/a/nothing",
        "homepot/v1/+/ack",
        "homepot/v1/a/b/ack",
    ],
)
def test_a_foreign_topic_is_refused(topic: str) -> None:
    with pytest.raises(topics.InvalidTopic):
        topics.parse(topic)


def test_the_server_subscribes_to_every_device_and_can_share_the_work() -> None:
    assert topics.subscription(topics.UpChannel.TELEMETRY) == "homepot/v1/+/telemetry"
    shared = topics.subscription(topics.UpChannel.ACK, share="ingest")
    assert shared == "$share/ingest/homepot/v1/+/ack"


def sensor_report(**members: Any) -> messages.SensorReport:
    decoded = codec.decode_up(strict_json.dumps({"type": "sensor_report", **members}))
    assert isinstance(decoded, messages.SensorReport)
    return decoded


@given(st.lists(ANYTHING | st.dictionaries(st.sampled_from(["sensor", "kind", "value"]), ANYTHING)))
def test_whatever_stands_beside_it_a_good_sensor_item_is_understood(beside: list[Any]) -> None:
    good = {"sensor": "good", "kind": "light", "value": 1}
    report = sensor_report(sensors=[*beside, good])
    assert report.sensors[-1] == messages.SensorReading("good", "light", 1)
    assert len(report.sensors) + len(report.rejected) == len(beside) + 1


@pytest.mark.parametrize(
    ("value", "is_usable"),
    [
        ("x" * limits.MAX_SENSOR_TEXT_CHARS, True),
        ("x" * (limits.MAX_SENSOR_TEXT_CHARS + 1), False),
        ({"a": "x" * (limits.MAX_SENSOR_OBJECT_BYTES - len('{"a":""}'))}, True),
        ({"a": "x" * (limits.MAX_SENSOR_OBJECT_BYTES - len('{"a":""}') + 1)}, False),
        ({"a": "é" * (limits.MAX_SENSOR_OBJECT_BYTES // 2)}, False),
        (limits.INT64_MAX, True),
    ],
)
def test_what_a_sensor_says_is_bounded(value: Any, is_usable: bool) -> None:
    report = sensor_report(
        sensors=[{"sensor": "a", "kind": "other", "value": value}], attributes={"a": "b"}
    )
    assert [one.reason for one in report.rejected] == ([] if is_usable else ["value_invalid"])
    assert len(report.sensors) == is_usable


def test_the_largest_sensor_report_is_bounded() -> None:
    items = [
        {"sensor": f"s{index}", "kind": "other", "value": 1}
        for index in range(limits.MAX_SENSOR_READINGS + 1)
    ]
    with pytest.raises(ProtocolError) as refusal:
        sensor_report(sensors=items)
    assert refusal.value.field == "/sensors"
    assert len(sensor_report(sensors=items[:-1]).sensors) == limits.MAX_SENSOR_READINGS


def test_further_attributes_are_refused_and_the_first_ones_kept() -> None:
    report = sensor_report(
        attributes={f"a{index}": "x" for index in range(limits.MAX_ATTRIBUTES + 2)}
    )
    assert len(report.attributes or {}) == limits.MAX_ATTRIBUTES
    assert report.rejected_attributes == {
        "a64": "too_many_attributes",
        "a65": "too_many_attributes",
    }
