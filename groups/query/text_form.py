"""Queries in one line of text: `status:online and tag:lobby and firmware<2.1 and not site:berlin`."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

from lark import Lark, Token, Tree, UnexpectedInput

from groups.query.ast import MAX_DEPTH, MAX_LEAVES, AllOf, AnyOf, Leaf, Not, Query, Scalar, leaves
from groups.query.fields import Field, Kind, field_named
from groups.query.literals import (
    AGES,
    age_s,
    checked_leaf,
    duration_s,
    duration_text,
    values_of,
)
from groups.query.problems import Problem, QueryError

MAX_TEXT: Final = 2_000
SIGNS: Final = {
    ":": "eq", "=": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte",
    "~": "contains", "^": "starts_with",
}  # fmt: skip
_WRITTEN: Final = {op: sign for sign, op in reversed(SIGNS.items())}
_AGED: Final = {"lt": "age_lt", "gt": "age_gt"}
_WORDS: Final = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BARE = re.compile(r"[\w./@+=-][\w./@+=:-]*")

GRAMMAR: Final = r"""
start: _or
_or: any_of | _and
_and: all_of | _not
_not: not_ | _LPAR _or _RPAR | condition
any_of: _and (_OR _and)+
all_of: _not (_AND _not)+
not_: _NOT _not
condition: FIELD SIGN VALUE          -> bare
         | FIELD SIGN QUOTED         -> quoted
         | FIELD SIGN STAR           -> exists
         | FIELD SIGN _LPAR item (_COMMA item)* _RPAR -> among
item: VALUE -> bare_item | QUOTED -> quoted_item

FIELD: /[A-Za-z_][A-Za-z0-9_.-]*/
SIGN: /!=|<=|>=|[:=<>~^]/
VALUE: /[^\s()",*][^\s()",]*/
QUOTED: /"(?:[^"\\]|\\.)*"/
STAR: "*"
_LPAR: "("
_RPAR: ")"
_COMMA: ","
_OR.2: /or(?![A-Za-z0-9_.-])/i
_AND.2: /and(?![A-Za-z0-9_.-])/i
_NOT.2: /not(?![A-Za-z0-9_.-]|\s*[:=<>~^!])/i
%ignore /\s+/
"""


def parse_text(text: str) -> Query:
    """The query that the text means. Raises QueryError with columns."""
    if len(text) > MAX_TEXT:
        raise QueryError([Problem(f"A query has at most {MAX_TEXT} characters.", column=1)])
    try:
        tree = parser().parse(text)
    except UnexpectedInput as error:
        raise QueryError([_misread(error, text)]) from None
    reader = _Reader()
    query = reader.node(tree.children[0], 1)
    if query is not None and sum(1 for _ in leaves(query)) > MAX_LEAVES:
        reader.refuse(f"A query has at most {MAX_LEAVES} conditions.", 0)
    if reader.problems or query is None:
        raise QueryError(reader.problems)
    return query


def to_text(query: Query) -> str:
    """The text that `parse_text` reads as the same query."""
    match query:
        case AllOf(parts):
            return " and ".join(_within(part, AllOf, AnyOf) for part in parts)
        case AnyOf(parts):
            return " or ".join(_within(part, AnyOf) for part in parts)
        case Not(part):
            return f"not {_within(part, AllOf, AnyOf)}"
        case Leaf():
            return _condition(query)


def literal(kind: Kind, value: Scalar) -> str:
    """The value as it is written behind a sign, in quotes where it needs them."""
    if not isinstance(value, str):
        return json.dumps(value)
    # A text that would be read as something else than a text.
    is_typed = kind == Kind.JSON and (value in _WORDS or _NUMBER.fullmatch(value) is not None)
    if _BARE.fullmatch(value) and not is_typed:
        return value
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1)
def parser() -> Lark:
    """The grammar, read once."""
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


def expected_at(text: str) -> frozenset[str]:
    """The names of what may follow the text, which breaks off anywhere; empty: nothing may."""
    try:
        interactive = parser().parse_interactive(text)
        interactive.exhaust_lexer()
    except UnexpectedInput:
        return frozenset()
    return frozenset(interactive.accepts())


class _Reader:
    """Makes the query of a tree and remembers everything that is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def refuse(self, message: str, position: int) -> Query | None:
        self.problems.append(Problem(message, column=position + 1))
        return None

    def node(self, tree: Any, depth: int) -> Query | None:
        if depth > MAX_DEPTH:
            return self.refuse(f"A query has at most {MAX_DEPTH} levels.", 0)
        if tree.data not in {"any_of", "all_of", "not_"}:
            return self.condition(tree)
        parts = tuple(
            part for child in tree.children if (part := self.node(child, depth + 1)) is not None
        )
        if len(parts) < len(tree.children):
            return None
        if tree.data == "not_":
            return Not(parts[0])
        return AnyOf(parts) if tree.data == "any_of" else AllOf(parts)

    def condition(self, tree: Tree[Token]) -> Query | None:
        name, sign = (_token(child) for child in tree.children[:2])
        try:
            field = field_named(name)
        except ValueError as error:
            return self.refuse(str(error), _position(name))
        try:
            op, given = self.asked(field, sign, tree)
            return checked_leaf(field, op, given)
        except ValueError as error:
            return self.refuse(str(error), _position(sign))

    def asked(self, field: Field, sign: Token, tree: Tree[Token]) -> tuple[str, Any]:
        """The operator and the value that stand in the text."""
        op, operands = SIGNS[sign], tree.children[2:]
        if tree.data in {"exists", "among"} and op not in {"eq", "ne"}:
            raise ValueError(f"{sign} takes one value.")
        if tree.data == "exists":
            return "exists", op == "eq"
        if tree.data == "among":
            if op == "ne":
                raise ValueError("Write not and a list behind a colon: not site:(a, b).")
            items = [child for child in operands if isinstance(child, Tree)]
            return "in", [_given(field, item.data == "quoted_item", item) for item in items]
        given = _given(field, tree.data == "quoted", tree)
        if field.kind == Kind.TIME and isinstance(given, str) and duration_s(given) is not None:
            if op not in _AGED:
                raise ValueError(f"An age takes < or >, as in {field.name}>15m.")
            op = _AGED[op]
        return op, given


def _token(child: Any) -> Token:
    if not isinstance(child, Token):
        raise TypeError(f"{child!r} is no token.")
    return child


def _position(token: Token) -> int:
    return token.start_pos or 0


def _given(field: Field, is_quoted: bool, tree: Tree[Token]) -> Scalar:
    """The value that the last word of a condition or an item stands for."""
    word = str(_token(tree.children[-1]))
    if is_quoted:
        try:
            return str(json.loads(word, strict=False))
        except ValueError:
            raise ValueError('In quotes, write \\" for a quote and \\\\ for a backslash.') from None
    if field.kind not in {Kind.JSON, Kind.NUMBER}:
        return word
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word) is None:
        return word
    return float(word) if set(word) & set(".eE") else int(word)


def _within(query: Query, *loose: type[AllOf | AnyOf]) -> str:
    text = to_text(query)
    return f"({text})" if isinstance(query, loose) else text


def _condition(leaf: Leaf) -> str:
    kind = field_named(leaf.field).kind
    if leaf.op == "exists":
        return f"{leaf.field}{':' if leaf.value else '!='}*"
    if leaf.op in AGES:
        return f"{leaf.field}{'>' if leaf.op == 'age_gt' else '<'}{duration_text(age_s(leaf))}"
    literals = [literal(kind, value) for value in values_of(leaf.value)]
    if leaf.op == "in":
        return f"{leaf.field}:({', '.join(literals)})"
    return f"{leaf.field}{_WRITTEN[leaf.op]}{literals[0]}"


def _misread(error: UnexpectedInput, text: str) -> Problem:
    names = set(getattr(error, "expected", None) or getattr(error, "allowed", None) or ())
    position = error.pos_in_stream
    token = getattr(error, "token", None)
    if position is None or (token is not None and token.type == "$END"):
        position = len(text)
    is_open = position == len(text) and text.count("(") > text.count(")")
    return Problem(_expectation(names, is_open=is_open), column=position + 1)


def _expectation(names: set[str], *, is_open: bool) -> str:
    if "FIELD" in names:
        return "A condition such as status:online is expected."
    if "SIGN" in names:
        return f"One of {' '.join(SIGNS)} is expected."
    if "VALUE" in names:
        return "A value is expected; put quotes around one with spaces, quotes, commas or brackets."
    if is_open:
        return "The closing bracket is missing."
    if "_COMMA" in names:
        return "A comma or the closing bracket is expected."
    return 'Between conditions "and" or "or" is expected.'
