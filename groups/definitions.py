"""What a dynamic group is defined by: a query, in each of the forms it is given and kept in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from groups import query as language
from groups.errors import InvalidQuery
from groups.query import Query, QueryError


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A query, and how it is written as text and as JSON."""

    query: Query
    text: str
    document: Any


def defined(*, query_filter: Any = None, query: str | None = None) -> Definition:
    """The definition that somebody gave: a filter (flat or a tree), or a text.

    Raises InvalidQuery, with the place of each wrong part.
    """
    if (query_filter is None) == (query is None):
        raise InvalidQuery(details={"/query": ["Give query_filter or query, one of them."]})
    try:
        if query is not None:
            return _definition(language.parse_text(query), text=query.strip())
        return _definition(language.parse_filter(query_filter))
    except QueryError as wrong:
        under = "/query_filter" if query is None else "/query"
        raise InvalidQuery(details=wrong.details(under)) from None


def kept(document: Any) -> Query:
    """The query that a group was kept with."""
    return language.parse_json(document)


def _definition(query: Query, *, text: str = "") -> Definition:
    return Definition(
        query=query, text=text or language.to_text(query), document=language.to_json(query)
    )
