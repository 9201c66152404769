"""The drawings of the overview: maps that never overlap, curves with their gaps, fair ranking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.choices import Need
from fleet.ranking import SEVERITIES, ranked
from fleet.slots import RANGES, SLOT, slot_of, starts
from fleet.types import Needy
from ops import site_map, trend_lines

NOW = datetime(2026, 11, 21, 23, 52, 7, tzinfo=UTC)
WIDTH, HEIGHT = 780, 400


def spot(number: int, latitude: float, longitude: float, name: str = "") -> site_map.Spot:
    return site_map.Spot(
        key=f"s{number}", name=name or f"Site {number}", text=f"Site {number}: 1 of 1 online",
        href=f"/sites/{number}", latitude=latitude, longitude=longitude, state="good",
        devices=number % 7,
    )  # fmt: skip


PLACES = st.lists(
    st.tuples(st.floats(-90, 90, allow_nan=False), st.floats(-180, 180, allow_nan=False)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(PLACES)
def test_every_site_is_on_the_map_once_and_no_two_marks_touch(
    places: list[tuple[float, float]],
) -> None:
    spots = [spot(number, *place) for number, place in enumerate(places)]

    drawn = site_map.draw(spots, width=WIDTH, height=HEIGHT)

    assert drawn is not None
    assert sorted(each.key for mark in drawn.marks for each in mark.spots) == sorted(
        each.key for each in spots
    )
    for mark in drawn.marks:
        assert 0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT
    for one, other in combinations(drawn.marks, 2):
        assert (one.x - other.x) ** 2 + (one.y - other.y) ** 2 >= site_map.APART**2
    assert len(drawn.meridians) < 40 and len(drawn.parallels) < 40


def test_east_is_right_and_north_is_above_also_across_the_date_line() -> None:
    fiji, samoa = spot(1, -18.0, 178.0), spot(2, -13.8, -172.0)

    drawn = site_map.draw([fiji, samoa], width=WIDTH, height=HEIGHT)

    assert drawn is not None
    placed = {mark.spots[0].key: mark for mark in drawn.marks}
    assert placed["s1"].x < placed["s2"].x
    assert placed["s2"].y < placed["s1"].y
    assert site_map.window([178.0, -172.0]) == (178.0, 188.0)


def test_names_keep_off_each_other_and_off_the_edge() -> None:
    spots = [
        spot(number, 50.0 + number % 3 * 0.1, 9 + number * 0.2, f"A rather long name {number}")
        for number in range(24)
    ]

    drawn = site_map.draw(spots, width=WIDTH, height=HEIGHT)

    assert drawn is not None
    boxes = [_box(mark) for mark in drawn.marks if mark.label]
    assert len(boxes) > 3
    for west, north, east, south in boxes:
        assert west >= 0 and north >= 0 and east <= WIDTH and south <= HEIGHT
    for one, other in combinations(boxes, 2):
        is_beside = one[2] <= other[0] or other[2] <= one[0]
        assert is_beside or one[3] <= other[1] or other[3] <= one[1]
    assert site_map.draw([], width=WIDTH, height=HEIGHT) is None


def _box(mark: site_map.Mark) -> tuple[float, float, float, float]:
    """Where a name stands, six pixels a letter."""
    wide = len(mark.label) * 6
    west = {"start": 0.0, "middle": wide / 2, "end": float(wide)}[mark.anchor]
    return (mark.label_x - west, mark.label_y - 11, mark.label_x - west + wide, mark.label_y + 3)


def test_a_gap_in_the_figures_is_a_gap_in_the_line() -> None:
    drawn = trend_lines.line([1, 2, None, 4])

    assert drawn.top == 5
    assert len(drawn.lines) == len(drawn.areas) == 2
    assert drawn.lines[0].startswith("M0 ") and drawn.lines[0].endswith("H2")
    assert drawn.lines[1].startswith("M3 ") and drawn.lines[1].endswith("H4")


def test_what_happened_once_among_a_thousand_is_still_seen() -> None:
    drawn = trend_lines.bars([None, 0, 1, 1000])

    assert [at for at, _, _ in drawn.bars] == [2.1, 3.1]
    assert drawn.bars[0][2] >= 2


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 1), (1, 1), (1.5, 2), (3, 5), (5, 5), (11, 20), (501, 1000)]
)
def test_an_axis_ends_at_a_round_number(value: float, expected: float) -> None:
    assert trend_lines.rounded_up(value) == expected


def test_slots_begin_on_the_quarter_and_a_range_ends_now() -> None:
    assert slot_of(NOW) == NOW.replace(minute=45, second=0)
    for chosen in RANGES.values():
        begins = starts(chosen, NOW)
        assert begins[-1] <= NOW < begins[-1] + chosen.step
        assert begins[0] > NOW - chosen.length - chosen.step
        assert {after - before for before, after in pairwise(begins)} == {chosen.step}
        assert chosen.step % SLOT == timedelta()


NEEDS = st.lists(
    st.builds(
        lambda need, minutes, is_simulated: Needy(
            need=need, severity=SEVERITIES[need], since=NOW - timedelta(minutes=minutes),
            name=f"{need}-{minutes}", is_simulated=is_simulated,
        ),
        st.sampled_from(Need.values), st.integers(0, 10_000), st.booleans(),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(NEEDS, st.integers(len(Need.values), 30))
def test_no_need_hides_another_by_its_number(found: list[Needy], limit: int) -> None:
    chosen = ranked(found, limit=limit)

    assert len(chosen) == min(limit, len(found))
    assert {item.need for item in chosen} == {item.need for item in found}
    assert [item.is_simulated for item in chosen] == sorted(item.is_simulated for item in chosen)
    for need in {item.need for item in chosen}:
        shown = [item for item in chosen if item.need == need and not item.is_simulated]
        rest = [
            item for item in found
            if item.need == need and not item.is_simulated and item not in chosen
        ]  # fmt: skip
        # What lasts longest is shown first.
        assert not shown or all(item.since >= max(s.since for s in shown) for item in rest)
