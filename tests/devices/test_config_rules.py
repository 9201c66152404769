"""What a configuration may hold."""

from __future__ import annotations

from typing import Any

import pytest

from devices import config_rules

EMPTY: dict[str, Any] = {
    "relay_names": {}, "input_config": {}, "power_restore_mode": "off", "config": {},
}  # fmt: skip


def pointers(former: dict[str, Any] | None = None, **members: Any) -> list[str]:
    """Where a configuration of a device with four relays is wrong."""
    return list(config_rules.problems_with(EMPTY | members, relay_count=4, former=former))


def test_an_empty_one_and_a_full_one_are_good() -> None:
    full = {
        "relay_names": {"0": "Lamp", "3": "x" * 100},
        "input_config": {
            "0": {
                "mode": "toggle",
                "relay": 0,
                "debounce_ms": 50,
                "inverted": True,
                "name": "Door",
            },
            "63": {"mode": "detached", "relay": None},
            "1": {},
        },
        "power_restore_mode": "last",
        "config": {"anything": [1, {"nested": None}]},
    }
    assert pointers() == pointers(**full) == []


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"relay_names": {"4": "Lamp"}}, ["/relay_names/4"]),
        ({"relay_names": {"00": "Lamp", "²": "x", "-1": "y"}},
         ["/relay_names/00", "/relay_names/²", "/relay_names/-1"]),
        ({"relay_names": {"0": "x" * 101, "1": " ", "2": 7}},
         ["/relay_names/0", "/relay_names/1", "/relay_names/2"]),
        ({"relay_names": []}, ["/relay_names"]),
        ({"input_config": {"64": {}, "x/y": {}, "0": "toggle"}},
         ["/input_config/64", "/input_config/x~1y", "/input_config/0"]),
        ({"input_config": {"0": {"mode": "dance"}}}, ["/input_config/0/mode"]),
        ({"input_config": {"0": {"mode": "toggle", "relay": 4}}}, ["/input_config/0/relay"]),
        ({"input_config": {"0": {"mode": "toggle", "relay": True}}}, ["/input_config/0/relay"]),
        ({"input_config": {"0": {"relay": 1}}}, ["/input_config/0/relay"]),
        ({"input_config": {"0": {"debounce_ms": 5_001, "inverted": 1, "name": 5, "speed": 1}}},
         ["/input_config/0/speed", "/input_config/0/debounce_ms", "/input_config/0/inverted",
          "/input_config/0/name"]),
        ({"power_restore_mode": "maybe"}, ["/power_restore_mode"]),
        ({"power_restore_mode": []}, ["/power_restore_mode"]),
        ({"config": []}, ["/config"]),
        ({"led": "dim"}, ["/led"]),
        ({"config": {"x": "y" * 65_536}}, ["/"]),
        ({"config": {"x": "\0"}}, ["/config/x"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_pointed_at(members: dict[str, Any], expected: list[str]) -> None:
    assert pointers(**members) == expected


def test_a_configuration_has_all_its_members() -> None:
    assert list(config_rules.problems_with({}, relay_count=4)) == [
        "/relay_names",
        "/input_config",
        "/power_restore_mode",
        "/config",
    ]
    assert list(config_rules.problems_with([], relay_count=4)) == ["/"]


def test_it_has_at_most_ten_levels() -> None:
    deep: dict[str, Any] = {}
    for _ in range(8):
        deep = {"x": deep}
    assert pointers(config=deep) == []
    assert pointers(config={"x": deep}) == ["/config" + "/x" * 9]


def test_what_was_there_before_is_not_judged_again() -> None:
    """Inputs were free text once."""
    older = EMPTY | {"input_config": {"door": "open"}}
    assert pointers(older, input_config={"door": "open"}, config={"x": 1}) == []
    assert pointers(older, input_config={"door": "shut"}) == ["/input_config/door"]
