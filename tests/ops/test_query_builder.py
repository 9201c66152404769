"""The visual form of a query: whatever was understood comes back the same, half done or wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from groups.query import Query, parse_text, to_json
from groups.query.json_form import parse_json
from ops import query_builder, query_rows
from ops.query_builder import Row, Rows
from tests.groups.query.queries import queries


def sent(node: Row | Rows) -> dict[str, Any]:
    """What the page's script sends of rows."""
    if isinstance(node, Rows):
        parts = [sent(part) for part in node.parts]
        return {"join": node.join, "not": node.is_not, "parts": parts}
    value = list(node.values)
    return {
        "field": node.root,
        "path": node.path,
        "op": node.op,
        "value": value,
        "not": node.is_not,
    }


def rows_of(*parts: dict[str, Any], join: str = "all") -> str:
    return json.dumps({"join": join, "not": False, "parts": list(parts)})


def condition(field: str, op: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": list(values), **more}


def plain(query: Query) -> Any:
    """A query as its meaning: what is denied twice is not denied."""
    document = to_json(query)

    def folded(node: Any) -> Any:
        if "not" in node:
            inner = folded(node["not"])
            return inner.get("not", {"not": inner})
        for join in ("all", "any"):
            if join in node:
                return {join: [folded(part) for part in node[join]]}
        return node

    return folded(document)


@settings(max_examples=120)
@given(queries())
def test_rows_read_back_as_the_query_they_were_drawn_from(query: Query) -> None:
    drawn = query_builder.draft_of(query)
    read = query_builder.read(json.dumps(sent(drawn.rows)))
    assert read.query is not None, [row.problem for row in query_builder._all(read.rows)]
    assert plain(read.query) == plain(parse_json(to_json(query)))


def test_rows_show_a_text_with_its_words_and_controls() -> None:
    draft = query_builder.draft_of(
        parse_text('status:(online, offline) and not (tag:* or reported.mode:"12") and drift>15m')
    )
    first, second, third = draft.rows.parts
    assert isinstance(first, Row) and first.control == "choices"
    assert isinstance(second, Rows) and (second.join, second.is_not) == ("any", True)
    present, mode = second.parts
    assert isinstance(present, Row) and (present.op, present.control) == ("exists", "none")
    assert isinstance(mode, Row) and (mode.root, mode.path, mode.value) == (
        "reported",
        "mode",
        '"12"',
    )
    assert isinstance(third, Row) and (third.op, third.value) == ("age_gt", "15m")


def test_half_done_rows_make_no_query_and_say_what_is_missing() -> None:
    draft = query_builder.read(rows_of(condition("status", "eq", "online"), condition("tag", "eq")))
    assert draft.query is None and draft.is_unfinished
    assert [row.problem for row in query_builder._all(draft.rows)] == ["", "Fill in a value."]
    hollow = query_builder.read(rows_of({"join": "any", "not": False, "parts": []}))
    assert hollow.query is None and hollow.is_unfinished
    assert query_builder.read(rows_of()).is_empty


def test_what_is_wrong_stands_at_its_row() -> None:
    draft = query_builder.read(
        rows_of(
            condition("status", "eq", "online"),
            {
                "join": "any",
                "not": True,
                "parts": [
                    condition("firmware", "lt", "2.1"),
                    condition("last_seen", "age_gt", "soon"),
                    condition("metric", "gt", "many", path="cpu_percent"),
                ],
            },
        )
    )
    assert draft.query is None and not draft.is_unfinished
    problems = [bool(row.problem) for row in query_builder._all(draft.rows)]
    assert problems == [False, False, True, True]


def test_a_row_whose_field_changed_is_asked_what_that_field_knows() -> None:
    draft = query_builder.read(rows_of(condition("connectivity", "age_gt", "15m")))
    (row,) = draft.rows.parts
    assert isinstance(row, Row)
    assert (row.op, row.value) == ("eq", "online")
    assert draft.query == parse_text("connectivity:online")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"parts": 1, "join": "all"}', '{"field": 3}', "{" * 40, '{"parts":[[]]}'],
)
def test_what_is_no_rows_is_told_and_breaks_nothing(text: str) -> None:
    draft = query_builder.read(text)
    assert draft.query is None


def test_every_field_has_its_place_and_every_operator_its_words() -> None:
    offered = [name for _, fields in query_rows.sections() for name, _, _ in fields]
    assert sorted(offered) == sorted([*query_rows.FIELDS, *query_rows.ROOTS])
    for name in offered:
        field = query_rows.field_of(name, "")
        assert field is not None
        operators = {op for op, _ in query_rows.operators_of(field)}
        assert operators - {query_rows.MISSING} == set(field.operators)
