"""A query as nested rows that people fill in, and back: what stands in them may be unfinished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edge.protocol import strict_json
from groups import query as language
from groups.query import MAX_DEPTH, AllOf, AnyOf, Leaf, Not, Query, Verdict
from groups.query.fields import ROOTS, Field
from ops import query_rows

_MAX_BYTES: Final = 32 * 1024
# A draft of `not` and a group at each level.
_MAX_NESTING: Final = 2 * MAX_DEPTH + 4
_UNFINISHED: Final = "Fill in a value."


@dataclass(kw_only=True, slots=True)
class Row:
    """One condition as it stands in the form; `number` counts them from the first."""

    root: str
    path: str = ""
    op: str = ""
    values: Sequence[str] = ()
    is_not: bool = False
    number: int = 0
    problem: str = ""
    verdict: Verdict | None = None
    is_group: bool = False

    @property
    def field(self) -> Field | None:
        """What it asks about; None for a name that is no field's."""
        return query_rows.field_of(self.root, self.path)

    @property
    def has_path(self) -> bool:
        """Whether a path stands behind its field."""
        return self.root in ROOTS

    @property
    def operators(self) -> list[tuple[str, str]]:
        """What may be asked."""
        return query_rows.operators_of(self.field) if self.field else []

    @property
    def control(self) -> str:
        """How its value is given."""
        return query_rows.control_of(self.field, self.op) if self.field else "text"

    @property
    def options(self) -> tuple[str, ...]:
        """The values there are, where they are few."""
        return self.field.values if self.field else ()

    @property
    def hint(self) -> str:
        """An example of a value."""
        return query_rows.hint_of(self.field, self.control) if self.field else ""

    @property
    def value(self) -> str:
        """Its one value."""
        return self.values[0] if self.values else ""

    @property
    def text(self) -> str:
        """Its values, each on a line."""
        return "\n".join(self.values)

    @property
    def holds(self) -> bool:
        """Whether the condition holds for the device that was tried, with its `not`."""
        return self.verdict is not None and self.verdict.is_met != self.is_not

    @property
    def is_unfinished(self) -> bool:
        """Whether something is still to be filled in."""
        needs_value = self.control != "none" and not any(self.values)
        return needs_value or (self.has_path and not self.path)


@dataclass(kw_only=True, slots=True)
class Rows:
    """Conditions that hold together, all or any of them."""

    join: str = "all"
    is_not: bool = False
    parts: list[Row | Rows] = field(default_factory=list)
    problem: str = ""
    is_group: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A query in rows: `query` once nothing is missing or wrong."""

    rows: Rows
    query: Query | None = None
    is_unfinished: bool = False
    # The text has gone on without the rows: they show what was understood last, or nothing.
    is_behind: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no condition."""
        return not self.rows.parts


NEW_ROW: Final = Row(root="status", op="eq", values=("online",))


def draft_of(query: Query) -> Draft:
    """The rows of a query that was understood."""
    node = _node_of(query)
    rows = node if isinstance(node, Rows) else Rows(parts=[node])
    _number(rows)
    return Draft(rows=rows, query=query)


def nothing(*, is_behind: bool = False) -> Draft:
    """Rows without a condition."""
    return Draft(rows=Rows(), is_behind=is_behind)


def read(text: str) -> Draft:
    """The rows as the form of the page sends them, with what is wrong beside each."""
    try:
        given = strict_json.loads(text, max_bytes=_MAX_BYTES, max_depth=2 * _MAX_NESTING)
        node = _given(given, 0)
    except (strict_json.StrictJSONError, TypeError, KeyError, ValueError):
        return Draft(rows=Rows(problem="The conditions cannot be read. Use the text."))
    rows = node if isinstance(node, Rows) else Rows(parts=[node])
    _number(rows)
    _tell_what_is_missing(rows)
    if not rows.parts:
        return Draft(rows=rows)
    if any(row.is_unfinished for row in _all(rows)) or _has_hollow(rows):
        return Draft(rows=rows, is_unfinished=True)
    where: dict[str, Row | Rows] = {}
    document = _document(rows, "", where)
    try:
        return Draft(rows=rows, query=language.parse_json(document))
    except language.QueryError as error:
        for problem in error.problems:
            _place(where, problem.pointer).problem = problem.message
        return Draft(rows=rows)


def judge(draft: Draft, verdict: Verdict) -> None:
    """Put beside each row how it stands for a device."""
    rows, verdicts = list(_all(draft.rows)), verdict.leaves()
    if len(rows) == len(verdicts):
        for row, one in zip(rows, verdicts, strict=True):
            row.verdict = one


def _given(node: Any, depth: int) -> Row | Rows:
    if depth > _MAX_NESTING or not isinstance(node, dict):
        raise ValueError("no rows")
    is_not = node.get("not") is True
    if "parts" in node:
        parts = [_given(part, depth + 1) for part in list(node["parts"])]
        return Rows(join="any" if node["join"] == "any" else "all", is_not=is_not, parts=parts)
    values = node.get("value", [])
    values = values if isinstance(values, list) else [values]
    row = Row(
        root=str(node["field"]),
        path=str(node.get("path", "")).strip(),
        op=str(node.get("op", "")),
        values=[str(value) for value in values if str(value).strip()],
        is_not=is_not,
    )
    offered = [op for op, _ in row.operators]
    if row.op not in offered:
        # The field was changed to one of which other things are asked.
        row.op, row.values = (offered or ["eq"])[0], ()
    if row.control in {"choice", "truth"} and row.value not in _known(row):
        row.values = _known(row)[:1]
    return row


def _known(row: Row) -> tuple[str, ...]:
    return ("true", "false") if row.control == "truth" else row.options


def _node_of(query: Query, *, is_not: bool = False) -> Row | Rows:
    match query:
        case Not(part):
            return _node_of(part, is_not=not is_not)
        case AllOf(parts) | AnyOf(parts):
            join = "all" if isinstance(query, AllOf) else "any"
            return Rows(join=join, is_not=is_not, parts=[_node_of(part) for part in parts])
        case Leaf():
            return _row_of(query, is_not)


def _row_of(leaf: Leaf, is_not: bool) -> Row:
    asked = language.field_named(leaf.field)
    if leaf.op == "exists":
        op = "exists" if leaf.value else query_rows.MISSING
        values: tuple[str, ...] = ()
    else:
        op = leaf.op
        given = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        values = tuple(query_rows.typed_as(asked, op, value) for value in given)
    path = ".".join(asked.path)
    return Row(root=asked.root, path=path, op=op, values=values, is_not=is_not)


def _document(node: Row | Rows, at: str, where: dict[str, Row | Rows]) -> dict[str, Any]:
    """The full form of the rows, remembering where each of them went."""
    if node.is_not:
        where[at] = node
        at += "/not"
    where[at] = node
    if isinstance(node, Rows):
        parts = [
            _document(part, f"{at}/{node.join}/{place}", where)
            for place, part in enumerate(node.parts)
        ]
        document: dict[str, Any] = {node.join: parts}
    else:
        document = _condition(node)
    return {"not": document} if node.is_not else document


def _condition(row: Row) -> dict[str, Any]:
    name = f"{row.root}.{row.path}" if row.has_path else row.root
    if row.field is None:
        return {"field": name, "op": "eq", "value": row.value}
    if row.control == "none":
        return {"field": name, "op": "exists", "value": row.op == "exists"}
    typed = [query_rows.value_of(row.field, value) for value in row.values]
    return {"field": name, "op": row.op, "value": typed if row.op == "in" else typed[0]}


def _place(where: dict[str, Row | Rows], pointer: str) -> Row | Rows:
    while pointer not in where:
        pointer = pointer.rpartition("/")[0]
    return where[pointer]


def _all(rows: Rows) -> Iterator[Row]:
    for part in rows.parts:
        if isinstance(part, Rows):
            yield from _all(part)
        else:
            yield part


def _number(rows: Rows) -> None:
    for number, row in enumerate(_all(rows), start=1):
        row.number = number


def _has_hollow(rows: Rows) -> bool:
    inner = [part for part in rows.parts if isinstance(part, Rows)]
    return any(not part.parts or _has_hollow(part) for part in inner)


def _tell_what_is_missing(rows: Rows) -> None:
    for part in rows.parts:
        if isinstance(part, Rows):
            part.problem = "" if part.parts else "Add a condition, or remove the group."
            _tell_what_is_missing(part)
        elif part.has_path and not part.path:
            part.problem = (
                "Write which, as in cpu_percent."
                if part.root == "metric"
                else ("Write the path, as in mode or display.brightness.")
            )
        elif part.is_unfinished:
            part.problem = _UNFINISHED
