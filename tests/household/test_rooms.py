"""Rooms are tags: what is named is found again, whatever else a device is tagged with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.tag_names import parsed, parsed_all, written
from household import rooms

_PART = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="="),
    min_size=1,
    max_size=rooms.MAX_LENGTH,
)


@given(room=_PART, others=st.lists(_PART.filter(lambda key: key != rooms.KEY), max_size=5))
def test_a_room_that_makes_a_tag_is_read_back_from_the_tags(room: str, others: list[str]) -> None:
    tags = written(parsed_all([*others, rooms.tag_of(room)]).values())
    assert rooms.room_of(tags) == parsed(rooms.tag_of(room)).value


@given(tags=st.lists(_PART.filter(lambda key: key != rooms.KEY), max_size=5))
def test_without_the_tag_there_is_no_room(tags: list[str]) -> None:
    assert rooms.room_of([*tags, rooms.KEY, f"{rooms.KEY}s=Hall"]) == ""
