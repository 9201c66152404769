"""How connectivity is drawn: nothing that happened is lost, and a bar stays small."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops import histories, meters, timelines, wording

END = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
BEGIN_S = (END - DAY).timestamp()
HOUR = 3600.0


@dataclass
class Known:
    online: tuple[timelines.Span, ...] = ()
    unknown: tuple[timelines.Span, ...] = ()
    maintenance: tuple[timelines.Span, ...] = ()
    flapping: tuple[timelines.Span, ...] = ()


def hours(*spans: tuple[float, float]) -> tuple[timelines.Span, ...]:
    """Spans in hours from the beginning of the day."""
    return tuple((BEGIN_S + begin * HOUR, BEGIN_S + end * HOUR) for begin, end in spans)


def drawn(known: Known, cells: int = 24) -> list[tuple[str, int, int]]:
    bar = timelines.bar(known, length=DAY, cells=cells, until=END)
    return [(mark.state, mark.first, mark.length) for mark in bar.marks]


def test_what_nobody_excuses_is_offline() -> None:
    assert drawn(Known(online=hours((0, 10), (12, 24)))) == [
        ("online", 0, 10),
        ("offline", 10, 2),
        ("online", 12, 12),
    ]


def test_an_outage_of_seconds_is_seen() -> None:
    brief = 10 / HOUR
    marks = drawn(Known(online=hours((0, 5.5), (5.5 + brief, 24))), cells=288)
    assert marks == [("online", 0, 66), ("offline", 66, 1), ("online", 67, 221)]


def test_absence_that_was_announced_is_told_apart_and_presence_stays_presence() -> None:
    known = Known(online=hours((0, 10), (13, 24)), maintenance=hours((9, 12)))
    assert drawn(known) == [
        ("online", 0, 10),
        ("maintenance", 10, 2),
        ("offline", 12, 1),
        ("online", 13, 11),
    ]


def test_time_before_the_first_contact_is_not_known() -> None:
    assert drawn(Known(online=hours((6, 24)), unknown=hours((0, 6)))) == [
        ("unknown", 0, 6),
        ("online", 6, 18),
    ]


def test_a_time_of_flapping_is_one_mark() -> None:
    known = Known(online=hours((0, 3), (3.1, 3.2), (3.3, 3.4), (3.5, 24)), flapping=hours((3, 3.6)))
    assert drawn(known) == [("online", 0, 3), ("flapping", 3, 1), ("online", 4, 20)]


def test_a_mark_tells_what_it_stands_for() -> None:
    known = Known(online=hours((0, 1), (1.25, 1.5), (1.75, 24)))
    bar = timelines.bar(known, length=DAY, cells=24, until=END)
    assert [mark.text for mark in bar.marks] == [
        "Online for 1 h from 1 Mar, 12:00 UTC",
        "Offline 2 times from 1 Mar, 13:00 UTC, 30 min in all",
        "Online for 22 h 15 min from 1 Mar, 13:45 UTC",
    ]


moments = st.lists(st.integers(0, 86_400), max_size=12, unique=True).map(sorted)


def apart(edges: list[int]) -> tuple[timelines.Span, ...]:
    """Edges in seconds as spans that do not touch."""
    return tuple((BEGIN_S + a, BEGIN_S + b) for a, b in zip(edges[::2], edges[1::2], strict=False))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moments, moments, moments, moments, st.integers(1, 60))
def test_any_time_is_covered_once_and_the_worst_of_a_cell_is_shown(
    online: list[int],
    unknown: list[int],
    maintenance: list[int],
    flapping: list[int],
    cells: int,
) -> None:
    known = Known(apart(online), apart(unknown), apart(maintenance), apart(flapping))
    end = END.timestamp()
    found = timelines.stretches(known, begin=BEGIN_S, end=end)
    assert (found[0].begin, found[-1].end) == (BEGIN_S, end)
    assert all(
        one.end == next_.begin and one.state != next_.state for one, next_ in pairwise(found)
    )

    bar = timelines.bar(known, length=DAY, cells=cells, until=END)
    assert sum(mark.length for mark in bar.marks) == cells
    shown = [mark.state for mark in bar.marks for _ in range(mark.length)]
    width = (end - BEGIN_S) / cells
    worst = list(timelines.STATES)
    for stretch in found:
        middle = (stretch.begin + stretch.end) / 2
        cell = min(int((middle - BEGIN_S) / width), cells - 1)
        assert worst.index(shown[cell]) <= worst.index(stretch.state)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (84, "1 min 24 s"),
        (840, "14 min"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (183_600, "2 d 3 h"),
    ],
)
def test_lengths_are_told_in_two_units(seconds: float, text: str) -> None:
    assert wording.lasting(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "–"), (100.0, "100 %"), (99.9999, "99.99 %"), (0.0, "0.00 %")]
)
def test_a_share_is_never_rounded_up_to_all(share: float | None, text: str) -> None:
    assert wording.percent(share) == text


@pytest.mark.parametrize(
    ("skew_s", "text"), [(-0.4, "In time"), (90.0, "1 min 30 s ahead"), (-7_200.0, "2 h behind")]
)
def test_a_clock_is_told_by_how_far_it_is_off(skew_s: float, text: str) -> None:
    assert wording.clock(skew_s) == text


@dataclass
class Values:
    min: float
    max: float
    avg: float
    count: int = 3


def test_a_metric_without_values_for_a_while_has_a_gap_in_its_line() -> None:
    (cpu,) = (meter for meter in meters.METERS if meter.key == "cpu_percent")
    steady = Values(0.0, 100.0, 50.0)
    drawing = histories.trace({0: steady, 1: steady, 5: steady}, length=10, meter=cpu)
    assert drawing.lines == ["0.5,12.0 1.5,12.0", "5,12.0 6,12.0"]
    assert drawing.bands[0] == "0.5,1.0 1.5,1.0 1.5,23.0 0.5,23.0"
    assert drawing.text == "0 % to 100 %"


def test_a_metric_that_never_moves_is_drawn_within_its_box() -> None:
    (network,) = (meter for meter in meters.METERS if meter.key == "net_recv_bytes_per_s")
    still = Values(0.0, 0.0, 0.0)
    assert histories.trace({0: still, 1: still}, length=2, meter=network).lines == [
        "0.5,23.0 1.5,23.0"
    ]
