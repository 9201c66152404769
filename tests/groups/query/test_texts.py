"""Queries in text and JSON: round trips, meanings, and what is refused where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from groups.query import (
    MAX_DEPTH,
    MAX_LEAVES,
    AllOf,
    AnyOf,
    Leaf,
    Not,
    Query,
    QueryError,
    parse_filter,
    parse_json,
    parse_text,
    to_json,
    to_text,
)
from kernel.errors import ValidationFailed
from tests.groups.query.queries import queries


def refused(text: str) -> list[str]:
    """What is said about a text that means nothing."""
    with pytest.raises(QueryError) as caught:
        parse_text(text)
    return ValidationFailed(details=caught.value.details("query")).details["query"]


def refused_json(value: Any) -> dict[str, list[str]]:
    """What is said about JSON that means nothing, by pointer."""
    with pytest.raises(QueryError) as caught:
        parse_filter(value)
    return caught.value.details("")


@settings(max_examples=150, deadline=None)
@given(queries())
def test_what_is_written_is_read_as_the_same_query(query: Query) -> None:
    # True and 1 are equal in Python; their texts are not.
    assert repr(parse_text(to_text(query))) == repr(query)
    assert repr(parse_json(to_json(query))) == repr(query)


def test_the_line_of_the_issue_means_what_it_says() -> None:
    query = parse_text("status:online and tag:lobby and firmware<2.1 and not site:berlin")

    assert query == AllOf(
        (
            Leaf("status", "eq", "online"),
            Leaf("tag", "eq", "lobby"),
            Leaf("firmware", "lt", "2.1"),
            Not(Leaf("site", "eq", "berlin")),
        )
    )


def test_and_binds_before_or_and_brackets_before_both() -> None:
    a, b, c = (Leaf("site", "eq", name) for name in "abc")

    assert parse_text("site:a or site:b AND site:c") == AnyOf((a, AllOf((b, c))))
    assert parse_text("(site:a or site:b) and site:c") == AllOf((AnyOf((a, b)), c))
    assert parse_text("((site:a))") == a


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("last_seen>15m", Leaf("last_seen", "age_gt", 900)),
        ("last_seen < 1h30m", Leaf("last_seen", "age_lt", 5_400)),
        ("created>=2026-05-01", Leaf("created", "gte", "2026-05-01T00:00:00Z")),
        ("site:*", Leaf("site", "exists", True)),
        ("site!=*", Leaf("site", "exists", False)),
        ('site:(a, "b c")', Leaf("site", "in", ("a", "b c"))),
        ("tag:floor=2", Leaf("tag", "eq", "floor=2")),
        ("name~lamp", Leaf("name", "contains", "lamp")),
        ("name^lamp", Leaf("name", "starts_with", "lamp")),
        ("name:and", Leaf("name", "eq", "and")),
        ("status:ONLINE", Leaf("status", "eq", "online")),
        ("connectivity:never", Leaf("connectivity", "eq", "never_connected")),
        ("Firmware_Version!=1.0", Leaf("firmware", "ne", "1.0")),
        ("metric.cpu_percent>90", Leaf("metric.cpu_percent", "gt", 90)),
        ("reported.on:true", Leaf("reported.on", "eq", True)),
        ('reported.on:"true"', Leaf("reported.on", "eq", "true")),
        ("reported.on:null", Leaf("reported.on", "eq", None)),
        ("reported.relays.0:1.5", Leaf("reported.relays.0", "eq", 1.5)),
        ('name:"say \\"hi\\""', Leaf("name", "eq", 'say "hi"')),
    ],
)
def test_conditions_in_text(text: str, leaf: Leaf) -> None:
    assert parse_text(text) == leaf


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("", 1, "such as status:online"),
        ("site:berlin tag:x", 13, '"and" or "or"'),
        ("site:berlin and", 16, "such as status:online"),
        ("site", 5, "One of : ="),
        (f"metric.x>{'9' * 400}", 9, "out of range"),
        (f"desired.a:-{'9' * 400}", 10, "out of range"),
        ("site:", 6, "A value is expected"),
        ("(site:a", 8, "closing bracket is missing"),
        ("site:(a b)", 9, "comma"),
        ("site:a)", 7, '"and" or "or"'),
        ("nmae:x", 1, "Did you mean 'name'?"),
        ("desired:x", 1, "desired.mode"),
        ("name.x:y", 1, "Only desired, reported, metric"),
        ("metric.Cpu:1", 1, "no name of a metric"),
        ("status:up", 7, "One of online, offline, unpaired"),
        ("firmware<new", 9, "A version such as"),
        ("last_seen>=15m", 10, "An age takes < or >"),
        ("last_seen>soon", 10, "an age such as 15m"),
        ("last_seen>2026-05-01T10:00:00", 10, "needs its offset"),
        ("site>a", 5, "site knows eq"),
        ("site!=(a)", 5, "not site:(a, b)"),
        ("tag:=x", 4, "A tag is a key"),
        ('name:"\\q"', 5, "In quotes"),
        ("reported.a b:1", 12, "One of : ="),
        ("name:a\0b", 5, "cannot be stored"),
        ("not " * 400 + "site:a", 1, f"at most {MAX_DEPTH} levels"),
        (" or ".join(["site:a"] * (MAX_LEAVES + 1)), 1, f"at most {MAX_LEAVES} conditions"),
        ("site:a" + " " * 2_000, 1, "at most 2000 characters"),
    ],
)
def test_wrong_text_is_refused_with_its_column(text: str, column: int, told: str) -> None:
    (problem,) = refused(text)

    assert problem.startswith(f"Column {column}: ")
    assert told in problem


def test_everything_that_is_wrong_is_told_at_once() -> None:
    problems = refused("firmware<new and foo:1 or status:up")

    assert [problem.partition(":")[0] for problem in problems] == [
        "Column 9",
        "Column 18",
        "Column 33",
    ]


def test_the_flat_filter_of_older_programs_is_read() -> None:
    query = parse_filter(
        {"status": "ONLINE", "site": ["berlin", "paris"], "firmware_version": {"lt": "2.1"},
         "is_simulated": False, "model": None}
    )  # fmt: skip

    assert to_text(query) == (
        "status:online and site:(berlin, paris) and firmware<2.1 and simulated:false and model!=*"
    )
    assert parse_filter({"status": "UNPAIRED"}) == Leaf("status", "eq", "unpaired")


def test_a_group_of_one_part_is_that_part() -> None:
    leaf = {"field": "site", "op": "eq", "value": "a"}

    assert parse_filter({"all": [{"any": [leaf]}]}) == Leaf("site", "eq", "a")
    assert parse_filter({"field": "tag", "op": "exists"}) == Leaf("tag", "exists", True)


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ([], [""]),
        ({}, [""]),
        ({"all": []}, ["/all"]),
        ({"all": [{"any": "x"}, 3]}, ["/all/0/any", "/all/1"]),
        ({"not": {"all": [{"field": "x"}]}}, ["/not/all/0/field"]),
        ({"all": [{"field": "site", "value": "a"}], "any": []}, [""]),
        ({"field": "site", "op": "like", "value": "a"}, ["/op"]),
        ({"field": "site", "op": "eq", "value": 5}, ["/value"]),
        ({"field": "site", "op": "in", "value": []}, ["/value"]),
        ({"field": "site", "op": "in", "value": ["a", 5]}, ["/value"]),
        ({"field": 7}, ["/field"]),
        ({"field": "site", "value": "a", "extra": 1}, [""]),
        ({"field": "reported.a", "op": "lt", "value": True}, ["/value"]),
        ({"field": "reported.a", "op": "eq", "value": {}}, ["/value"]),
        ({"field": "reported.a", "op": "eq", "value": 2**63}, ["/value"]),
        ({"field": "metric.cpu", "op": "gt", "value": float("nan")}, ["/value"]),
        ({"field": "last_seen", "op": "age_gt", "value": 0}, ["/value"]),
        ({"a/b": 1, "status": "up"}, ["/a~1b", "/status"]),
        ({"firmware": {"lt": 2.1, "near": "1"}}, ["/firmware/lt", "/firmware/near"]),
    ],
)
def test_wrong_json_is_refused_with_its_pointer(value: Any, pointers: list[str]) -> None:
    assert sorted(refused_json(value)) == pointers


def test_json_is_bounded_before_it_is_followed() -> None:
    deep: Any = {"field": "site", "value": "a"}
    for _ in range(5_000):
        deep = {"not": deep}
    leaf = {"field": "site", "value": "a"}
    wide = {"all": [{"any": [leaf] * 30}, {"any": [leaf] * 30}]}

    assert refused_json(deep) == {"/not/not/not/not/not": ["A query has at most 5 levels."]}
    assert refused_json(wide) == {"": ["A query has at most 50 conditions."]}
    assert refused_json({"all": [leaf] * 51}) == {"/all": ["A query has at most 50 conditions."]}
