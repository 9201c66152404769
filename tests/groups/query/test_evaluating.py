"""What queries mean: missing values, types, versions, ages, and the reasons for one device."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from groups.query import Facts, explain, matches, parse_filter, parse_text

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
BOARD = Facts(
    uid="board-1",
    name="Kitchen Lamp",
    site="berlin",
    firmware="2.1.0",
    is_online=True,
    last_seen_at=NOW - timedelta(seconds=41),
    created_at=NOW - timedelta(days=2),
    tags={"lobby": "", "floor": "2"},
    capabilities=frozenset({"relay"}),
    desired_version=1,
    desired={"mode": "eco"},
    reported={"mode": None, "level": 1, "on": True, "relays": {"0": True}, "list": [5]},
    metrics={"cpu_percent": 91.5},
)


def is_met(text: str, facts: Facts = BOARD) -> bool:
    """Whether the device meets the text."""
    return matches(parse_text(text), facts, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "status:online", "connectivity:stale", "not connectivity:online", "sync:in_sync",
        "name~LAMP", "name^kitchen", "not name:kitchen", "not model:*", "model!=HP",
        "firmware:2.1", "firmware:v2.1.0+build", "firmware<2.10", "firmware>2.1-rc.1",
        "tag:floor", "tag:floor=2", "not tag:floor=3", "tag:(vip, lobby)", "tag^LOB", "tag!=vip",
        "capability:relay", "not capability:ir", "last_seen>40s", "not last_seen>41s",
        "last_seen<42s", "created>1d", "created<2026-04-30", "claimed!=*", "not claimed>1s",
        "desired.mode:eco", "reported.mode:null", "reported.mode:*", "not reported.mode:eco",
        "reported.level:1.0", "not reported.level:true", "not reported.on:1", "reported.on:true",
        "reported.relays.0:true", "not reported.list.0:*", "reported.gone!=1",
        "not reported.gone<5", "metric.cpu_percent>90", "not metric.temp>0", "metric.temp!=0",
        "drift!=*", "simulated:no",
    ],
)  # fmt: skip
def test_conditions_that_the_board_meets(text: str) -> None:
    assert is_met(text)


def test_a_version_without_an_order_is_only_equal_to_itself() -> None:
    nightly = replace(BOARD, firmware="nightly")

    assert is_met("firmware:nightly", nightly)
    assert is_met("firmware!=2.1", nightly)
    assert not is_met("firmware<9", nightly)
    assert not is_met("firmware>0", nightly)


def test_an_unpaired_device_is_neither_online_nor_offline() -> None:
    gone = replace(BOARD, pairing="unpaired")

    assert is_met("status:unpaired", gone)
    assert not is_met("status:(online, offline)", gone)


def test_why_tells_each_condition_with_what_the_device_has() -> None:
    query = parse_filter(
        {
            "all": [
                {"field": "site", "op": "eq", "value": "berlin"},
                {"not": {"field": "firmware", "op": "lt", "value": "3"}},
                {"field": "reported.gone", "op": "exists", "value": True},
                {"field": "last_seen", "op": "age_gt", "value": "15m"},
            ]
        }
    )

    verdict = explain(query, BOARD, NOW)

    assert not verdict.is_met
    told = [(leaf.pointer, leaf.text, leaf.is_met, leaf.actual) for leaf in verdict.leaves()]
    assert told == [
        ("/all/0", "site:berlin", True, "berlin"),
        ("/all/1/not", "firmware<3", True, "2.1.0"),
        ("/all/2", "reported.gone:*", False, None),
        ("/all/3", "last_seen>15m", False, "2026-05-01T11:59:19Z"),
    ]
    assert [leaf.is_missing for leaf in verdict.leaves()] == [False, False, True, False]
    assert [part.is_met for part in verdict.parts] == [True, False, False, False]
    assert verdict.to_dict()["parts"][1]["parts"][0]["expected"] == "3"
