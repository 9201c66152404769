"""Many histories read as one: pages in any direction are the whole, each entry once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timeline import merging
from timeline.types import Entry, Key, Window

BEGIN = datetime(2026, 3, 29, tzinfo=UTC)
# Hypothesis wants it without a zone.
_FIRST = datetime(1970, 1, 2, tzinfo=UTC).replace(tzinfo=None)
NAMES = ("audit", "command", "connection", "desired")


def entry(stream: str, second: int, number: int) -> Entry:
    return Entry(
        key=Key(BEGIN + timedelta(seconds=second), stream, number),
        source="audit",
        code="x",
        title="X",
    )


# Few moments and few streams: most entries share their moment with others.
histories = st.dictionaries(
    st.sampled_from(NAMES),
    st.lists(st.integers(min_value=0, max_value=3), max_size=9),
).map(
    lambda found: {
        name: [entry(name, second, number) for number, second in enumerate(seconds, 1)]
        for name, seconds in found.items()
    }
)


def read(stream: str, rows: Sequence[Entry], window: Window) -> list[Entry]:
    """What a table gives for a window, by the rule that the database's statements follow."""
    edge = window.edge
    reach = merging.reach(stream, window)

    def is_beyond(row: Entry) -> bool:
        if edge is None:
            return True
        if row.at == edge.at:
            if reach == merging.SOME_OF_IT:
                return (row.key.number > edge.number) == window.is_newer and (
                    row.key.number != edge.number
                )
            return reach == merging.ALL_OF_IT
        return (row.at > edge.at) == window.is_newer

    beyond = [row for row in rows if is_beyond(row)]
    beyond.sort(key=lambda row: (row.at, row.key.number), reverse=not window.is_newer)
    return beyond[: window.limit + 1]


def page(found: dict[str, list[Entry]], window: Window) -> merging.Page:
    return merging.joined([read(name, rows, window) for name, rows in found.items()], window)


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(min_value=1, max_value=5))
def test_pages_to_the_past_are_the_whole_in_order(
    found: dict[str, list[Entry]], limit: int
) -> None:
    whole = sorted((row.key for rows in found.values() for row in rows), reverse=True)
    told: list[Key] = []
    edge = None
    while True:
        part = page(found, Window(limit=limit, edge=edge))
        told += [row.key for row in part.entries]
        assert part.has_older == (len(told) < len(whole))
        if not part.has_older:
            break
        edge = told[-1]
    assert told == whole


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(min_value=1, max_value=5), st.data())
def test_pages_to_the_present_begin_after_the_edge_and_leave_nothing_out(
    found: dict[str, list[Entry]], limit: int, data: st.DataObject
) -> None:
    whole = sorted(row.key for rows in found.values() for row in rows)
    if not whole:
        return
    begin = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    edge, told = whole[begin], []
    while True:
        part = page(found, Window(limit=limit, edge=edge, is_newer=True))
        told += [row.key for row in reversed(part.entries)]
        if not part.has_newer:
            break
        edge = told[-1]
    assert told == whole[begin + 1 :]


@given(
    st.datetimes(timezones=st.just(UTC), min_value=_FIRST),
    st.sampled_from(NAMES),
    st.integers(min_value=1, max_value=2**63 - 1),
)
def test_a_cursor_carries_its_key_to_the_microsecond(
    at: datetime, stream: str, number: int
) -> None:
    key = Key(at, stream, number)
    assert merging.key_of(merging.cursor_of(key), streams=NAMES) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.audit",
        "1.audit.",
        "x.audit.1",
        "1.nothing.1",
        "-1.audit.1",
        "1.audit.1.1",
        f"{10**30}.audit.1",
        f"1.audit.{2**63}",
        "١.audit.1",
        "1.audit." + "9" * 500,
    ],
)
def test_what_was_never_given_out_is_no_cursor(text: str) -> None:
    with pytest.raises(merging.NotACursor):
        merging.key_of(text, streams=NAMES)
