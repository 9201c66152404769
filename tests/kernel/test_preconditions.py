"""If-Match and If-None-Match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import preconditions
from kernel.preconditions import EntityTag, EntityTags, MalformedPrecondition

CHARACTERS = st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f')
TAGS = st.builds(EntityTag, st.text(CHARACTERS, max_size=12), st.booleans())
SPACE = st.text(" \t", max_size=3)
SOME_TAGS = st.lists(TAGS, min_size=1, max_size=6)


@given(SOME_TAGS, st.data())
def test_a_list_is_read_whatever_its_spaces_and_empty_elements(
    tags: list[EntityTag], data: st.DataObject
) -> None:
    separators = st.lists(SPACE, min_size=2, max_size=4).map(",".join)
    header = data.draw(SPACE)
    for tag in tags:
        header += str(tag) + data.draw(separators)
    assert preconditions.parse(header) == EntityTags(tuple(tags))


@given(st.text(max_size=30))
def test_any_text_is_tags_or_malformed_and_nothing_else(header: str) -> None:
    try:
        found = preconditions.parse(header)
    except MalformedPrecondition:
        return
    assert found.is_any or found.tags


@given(SOME_TAGS, TAGS)
def test_only_a_strong_tag_that_is_the_same_matches_strongly(
    tags: list[EntityTag], current: EntityTag
) -> None:
    header = ",".join(map(str, tags))
    expected = any(not tag.is_weak and str(tag) == str(current) for tag in tags)
    assert preconditions.if_match_holds(header, current) == expected


@given(SOME_TAGS, TAGS)
def test_strength_does_not_count_for_a_reader(tags: list[EntityTag], current: EntityTag) -> None:
    header = ", ".join(map(str, tags))
    expected = current.opaque in [tag.opaque for tag in tags]
    assert preconditions.is_unchanged(header, current) == expected


@pytest.mark.parametrize(
    "header",
    ["", " ", ",", "1", '"1', '1"', '"1""2"', '"1" "2"', "w/\"1\"", 'W/ "1"', '*, "1"', '"1", *',
     '"a b"', '"\x7f"', '"\u20ac"', "**", "W/*"],
)  # fmt: skip
def test_anything_else_is_malformed(header: str) -> None:
    with pytest.raises(MalformedPrecondition):
        preconditions.parse(header)
    with pytest.raises(MalformedPrecondition):
        preconditions.if_match_holds(header, EntityTag("1"))
    assert not preconditions.is_unchanged(header, EntityTag("1"))


def test_a_star_matches_whatever_exists_and_nothing_else() -> None:
    assert preconditions.if_match_holds(" * ", EntityTag("1"))
    assert not preconditions.if_match_holds("*", None)
    assert preconditions.is_unchanged("*", EntityTag("1"))
    assert not preconditions.is_unchanged("*", None)


def test_a_header_that_was_not_sent_forbids_and_saves_nothing() -> None:
    assert preconditions.if_match_holds(None, None)
    assert not preconditions.is_unchanged(None, EntityTag("1"))


def test_a_numbered_version_has_a_strong_tag() -> None:
    assert str(preconditions.version_tag(7)) == '"7"'
