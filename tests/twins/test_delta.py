"""The delta: named examples, and random documents against a slow and plain second opinion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from tests.twins.strategies import DOCUMENTS
from twins import delta
from twins.pointers import MISSING, parse, pointer

ABSENT = object()


def by_verdict(desired: Any, reported: Any, *buried: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for difference in delta.compare(desired, reported, {place: [0, 1] for place in buried}):
        found.setdefault(difference.verdict.value, []).append(pointer(difference.parts))
    return found


@pytest.mark.parametrize(
    ("desired", "reported", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"added": ["/a"]}),
        ({"a": None}, {}, {"added": ["/a"]}),
        ({"a": None}, {"a": None}, {"unchanged": ["/a"]}),
        ({"a": None}, {"a": 0}, {"changed": ["/a"]}),
        ({"a": 1}, {"a": 1.0}, {"unchanged": ["/a"]}),
        ({"a": 1}, {"a": True}, {"changed": ["/a"]}),
        ({"a": 0}, {"a": False}, {"changed": ["/a"]}),
        ({"a": "1"}, {"a": 1}, {"changed": ["/a"]}),
        ({"a": [1, 2]}, {"a": [1.0, 2]}, {"unchanged": ["/a"]}),
        ({"a": [1, True]}, {"a": [1, 1]}, {"changed": ["/a"]}),
        ({"a": [1, 2]}, {"a": [2, 1]}, {"changed": ["/a"]}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, {"changed": ["/a"]}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "own": 2}, "own": 3}, {"unchanged": ["/a/b"]}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2}}, {"changed": ["/a/b"], "added": ["/a/c"]}),
        ({"a": {"b": 1}}, {"a": 5}, {"changed": ["/a"]}),
        ({"a": 5}, {"a": {"b": 1}}, {"changed": ["/a"]}),
        ({"a": {"b": {"c": 1}}}, {}, {"added": ["/a/b/c"]}),
        ({"a": {}}, {}, {"added": ["/a"]}),
        ({"a": {}}, {"a": {"own": 1}}, {"unchanged": ["/a"]}),
        ({"a": {}}, {"a": []}, {"changed": ["/a"]}),
        ({"a/b": 1, "~": 2, "": 3}, {}, {"added": ["/a~1b", "/~0", "/"]}),
    ],
)  # fmt: skip
def test_what_differs_is_told_at_its_place(
    desired: Any, reported: Any, expected: dict[str, list[str]]
) -> None:
    assert by_verdict(desired, reported) == expected
    assert delta.is_in_sync(desired, reported, {}) == (set(expected) <= {"unchanged"})


def test_what_was_desired_once_and_is_still_reported_is_removed() -> None:
    assert by_verdict({}, {"a": {"b": 1}, "own": 2}, "/a/b") == {"removed": ["/a/b"]}
    assert not delta.is_in_sync({}, {"a": {"b": None}}, {"/a/b": [0, 1]})
    assert delta.is_in_sync({}, {"a": {}}, {"/a/b": [0, 1]})


@given(DOCUMENTS, DOCUMENTS)
def test_random_documents_get_the_verdicts_of_a_plain_second_opinion(
    desired: dict[str, Any], reported: dict[str, Any]
) -> None:
    found = {
        pointer(difference.parts): difference.verdict.value
        for difference in delta.compare(desired, reported, {})
    }
    assert found == dict(second_opinion("", desired, reported))


@given(DOCUMENTS)
def test_a_device_that_reports_what_is_desired_is_in_sync(document: dict[str, Any]) -> None:
    assert delta.is_in_sync(document, document, {})
    assert delta.is_in_sync({}, document, {})


@given(DOCUMENTS, DOCUMENTS)
def test_the_values_of_a_difference_are_those_at_its_place(
    desired: dict[str, Any], reported: dict[str, Any]
) -> None:
    for difference in delta.compare(desired, reported, {}):
        path = pointer(difference.parts)
        assert parse(path) == difference.parts
        assert at(desired, difference.parts) is difference.desired
        assert at(reported, difference.parts) is difference.reported


def at(document: Any, parts: tuple[str, ...]) -> Any:
    for part in parts:
        if not isinstance(document, dict) or part not in document:
            return MISSING
        document = document[part]
    return document


def second_opinion(path: str, desired: Any, reported: Any) -> Any:
    """The same by walking the desired document only, one case after the other."""
    for name, wish in desired.items():
        place = path + "/" + name.replace("~", "~0").replace("/", "~1")
        has = reported.get(name, ABSENT)
        if isinstance(wish, dict) and wish and has is ABSENT:
            yield from second_opinion(place, wish, {})
        elif isinstance(wish, dict) and wish and isinstance(has, dict):
            yield from second_opinion(place, wish, has)
        elif has is ABSENT:
            yield place, "added"
        elif wish == {} and isinstance(has, dict):
            yield place, "unchanged"
        else:
            yield place, "unchanged" if plain(wish) == plain(has) else "changed"


def plain(value: Any) -> Any:
    """A form in which Python's own equality is that of JSON."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, (int, float)):
        return ("number", value)
    if isinstance(value, Mapping):
        return ("object", {name: plain(member) for name, member in value.items()})
    return ("list", [plain(item) for item in value])
