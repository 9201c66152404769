"""The arithmetic of uptime, by examples and by properties that hold for all times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.uptime import (
    RESTART_GRACE_S,
    Change,
    Figures,
    clipped,
    combined,
    figures,
    gaps,
    history,
    merged,
    total,
)

DAY = 86_400.0
_times = st.integers(0, 1_000).map(float)
_spans = st.lists(st.tuples(_times, _times).map(lambda pair: (min(pair), max(pair))), max_size=12)
_windows = st.tuples(st.integers(0, 500), st.integers(1, 500)).map(
    lambda pair: (float(pair[0]), float(pair[0] + pair[1]))
)


def test_a_device_that_was_always_there_has_no_outage() -> None:
    whole = figures(online=[(-5.0, DAY + 5)], window=(0.0, DAY))
    assert whole == Figures(up_s=DAY)
    assert (whole.uptime_percent, whole.mtbf_s, whole.mttr_s) == (100.0, None, None)


def test_two_outages_give_percent_longest_mtbf_and_mttr() -> None:
    found = figures(online=[(0, 40), (50, 70), (90, 100)], window=(0, 100))
    assert (found.up_s, found.down_s, found.outages) == (70, 30, 2)
    assert (found.uptime_percent, found.longest_outage_s) == (70.0, 20)
    assert (found.mtbf_s, found.mttr_s) == (35, 15)


def test_time_before_the_first_contact_is_not_downtime() -> None:
    found = figures(online=[(60, 100)], window=(0, 100), unknown=[(0, 60)])
    assert (found.uptime_percent, found.outages) == (100.0, 0)


def test_of_nothing_known_nothing_is_said() -> None:
    assert figures(online=[], window=(0, 100), unknown=[(0, 100)]).uptime_percent is None
    assert Figures().uptime_percent is None


def test_maintenance_within_an_outage_shortens_it_and_leaves_it_one() -> None:
    found = figures(online=[(0, 10), (50, 100)], window=(0, 100), unknown=[(20, 40)])
    assert (found.outages, found.down_s, found.longest_outage_s) == (1, 20, 20)


def test_an_outage_within_maintenance_is_none() -> None:
    found = figures(online=[(0, 20), (30, 100)], window=(0, 100), unknown=[(15, 35)])
    assert (found.outages, found.uptime_percent) == (0, 100.0)


def test_a_takeover_in_one_moment_is_no_outage() -> None:
    changes = [Change(10, is_online=False), Change(10, is_online=True)]
    told = history(changes, window=(0, 100), is_online=True)
    assert told.online == [(0, 100)]


def test_the_first_change_tells_how_it_was_before() -> None:
    assert history([Change(30, True)], window=(0, 100), is_online=True).online == [(30, 100)]
    assert history([Change(30, False)], window=(0, 100), is_online=False).online == [(0, 30)]
    assert history([], window=(0, 100), is_online=True).online == [(0, 100)]
    assert history([], window=(0, 100), is_online=False).online == []


def test_the_absence_of_the_server_is_excused_for_some_minutes_only() -> None:
    quick = [Change(100, False, is_ours=True), Change(130, True)]
    assert history(quick, window=(0, DAY), is_online=True).excused == [(100, 130)]
    never = [Change(100, False, is_ours=True)]
    told = history(never, window=(0, DAY), is_online=False)
    assert told.excused == [(100, 100 + RESTART_GRACE_S)]


def test_clocks_that_disagree_make_no_negative_time() -> None:
    changes = [Change(50, False), Change(49, True), Change(60, False)]
    assert history(changes, window=(0, 100), is_online=False).online == [(0, 60)]


def test_many_devices_add_up() -> None:
    both = combined(
        [Figures(up_s=90, down_s=10, outages=1, longest_outage_s=10), Figures(up_s=100)]
    )
    assert both.uptime_percent == 95.0
    assert (both.outages, both.longest_outage_s, both.mtbf_s) == (1, 10, 190)


@given(_spans, _windows, _spans)
def test_up_and_down_are_exactly_the_known_time(
    online: list[tuple[float, float]], window: tuple[float, float],
    unknown: list[tuple[float, float]],
) -> None:  # fmt: skip
    found = figures(online=online, window=window, unknown=unknown)
    known = total([window]) - total(clipped(unknown, window))
    assert found.up_s + found.down_s == pytest.approx(known)
    assert 0 <= found.longest_outage_s <= found.down_s
    assert (found.outages == 0) == (found.down_s == 0)
    assert found.uptime_percent is None or 0 <= found.uptime_percent <= 100


@given(_spans, _windows, _spans)
def test_more_time_online_never_lowers_the_uptime(
    online: list[tuple[float, float]], window: tuple[float, float],
    more: list[tuple[float, float]],
) -> None:  # fmt: skip
    assert (
        figures(online=[*online, *more], window=window).up_s
        >= figures(online=online, window=window).up_s
    )


@given(_spans, _windows, st.randoms())
def test_order_and_overlap_of_the_spans_do_not_matter(
    online: list[tuple[float, float]], window: tuple[float, float], dice: object
) -> None:
    shuffled = [*online, *online]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert figures(online=shuffled, window=window) == figures(online=online, window=window)


@given(_spans, _windows)
def test_spans_and_gaps_share_a_window_without_rest(
    spans: list[tuple[float, float]], window: tuple[float, float]
) -> None:
    inside, outside = clipped(spans, window), gaps(spans, window)
    assert merged([*inside, *outside]) == [window]
    assert total(inside) + total(outside) == pytest.approx(total([window]))


@given(st.lists(st.tuples(_times, st.booleans(), st.booleans()), max_size=12), _windows)
def test_a_history_of_any_lines_is_online_and_excused_at_different_times(
    lines: list[tuple[float, bool, bool]], window: tuple[float, float]
) -> None:
    told = history([Change(*line) for line in lines], window=window, is_online=True)
    assert told.online == clipped(told.online, window)
    assert total(merged([*told.online, *told.excused])) == pytest.approx(
        total(told.online) + total(told.excused)
    )
