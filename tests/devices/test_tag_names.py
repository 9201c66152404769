"""How tags are written: pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import tag_names
from devices.tag_names import Tag, WrongTag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("lobby", Tag("lobby")),
        ("  lobby ", Tag("lobby")),
        ("floor=2", Tag("floor", "2")),
        (" floor = 2 ", Tag("floor", "2")),
        ("floor=", Tag("floor")),
        ("url=http://x/?a=b", Tag("url", "http://x/?a=b")),
        ("Küche 👩‍🍳=süß", Tag("Küche 👩‍🍳", "süß")),
    ],
)
def test_the_first_equals_sign_parts_key_and_value(text: str, tag: Tag) -> None:
    assert tag_names.parsed(text) == tag


@pytest.mark.parametrize("text", ["", " ", "=", "=2", "a\nb", "a\0", "x" * 101, "k=" + "v" * 99])
def test_what_is_no_tag_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(WrongTag, match=r"\.$"):
        tag_names.parsed(text)


def test_a_key_has_one_value_and_a_device_fifty_tags() -> None:
    assert tag_names.parsed_all(["b", "", "a=1", "a = 1"]) == {"a": Tag("a", "1"), "b": Tag("b")}
    with pytest.raises(WrongTag, match="'a' has two values"):
        tag_names.parsed_all(["a=1", "a=2"])
    with pytest.raises(WrongTag, match="At most 50"):
        tag_names.parsed_all(map(str, range(51)))


@given(st.text(max_size=120))
def test_a_tag_that_is_written_reads_as_itself(text: str) -> None:
    try:
        tag = tag_names.parsed(text)
    except WrongTag:
        return
    assert tag_names.parsed(str(tag)) == tag_names.kept(str(tag)) == tag
