"""Versions, stamps, tombstones and merges, as pure functions over random documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol.merge_patch import are_same
from tests.twins.strategies import DOCUMENTS
from twins import stamps
from twins.documents import Decoder, normal, refusal
from twins.history import Change, changes_between, redo, undo
from twins.merging import merge
from twins.pointers import MISSING, is_leaf, lookup, parse, pointer


@given(DOCUMENTS, DOCUMENTS)
def test_changes_lead_there_and_back(old: dict[str, Any], new: dict[str, Any]) -> None:
    changes = changes_between(old, new)
    stored = [Change.of(json.loads(json.dumps(change.as_json()))) for change in changes]
    assert are_same(redo(old, stored), new)
    assert are_same(undo(new, stored), old)
    assert (not changes) == are_same(old, new)


@given(DOCUMENTS, DOCUMENTS)
def test_changes_touch_no_place_twice(old: dict[str, Any], new: dict[str, Any]) -> None:
    places = [change.parts for change in changes_between(old, new)]
    assert not any(one != other and other[: len(one)] == one for one in places for other in places)


@given(st.lists(DOCUMENTS, min_size=1, max_size=5))
def test_every_leaf_has_the_stamp_of_its_last_change(versions: list[dict[str, Any]]) -> None:
    tree: Any = {}
    held: dict[str, Any] = {}
    since: dict[str, int] = {}
    for at, document in enumerate(versions, start=1):
        tree = stamps.restamped(tree, held, document, at) if document else {}
        leaves = dict(leaves_of("", document))
        before = dict(leaves_of("", held))
        since = {
            place: since[place] if place in before and are_same(before[place], value) else at
            for place, value in leaves.items()
        }
        held = document
    assert dict(leaves_of("", tree)) == since
    for place, at in since.items():
        assert stamps.newest(tree, parse(place)) == at


@given(DOCUMENTS, DOCUMENTS)
def test_what_is_desired_no_more_has_a_tombstone(old: dict[str, Any], new: dict[str, Any]) -> None:
    buried = stamps.bury({}, changes_between(old, new), new, at=7, version=2)
    gone = {place for place, _ in leaves_of("", old) if not is_part_of(new, parse(place))}
    assert set(buried) == gone
    assert all(facts == [7, 2] for facts in buried.values())
    # Desired again, it has none.
    assert not stamps.bury(buried, changes_between(new, old), old, at=8, version=3).keys() & gone


def test_a_tombstone_goes_once_the_device_has_given_the_place_up_and_knows() -> None:
    buried = {"/a": [1, 5], "/b": [1, 5]}
    assert stamps.lay_to_rest(buried, {"b": 1}, 5) == {"/b": [1, 5]}
    assert stamps.lay_to_rest(buried, {}, 4) == buried
    assert stamps.lay_to_rest(buried, {}, 5) == {}


def test_no_more_than_a_thousand_tombstones_are_kept_and_they_are_the_newest() -> None:
    buried = {f"/{number}": [0, number] for number in range(1_500)}
    left = stamps.bury(buried, [], {}, at=0, version=1_500)
    assert set(left) == {f"/{number}" for number in range(500, 1_500)}


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_merge_has_both_changes_or_names_the_places(
    base: dict[str, Any], theirs: dict[str, Any], yours: dict[str, Any]
) -> None:
    merged = merge(base, theirs, yours)
    if merged.document is None:
        assert merged.overlapping
        return
    assert not merged.overlapping
    for document in (theirs, yours):
        for change in changes_between(base, document):
            assert are_same_or_missing(lookup(merged.document, change.parts), change.new)
    other_way = merge(base, yours, theirs)
    assert other_way.document is not None
    assert are_same(other_way.document, merged.document)


def test_changes_of_different_places_merge_and_of_the_same_place_do_not() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 1}
    assert merge(base, {"a": {"x": 5, "y": 2}, "b": 1}, {"a": {"x": 1, "y": 6}}).document == {
        "a": {"x": 5, "y": 6}
    }
    assert merge(base, base | {"b": 2}, base | {"b": 3}).overlapping == (("b",),)
    assert merge(base, base | {"b": 2}, base | {"b": 2}).document == base | {"b": 2}
    # One takes away what the other changes something in.
    assert merge(base, {"b": 1}, base | {"a": {"x": 9, "y": 2}}).overlapping == (("a", "x"),)


@pytest.mark.parametrize(
    "number", [1.0, 0.1, -0.0, 2.0**53, 2.0**60, 1.2345678901234568e18, 1e23, -1e300, 5e-324]
)
def test_a_number_means_the_same_after_it_was_stored(number: float) -> None:
    kept = normal({"n": number})
    assert kept["n"] == number
    # PostgreSQL keeps numbers as decimals, and writes those without a fraction as integers.
    digits = f"{number:f}" if abs(number) >= 1 else json.dumps(kept["n"])
    stored = digits.removesuffix(".000000") if isinstance(kept["n"], float) else str(kept["n"])
    assert are_same(json.loads(f'{{"n": {stored}}}', cls=Decoder), kept)


def test_what_cannot_be_a_document_is_refused_with_its_place() -> None:
    assert refusal({"a": {"b": [1, None, "x"]}}) is None
    assert list(refusal({"a": {"b": "\0"}}) or {}) == ["/a/b"]
    assert list(refusal({"a": "x" * 65_536}) or {}) == ["/"]
    deep: dict[str, Any] = {}
    for _ in range(10):
        deep = {"d": deep}
    assert list(refusal(deep) or {}) == ["/d" * 10]


def leaves_of(path: str, value: Any) -> Any:
    for name, member in value.items():
        place = path + pointer((name,))
        if is_leaf(member):
            yield place, member
        else:
            yield from leaves_of(place, member)


def is_part_of(document: Any, parts: tuple[str, ...]) -> bool:
    """Whether a place is there, or somebody desires a value above it."""
    for part in parts:
        if not isinstance(document, dict):
            return True
        if part not in document:
            return False
        document = document[part]
    return True


def are_same_or_missing(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return are_same(one, other)
