"""What the charts of the pages make of buckets and of what comes live, run as the browser runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).resolve().parents[2] / "static" / "homepot" / "js" / "chart-data.js"
pytestmark = pytest.mark.browser

_SCRIPT = """
const bucket = (minute, avg, count = 1) => ({ at: new Date(minute * 60000).toISOString(), avg,
  min: avg, max: avg, count });
const answer = (buckets, length = 10) => ({ from: new Date(0).toISOString(), bucket_seconds: 60,
  to: new Date(length * 60000).toISOString(), series: [{ metric: "cpu", buckets }] });
const made = (buckets, length) => windowOf(answer(buckets, length), ["cpu"]);
const told = {};

const dense = made([bucket(0, 1, 6), bucket(1, 2, 6), bucket(3, 4, 6), bucket(4, null, 0)]);
told.dense = gapsOf(dense.columns[0]);
told.alone = lonely(dense.columns[0]);
told.sum = summary(dense.columns[0]);
const slow = made([0, 5, 10, 15, 40, 45].map((minute) => bucket(minute, 1)), 60);
told.slow = gapsOf(slow.columns[0]);
told.middles = middles(dense).slice(0, 2);

const live = made([bucket(8, 10), bucket(9, 20)]);
told.older = append(live, -5, { cpu: 1 });
told.other = append(live, 595, { ram: 1 });
told.within = append(live, 590, { cpu: 40 });
told.merged = [live.columns[0].avg[9], live.columns[0].min[9], live.columns[0].max[9]];
append(live, 790, { cpu: 5 });
told.moved = [live.from, live.columns[0].avg];
told.gap = gapsOf(live.columns[0]);
append(live, 1e9, { cpu: 7 });
told.far = live.columns[0].avg;
told.step = [step(dense.columns, 1, 1, 10), step(dense.columns, 3, 1, 10), step(dense.columns, -1, 1, 10)];
told.nothing = [summary(made([]).columns[0]), windowOf({ ...answer([]), series: [] }, ["cpu"]).length];
export { told };
"""


@pytest.fixture(scope="module")
def told(browser: Any) -> dict[str, Any]:
    """What the module answers in a browser."""
    page = browser.new_page()
    found: dict[str, Any] = page.evaluate(
        """async (source) => {
          const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          return (await import(address)).told;
        }""",
        MODULE.read_text() + _SCRIPT,
    )
    page.close()
    return found


def test_an_empty_bucket_is_a_gap_where_buckets_hold_several_values(told: dict[str, Any]) -> None:
    assert told["dense"] == [[1, 3]]
    assert told["alone"] == [3]


def test_a_slow_device_has_gaps_only_where_it_was_silent_for_longer(told: dict[str, Any]) -> None:
    assert told["slow"] == [[15, 40]]


def test_a_sum_weighs_each_bucket_by_its_values(told: dict[str, Any]) -> None:
    assert told["sum"] == {"min": 1, "mean": pytest.approx(7 / 3), "max": 4}
    assert told["nothing"] == [None, 10]


def test_what_comes_live_is_merged_or_moves_the_window_on(told: dict[str, Any]) -> None:
    assert (told["older"], told["other"], told["within"]) == (False, False, True)
    assert told["merged"] == [30, 20, 40]
    nothing = [None] * 4
    assert told["moved"] == [240, [*nothing, 10, 30, None, None, None, 5]]
    # Nothing is made up for the minutes in which nothing came.
    assert told["far"] == [None] * 9 + [7]
    assert told["middles"] == [30, 90]


def test_the_keyboard_steps_over_what_is_missing(told: dict[str, Any]) -> None:
    assert told["step"] == [3, 3, 0]
