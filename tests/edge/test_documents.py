"""What may be a document, and what a frame around one may weigh."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import codec, documents, limits, strict_json
from edge.protocol.errors import TOO_LARGE, ProtocolError


def nested(levels: int) -> dict[str, Any]:
    inner: Any = 1
    for _ in range(levels):
        inner = {"a": inner}
    return {"x": inner} if not isinstance(inner, dict) else inner


def of_size(size: int) -> dict[str, str]:
    return {"a": "x" * (size - len('{"a":""}'))}


@pytest.mark.parametrize(
    ("document", "code", "pointer"),
    [
        ([], documents.NOT_AN_OBJECT, ""),
        (None, documents.NOT_AN_OBJECT, ""),
        (nested(11), documents.TOO_DEEP, "/a" * 10),
        ({"l": [[[[[[[[[[1]]]]]]]]]]}, documents.TOO_DEEP, "/l" + "/0" * 9),
        (of_size(limits.MAX_DOCUMENT_BYTES + 1), documents.TOO_LARGE, ""),
        ({"a": {"k" * 129: 1}}, documents.KEY_TOO_LONG, "/a"),
        ({"a/b": {"~": float("nan")}}, documents.NOT_JSON, "/a~1b/~0"),
        ({"a": [1, 2**63]}, documents.NOT_JSON, "/a/1"),
        ({"a": "\0"}, documents.NOT_JSON, "/a"),
        ({"a": "\ud800"}, documents.NOT_JSON, "/a"),
        ({"a\0": 1}, documents.NOT_JSON, ""),
        ({1: 1}, documents.NOT_JSON, ""),
        ({"a": b"x"}, documents.NOT_JSON, "/a"),
    ],
)
def test_what_is_no_document_is_told_why_and_where(document: Any, code: str, pointer: str) -> None:
    problem = documents.problem_with(document)
    assert problem is not None
    assert (problem.code, problem.pointer) == (code, pointer)


@pytest.mark.parametrize(
    "document",
    [{}, nested(10), of_size(limits.MAX_DOCUMENT_BYTES), {"k" * 128: None, "": [True, 1.5, "é"]}],
)
def test_a_document_at_its_limits_is_one(document: dict[str, Any]) -> None:
    assert documents.problem_with(document) is None


def test_the_size_is_that_of_compact_utf8() -> None:
    assert documents.size_of({"ä": 1}) == len('{"ä":1}'.encode())
    exact = {"a": "é" * ((limits.MAX_DOCUMENT_BYTES - 8) // 2)}
    assert documents.problem_with(exact) is None
    assert documents.problem_with({"a": exact["a"] + "é"}) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_a_document_is_what_the_strict_decoder_takes(document: dict[str, Any]) -> None:
    try:
        text = strict_json.dumps(document)
        strict_json.loads(text.encode(), max_depth=limits.MAX_DOCUMENT_DEPTH)
        is_taken = True
    except ValueError:
        is_taken = False
    assert (documents.problem_with(document) is None) is is_taken


@pytest.mark.parametrize(
    ("kind", "member", "rest"),
    [
        ("twin_reported", "document", ""),
        ("twin_desired", "desired", ',"version":1'),
        ("config", "config", ',"version":1'),
        ("command", "payload", ',"command_id":"c","kind":"k","expires_at":"2026-11-21T10:00:00Z"'),
    ],
)
def test_a_frame_around_the_largest_document_is_understood(
    kind: str, member: str, rest: str
) -> None:
    decode = codec.decode_up if kind == "twin_reported" else codec.decode_down
    frame = f'{{"type":"{kind}","{member}":%s{rest}}}'
    largest = strict_json.dumps(of_size(limits.MAX_DOCUMENT_BYTES))
    assert len(frame % largest) > limits.MAX_FRAME_BYTES
    assert decode(frame % largest)
    padding = " " * (limits.MAX_DOCUMENT_FRAME_BYTES + 1 - len(frame % largest))
    with pytest.raises(ProtocolError) as refusal:
        decode(frame % (largest + padding))
    assert refusal.value.code == TOO_LARGE


@pytest.mark.parametrize("fill", ["x", "é"])
def test_all_other_frames_keep_to_their_limit(fill: str) -> None:
    envelope = '{"type":"heartbeat","more":"%s"}'
    count = (limits.MAX_FRAME_BYTES - len(envelope) + 2) // len(fill.encode())
    assert codec.decode_up(envelope % (fill * count))
    for frame in (envelope % (fill * (count + 2)), (envelope % (fill * (count + 2))).encode()):
        with pytest.raises(ProtocolError) as refusal:
            codec.decode_up(frame)
        assert (refusal.value.code, refusal.value.reason) == (TOO_LARGE, TOO_LARGE)


def test_a_result_is_smaller_than_a_document() -> None:
    frame = '{"type":"ack","command_id":"c","status":"succeeded","result":%s}'
    assert codec.decode_up(frame % strict_json.dumps(of_size(limits.MAX_RESULT_BYTES)))
    with pytest.raises(ProtocolError) as refusal:
        codec.decode_up(frame % strict_json.dumps(of_size(limits.MAX_RESULT_BYTES + 1)))
    assert refusal.value.field == "/result"
