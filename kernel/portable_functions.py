"""Database functions that mean the same on PostgreSQL and SQLite, down to missing values and types.

Steps of a path into a document are names of members, never places in an array, and travel as
parameters. They are of letters, digits, `_`, `-` and dots: SQLite compares names as they are
stored, so one that is written with escapes would not be found there.

PostgreSQL puts JSON values in one order: null, texts, numbers, truths, arrays and objects. A value is
of a type if it is not outside the bounds of the type, which costs less than to ask for its type, and
lets the planner see that a row without a document cannot be meant. "IS NOT TRUE" keeps it from taking
two bounds for one narrow range of values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db.models import BooleanField, CharField, F, Field, Func, TextField

Number = int | float
Scalar = str | bool | Number | None
COMPARISONS: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_LOWEST_TEXT: Final = "'\"\"'::jsonb"
_LOWEST_NUMBER: Final = "'-1.7976931348623157e308'::jsonb"
_LOWEST_TRUTH: Final = "'false'::jsonb"
_STEP = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


class AsciiLower(Func):
    """The text with A to Z as a to z and every other letter as it is."""

    function = "LOWER"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """PostgreSQL folds what its language has, unless it is told to know none."""
        return self.as_sql(
            compiler, connection, template='LOWER((%(expressions)s) COLLATE "C")', **context
        )


Piece = tuple[str, tuple[Any, ...]]


class _AtPath(Func):
    """Something about what a document has at a path; NULL or false where there is nothing."""

    output_field: Field[Any, Any] = BooleanField()

    def __init__(self, document: str, steps: Sequence[str], *asked: Any) -> None:
        if not steps or not all(map(_STEP.fullmatch, steps)):
            raise ValueError(f"{steps!r} is no path into a document.")
        super().__init__(F(document))
        self.steps = tuple(steps)
        self.asked = asked

    @property
    def identity(self) -> Any:
        """Two questions about one document are not the same expression."""
        return (*super().identity, self.steps, repr(self.asked))

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **context: Any) -> Any:
        """Refuse databases whose meaning nobody has looked at."""
        raise NotImplementedError(connection.vendor)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """By `->` with text, which looks into objects only."""
        column, given = compiler.compile(self.get_source_expressions()[0])
        steps = " -> %s::text" * len(self.steps)
        return self.on_postgresql((f"({column}{steps})", (*given, *self.steps)))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """By a path of quoted names, which are names of members even where they are digits."""
        column, given = compiler.compile(self.get_source_expressions()[0])
        path = "$" + "".join(f'."{step}"' for step in self.steps)
        return self.on_sqlite((f"({column}, %s)", (*given, path)))

    def on_postgresql(self, value: Piece) -> Piece:
        """What is asked of the value, which is jsonb."""
        raise NotImplementedError

    def on_sqlite(self, at: Piece) -> Piece:
        """What is asked of the value that `json_extract` and `json_type` find there."""
        raise NotImplementedError


class JsonType(_AtPath):
    """The name of the type, of null `null`; NULL where there is nothing at the path."""

    output_field = CharField()

    def on_postgresql(self, value: Piece) -> Piece:
        """As PostgreSQL calls it."""
        return _put("jsonb_typeof({})", value)

    def on_sqlite(self, at: Piece) -> Piece:
        """As SQLite calls it."""
        return _put("json_type{}", at)


class JsonIsOneOf(_AtPath):
    """Whether it is one of some values, and of the same type; 1 is 1.0."""

    def __init__(self, document: str, steps: Sequence[str], values: Sequence[Scalar]) -> None:
        super().__init__(document, steps, *values)

    def on_postgresql(self, value: Piece) -> Piece:
        """Equality of jsonb keeps types apart."""
        return _put("{} IN ({})", value, _listed(map(json.dumps, self.asked), "::jsonb"))

    def on_sqlite(self, at: Piece) -> Piece:
        """Texts, numbers, and what is its type's only value, each in its own list."""
        texts = [value for value in self.asked if isinstance(value, str)]
        numbers = [value for value in self.asked if type(value) in (int, float)]
        words = [
            json.dumps(value)
            for value in self.asked
            if value is None or value is True or value is False
        ]
        return _put(
            "CASE json_type{} WHEN 'text' THEN json_extract{} IN ({}) "
            "WHEN 'integer' THEN json_extract{} IN ({}) WHEN 'real' THEN json_extract{} IN ({}) "
            "ELSE json_type{} IN ({}) END",
            *(at, at, _listed(texts)),
            *(at, _listed(numbers), at, _listed(numbers)),
            *(at, _listed(words)),
        )


class JsonCompares(_AtPath):
    """Whether it is a number that is `lt`, `lte`, `gt` or `gte` another."""

    def __init__(
        self, document: str, steps: Sequence[str], comparison: str, number: Number
    ) -> None:
        super().__init__(document, steps, comparison, number)

    def on_postgresql(self, value: Piece) -> Piece:
        """Within the bounds of numbers on the side that the comparison leaves open."""
        comparison, number = self.asked
        is_below = comparison in {"lt", "lte"}
        outside = f"< {_LOWEST_NUMBER}" if is_below else f">= {_LOWEST_TRUTH}"
        asked = _listed([json.dumps(number)], "::jsonb")
        return _put(
            f"({{}} {COMPARISONS[comparison]} {{}} AND ({{}} {outside}) IS NOT TRUE)",
            value,
            asked,
            value,
        )

    def on_sqlite(self, at: Piece) -> Piece:
        """Exactly, also a whole number with one that is not."""
        comparison, number = self.asked
        return _put(
            "(json_type{} IN ('integer', 'real') "
            f"AND json_extract{{}} {COMPARISONS[comparison]} {{}})",
            *(at, at, _listed([number])),
        )


class JsonHasPiece(_AtPath):
    """Whether it is a text that contains a piece or begins with it, A to Z as a to z."""

    def __init__(self, document: str, steps: Sequence[str], piece: str, *, is_first: bool) -> None:
        super().__init__(document, steps, piece, is_first)

    def on_postgresql(self, value: Piece) -> Piece:
        """Within the bounds of texts."""
        piece, is_first = self.asked
        bounds = f"({{}} < {_LOWEST_TEXT}) IS NOT TRUE AND ({{}} >= {_LOWEST_NUMBER}) IS NOT TRUE"
        lowered = "LOWER(({} #>> '{{}}') COLLATE \"C\")"
        found = f"starts_with({lowered}, {{}})" if is_first else f"strpos({lowered}, {{}}) > 0"
        return _put(f"({bounds} AND {found})", *(value, value, value), _listed([piece]))

    def on_sqlite(self, at: Piece) -> Piece:
        """The place of the piece in the text, counted from 1."""
        piece, is_first = self.asked
        place = "= 1" if is_first else "> 0"
        return _put(
            f"(json_type{{}} = 'text' AND instr(LOWER(json_extract{{}}), {{}}) {place})",
            *(at, at, _listed([piece])),
        )


def _put(template: str, *pieces: Piece) -> Piece:
    """The template with the pieces in its places, in order, and their parameters."""
    written = template.format(*(text for text, _ in pieces))
    return written, tuple(value for _, values in pieces for value in values)


def _listed(values: Iterable[Any], cast: str = "") -> Piece:
    """A list of parameters."""
    given = tuple(values)
    return ", ".join([f"%s{cast}"] * len(given)), given
