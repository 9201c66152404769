"""JSON Merge Patch as RFC 7396 has it, and the way back: a patch from two documents."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol.merge_patch import NotExpressible, apply_patch, are_same, patch_between

# RFC 7396, appendix A: original, patch, result.
TABLE: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
SCALAR = st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 0.5]) | st.text(max_size=3)
KEY = st.sampled_from(["a", "b", "c", ""])
FULL = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEY, inner, max_size=3)
)
WITH_NULLS = st.recursive(
    st.none() | SCALAR,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEY, inner, max_size=3),
)
DOCUMENT = st.dictionaries(KEY, FULL, max_size=3)


@pytest.mark.parametrize(("original", "patch", "result"), TABLE)
def test_the_table_of_the_rfc(original: Any, patch: Any, result: Any) -> None:
    assert apply_patch(original, patch) == result


@given(target=WITH_NULLS, patch=WITH_NULLS)
def test_neither_document_is_changed_and_a_patch_twice_is_a_patch_once(
    target: Any, patch: Any
) -> None:
    before = copy.deepcopy((target, patch))
    once = apply_patch(target, patch)
    assert (target, patch) == before
    assert are_same(apply_patch(once, patch), once)


@given(source=st.dictionaries(KEY, WITH_NULLS, max_size=3), target=DOCUMENT)
def test_the_patch_between_two_documents_leads_from_one_to_the_other(
    source: dict[str, Any], target: dict[str, Any]
) -> None:
    patch = patch_between(source, target)
    assert are_same(apply_patch(source, patch), target)
    assert (patch == {}) is are_same(source, target)


@pytest.mark.parametrize("target", [{"a": None}, {"a": {"b": None}}])
def test_a_null_that_is_new_cannot_be_said_by_a_patch(target: dict[str, Any]) -> None:
    with pytest.raises(NotExpressible):
        patch_between({"a": 1}, target)
    assert patch_between(target, {**target, "b": 1}) == {"b": 1}, "one that was there stays"


def test_true_is_not_one_and_one_is_one_point_zero() -> None:
    assert patch_between({"a": 1, "b": [1]}, {"a": 1.0, "b": [1.0]}) == {}
    assert patch_between({"a": 1, "b": [0]}, {"a": True, "b": [False]}) == {"a": True, "b": [False]}
