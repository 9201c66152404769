"""The published vectors and schemas are executed, so that the documents cannot lie."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from edge.protocol import codec, messages
from edge.protocol.errors import ProtocolError

PROTOCOL_DOCS = Path(__file__).parents[2] / "docs" / "protocol"
DECODERS = {"up": codec.decode_up, "down": codec.decode_down}
VECTORS = {
    direction: json.loads((PROTOCOL_DOCS / "vectors" / f"{direction}.json").read_text())
    for direction in DECODERS
}
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in PROTOCOL_DOCS.glob("schema/*.json")}
REGISTRY = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(direction, vector, id=f"{direction}: {vector['name']}")
        for direction, document in VECTORS.items()
        for vector in document[kind]
    ]


def about_one_message() -> list[Any]:
    """The invalid vectors that are JSON of a known type, so that one schema can judge them."""
    return [
        case
        for case in cases("invalid")
        if case.values[1]["code"] == "invalid_field" and case.values[1]["field"] != "/type"
    ]


def named(verdict: Any) -> Any:
    """What a verdict calls the record it is about."""
    return verdict.sensor if isinstance(verdict, messages.RejectedSensor) else verdict.seq


def satisfies_schema(frame: dict[str, Any]) -> bool:
    return bool(Draft202012Validator(SCHEMAS[frame["type"]], registry=REGISTRY).is_valid(frame))


@pytest.mark.parametrize(("direction", "vector"), cases("valid"))
def test_a_valid_vector_decodes_to_its_message(direction: str, vector: dict[str, Any]) -> None:
    message = DECODERS[direction](vector["frame"])
    assert json.loads(codec.encode(message)) == vector["message"]
    verdicts = [[r.index, named(r), r.reason] for r in getattr(message, "rejected", ())]
    assert verdicts == vector.get("rejected", [])
    assert getattr(message, "rejected_attributes", {}) == vector.get("rejected_attributes", {})


@pytest.mark.parametrize(("direction", "vector"), cases("valid"))
def test_a_valid_vector_satisfies_the_published_schema(
    direction: str, vector: dict[str, Any]
) -> None:
    assert satisfies_schema(json.loads(vector["frame"]))
    assert satisfies_schema(vector["message"])


@pytest.mark.parametrize(("direction", "vector"), cases("invalid"))
def test_an_invalid_vector_is_refused_with_its_code(direction: str, vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        DECODERS[direction](vector["frame"])
    assert refusal.value.code == vector["code"]
    assert refusal.value.reason == vector.get("reason", "")
    assert refusal.value.field == vector.get(
        "field", "/type" if vector["code"] == "unknown_type" else ""
    )


@pytest.mark.parametrize(("direction", "vector"), about_one_message())
def test_the_schema_refuses_what_the_codec_refuses(direction: str, vector: dict[str, Any]) -> None:
    assert satisfies_schema(json.loads(vector["frame"])) is vector.get("schema_accepts", False)


def test_every_message_has_a_schema_a_vector_and_a_heading() -> None:
    prose = (PROTOCOL_DOCS / "messages.md").read_text()
    vectors = {v["message"]["type"] for d in VECTORS.values() for v in d["valid"]}
    for union in (messages.UpMessage, messages.DownMessage):
        for message in union.__args__:
            assert message.type in SCHEMAS
            assert message.type in vectors
            assert f"### `{message.type}`" in prose
    assert set(SCHEMAS) == vectors | {"common"}


def test_every_schema_is_itself_valid() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_every_code_is_documented() -> None:
    prose = (PROTOCOL_DOCS / "errors.md").read_text()
    codes = {v["code"] for d in VECTORS.values() for v in d["invalid"]}
    reasons = {v["reason"] for d in VECTORS.values() for v in d["invalid"] if "reason" in v}
    verdicts = {r[2] for d in VECTORS.values() for v in d["valid"] for r in v.get("rejected", ())}
    verdicts |= {
        r for v in VECTORS["up"]["valid"] for r in v.get("rejected_attributes", {}).values()
    }
    undocumented = [code for code in codes | reasons | verdicts if f"`{code}`" not in prose]
    assert undocumented == []
