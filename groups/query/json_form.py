"""Queries as JSON: the full form, and the flat filter `{"status": "ONLINE", "site": "berlin"}`."""

from __future__ import annotations

from typing import Any

from groups.query.ast import MAX_DEPTH, MAX_LEAVES, AllOf, AnyOf, Leaf, Not, Query, leaves
from groups.query.fields import field_named
from groups.query.literals import checked_leaf
from groups.query.problems import Problem, QueryError

_MEMBERS = ("all", "any", "not", "field")
_TOO_MANY = f"A query has at most {MAX_LEAVES} conditions."


def parse_filter(value: Any) -> Query:
    """The query that JSON of either form means. Raises QueryError with pointers."""
    is_full = isinstance(value, dict) and any(member in value for member in _MEMBERS)
    return parse_json(value) if is_full else parse_flat(value)


def parse_json(value: Any) -> Query:
    """The query of the full form: `{"all": […]}`, `{"any": […]}`, `{"not": {…}}`, or a condition.

    A condition is `{"field", "op", "value"}`. A group of one part is that part. Raises QueryError
    with everything that is wrong.
    """
    reader = _Reader()
    return reader.ended(reader.node(value, "", 1))


def parse_flat(value: Any) -> Query:
    """The query of the flat form: every member holds.

    A list means one of these, null that there is nothing, and an object names operators:
    `{"firmware": {"lt": "2.1"}}`. Raises QueryError with everything that is wrong.
    """
    reader = _Reader()
    return reader.ended(reader.flat(value))


def to_json(query: Query) -> dict[str, Any]:
    """The full form, which `parse_json` reads as the same query."""
    match query:
        case AllOf(parts):
            return {"all": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Leaf(field, op, value):
            written = list(value) if isinstance(value, tuple) else value
            return {"field": field, "op": op, "value": written}


class _Reader:
    """Reads one query and remembers everything that is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def ended(self, query: Query | None) -> Query:
        if query is not None and sum(1 for _ in leaves(query)) > MAX_LEAVES:
            self.refuse(_TOO_MANY, "")
        if self.problems or query is None:
            raise QueryError(self.problems)
        return query

    def refuse(self, message: str, at: str) -> Query | None:
        self.problems.append(Problem(message, at))
        return None

    def node(self, value: Any, at: str, depth: int) -> Query | None:
        if depth > MAX_DEPTH:
            return self.refuse(f"A query has at most {MAX_DEPTH} levels.", at)
        if not isinstance(value, dict):
            return self.refuse("An object is expected.", at)
        found = [member for member in _MEMBERS if member in value]
        if len(found) != 1:
            return self.refuse('One of "all", "any", "not" and "field" is expected.', at)
        (member,) = found
        if member == "field":
            return self.leaf(value, at)
        if len(value) > 1:
            return self.refuse(f"Nothing may stand beside {member!r}.", at)
        if member == "not":
            part = self.node(value["not"], f"{at}/not", depth + 1)
            return None if part is None else Not(part)
        return self.group(member, value[member], f"{at}/{member}", depth)

    def group(self, member: str, parts: Any, at: str, depth: int) -> Query | None:
        if not isinstance(parts, list) or not parts:
            return self.refuse("A list with one part or more is expected.", at)
        if len(parts) > MAX_LEAVES:
            return self.refuse(_TOO_MANY, at)
        read = [self.node(part, f"{at}/{place}", depth + 1) for place, part in enumerate(parts)]
        good = tuple(part for part in read if part is not None)
        return _joined(good, AllOf if member == "all" else AnyOf)

    def leaf(self, value: dict[str, Any], at: str) -> Query | None:
        if unknown := value.keys() - {"field", "op", "value"}:
            return self.refuse(f"{min(map(str, unknown))[:64]!r} means nothing here.", at)
        name, op = value["field"], value.get("op", "eq")
        if not isinstance(name, str):
            return self.refuse("The name of a field is expected.", f"{at}/field")
        if not isinstance(op, str):
            return self.refuse("The name of an operator is expected.", f"{at}/op")
        given = value.get("value", True if op == "exists" else None)
        return self.condition(name, op, given, {part: f"{at}/{part}" for part in _PARTS})

    def condition(self, name: str, op: str, given: Any, where: dict[str, str]) -> Query | None:
        try:
            field = field_named(name)
        except ValueError as error:
            return self.refuse(str(error), where["field"])
        try:
            return checked_leaf(field, op, given)
        except ValueError as error:
            return self.refuse(str(error), where["value" if op in field.operators else "op"])

    def flat(self, value: Any) -> Query | None:
        if not isinstance(value, dict) or not value:
            return self.refuse("An object with one member or more is expected.", "")
        if len(value) > MAX_LEAVES:
            return self.refuse(_TOO_MANY, "")
        parts: list[Query] = []
        for name, given in value.items():
            at = f"/{_escaped(str(name))}"
            operators = given if isinstance(given, dict) else _asked(given)
            if not operators or len(operators) > MAX_LEAVES:
                self.refuse("An object with operators is expected.", at)
                continue
            for op, one in operators.items():
                place = f"{at}/{_escaped(str(op))}" if isinstance(given, dict) else at
                where = {"field": at, "op": place, "value": place}
                part = self.condition(str(name), str(op), one, where)
                parts += [] if part is None else [part]
        return _joined(tuple(parts), AllOf)


_PARTS = ("field", "op", "value")


def _asked(given: Any) -> dict[str, Any]:
    if given is None:
        return {"exists": False}
    return {"in": given} if isinstance(given, list) else {"eq": given}


def _joined(parts: tuple[Query, ...], group: type[AllOf | AnyOf]) -> Query | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return group(parts)


def _escaped(name: str) -> str:
    """A member's name as part of a JSON Pointer."""
    return name[:64].replace("~", "~0").replace("/", "~1")
