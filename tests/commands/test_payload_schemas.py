"""Judging payloads, and the schemas that tenants bring: plain functions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from commands import pattern_cost, registry
from commands.payload_schemas import problems_with
from commands.schema_rules import MAX_VALUES, is_too_many, problems_with_schema


def of_field(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}}


@pytest.mark.parametrize("kind", registry.kinds(), ids=lambda kind: kind.name)
def test_the_kinds_of_the_product_have_schemas_that_a_form_can_be_drawn_from(kind: Any) -> None:
    Draft202012Validator.check_schema(kind.schema)
    assert kind.title
    if kind.name != "custom":
        assert kind.schema["additionalProperties"] is False
        for name, field in kind.schema["properties"].items():
            assert field.get("title"), f"{kind.name}.{name} has no title"


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "integer"}, "3", "Send a whole number."),
        ({"type": "integer"}, True, "Send a whole number."),
        ({"type": "integer"}, 1.0, "Send a whole number."),
        ({"type": ["string", "null"]}, 3, "Send text or null."),
        ({"enum": ["a", 1]}, "b", 'One of "a", 1.'),
        ({"const": True}, False, "One of true."),
        ({"minimum": 3}, 2, "At least 3."),
        ({"exclusiveMaximum": 3}, 3, "Less than 3."),
        ({"multipleOf": 5}, 7, "A multiple of 5."),
        ({"maxLength": 2}, "abc", "At most 2 characters."),
        ({"minItems": 1}, [], "At least 1 items."),
        ({"uniqueItems": True}, [1, 1], "Each item once."),
        ({"pattern": "^a$"}, "b", "This must match ^a$"),
        ({"pattern": "^a"}, "a" * 129, "This must match ^a"),
        ({"format": "date-time"}, "2026-13-01T00:00:00Z", "This is no date-time."),
        ({"format": "date-time"}, "2026-12-01", "This is no date-time."),
        ({"format": "uuid"}, "1", "This is no uuid."),
        ({"not": {"const": 0}}, 0, "This value is not allowed."),
        ({"anyOf": [{"type": "null"}, {"minimum": 3}]}, 1, "This fits none of the forms that are allowed."),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "At most 1 characters."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(schema: dict[str, Any], value: Any, said: str) -> None:
    assert problems_with({"x": value}, of_field(schema)) == {"/payload/x": [said]}


@pytest.mark.parametrize(
    ("format_name", "value"),
    [
        ("date-time", "2026-12-01T10:00:00.5Z"),
        ("date-time", "2026-12-01t10:00:00+02:00"),
        ("ipv4", "192.0.2.1"),
        ("date-time", 7),
    ],
)
def test_what_has_its_format_passes(format_name: str, value: Any) -> None:
    assert problems_with({"x": value}, of_field({"format": format_name})) == {}


def test_pointers_lead_to_the_field_whatever_its_name() -> None:
    schema = of_field({"additionalProperties": {"items": {"type": "string"}}})
    found = problems_with({"x": {"a/b~c": ["ok", 3]}}, schema)
    assert found == {"/payload/x/a~1b~0c/1": ["Send text."]}


def test_a_payload_is_bounded_before_it_is_judged() -> None:
    nested: Any = 1
    for _ in range(11):
        nested = {"a": nested}
    assert list(problems_with(nested, {})) == ["/payload" + "/a" * 10]
    assert list(problems_with({"a": "x" * 16_384}, {})) == ["/payload"]
    assert list(problems_with({"a": "\0"}, {})) == ["/payload/a"]
    assert list(problems_with([], {})) == ["/payload"]
    assert not is_too_many({"a": [1] * (MAX_VALUES - 2)})
    assert is_too_many({"a": [1] * (MAX_VALUES - 1)})


def test_no_more_is_told_than_can_be_read() -> None:
    schema = {"type": "object", "required": [f"f{n}" for n in range(500)]}
    assert len(problems_with({}, schema)) == 20
    wrong = problems_with({"x": list(range(3000))}, of_field({"items": {"type": "null"}}))
    assert len(wrong) == 20


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ([], "/schema"),
        ({"type": "array"}, "/schema/type"),
        ({"properties": {}}, "/schema/type"),
        (of_field({"type": "integr"}), "/schema/properties/x/type"),
        (of_field({"minimum": "3"}), "/schema/properties/x/minimum"),
        (of_field({"requird": ["a"]}), "/schema/properties/x/requird"),
        (of_field({"$ref": "https://example.com/x"}), "/schema/properties/x/$ref"),
        (of_field({"$ref": "#"}), "/schema/properties/x/$ref"),
        (of_field({"items": {"$dynamicRef": "#a"}}), "/schema/properties/x/items/$dynamicRef"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "/schema/$schema"),
        (of_field({"patternProperties": {"(a+)+$": {}}}), "/schema/properties/x/patternProperties"),
        (of_field({"pattern": "(a+)+$"}), "/schema/properties/x/pattern"),
        (of_field({"pattern": "["}), "/schema/properties/x/pattern"),
        (of_field({"pattern": "^a", "maxLength": 500}), "/schema/properties/x/maxLength"),
        (of_field({"format": "regex"}), "/schema/properties/x/format"),
        (of_field({"enum": list(range(101))}), "/schema/properties/x/enum"),
        (of_field({"allOf": [{}] * 300}), "/schema"),
        (of_field({"allOf": [{"pattern": "^a*b*c$"}] * 20}), "/schema"),
        (of_field({"description": "x" * 17_000}), "/schema"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_refused_with_a_pointer(schema: Any, pointer: str) -> None:
    assert pointer in problems_with_schema(schema)


def test_a_schema_that_a_form_needs_passes() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Announcement",
        "properties": {
            "text": {"type": "string", "maxLength": 100, "examples": ["Closing in ten minutes"]},
            "language": {"enum": ["de", "en"], "default": "en"},
            "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,4}$", "maxLength": 7},
            "at": {"type": "string", "format": "date-time"},
            "zones": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        },
        "required": ["text"],
        "if": {"required": ["at"]},
        "then": {"required": ["zones"]},
        "additionalProperties": False,
    }
    assert problems_with_schema(schema) == {}
    assert problems_with_schema({}) == {}
    assert problems_with({"text": "Hello", "at": "2026-12-01T10:00:00Z"}, schema) == {
        "/payload/zones": ["This is required."]
    }


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [
        ("^abc$", 1),
        ("abc", 128),
        ("^[a-z]+$", 128),
        ("^a{2,4}$", 3),
        ("^(ab|cd|e)x$", 3),
        ("^[0-9]{1,3}(\\.[0-9]{1,3}){3}$", 81),
        ("^(a?){3}$", 8),
    ],
)
def test_the_ways_through_a_pattern_are_counted(pattern: str, ways: int) -> None:
    assert pattern_cost.ways_of(pattern) == ways


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "^(a|aa)+$", "(a|a)*b", "^(a?){40}a{40}$", "(.*)(.*)(.*)x", "(a|aa){500}b"],
)
def test_patterns_that_can_run_for_ages_are_too_costly(pattern: str) -> None:
    assert pattern_cost.ways_of(pattern) > pattern_cost.MAX_WAYS


@pytest.mark.parametrize("pattern", ["(a)\\1", "(?=a)b", "(?<!a)b", "(?P<n>a)(?P=n)", "(", "a**"])
def test_what_has_no_bound_is_no_pattern_here(pattern: str) -> None:
    with pytest.raises(pattern_cost.Unbounded):
        pattern_cost.ways_of(pattern)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "b", "[ab]", ".", "a?", "b*", "a+", "^a", "b{2,3}"]),
        lambda parts: st.one_of(
            st.tuples(parts, parts).map("".join),
            st.tuples(parts, parts).map(lambda pair: f"({pair[0]}|{pair[1]})"),
            st.tuples(parts, st.sampled_from(["?", "*", "+", "{1,3}"])).map(
                lambda pair: f"({pair[0]}){pair[1]}"
            ),
        ),
        max_leaves=6,
    ),
    st.text("ab", max_size=128),
)
def test_an_accepted_pattern_ends(pattern: str, text: str) -> None:
    """A pattern that the count lets through and that still ran for ages would hang this test."""
    if pattern_cost.ways_of(pattern) <= pattern_cost.MAX_WAYS:
        re.search(pattern, text + "c")


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "properties",
                        "items",
                        "pattern",
                        "enum",
                        "allOf",
                        "required",
                        "$ref",
                        "x",
                    ]
                )
                | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_a_tenant_sends_as_a_schema_is_judged_and_what_passes_can_be_used(
    schema: Any,
) -> None:
    if not problems_with_schema(schema):
        problems_with({"type": 1, "x": ["a", {"b": None}]}, schema)
