"""The language in which groups say which devices belong to them: plain Python, no database.

A query has one form in memory (`Query`) and three in writing: JSON of its own (`to_json`), one line
of text (`to_text`), and the flat filter of older programs, which is only read.
"""

from groups.query.ast import MAX_DEPTH, MAX_LEAVES, AllOf, AnyOf, Leaf, Not, Query, leaves
from groups.query.evaluate import Verdict, explain, matches
from groups.query.facts import Facts
from groups.query.fields import field_named
from groups.query.json_form import parse_filter, parse_flat, parse_json, to_json
from groups.query.problems import Problem, QueryError
from groups.query.suggest import Suggestion, Suggestions, suggest
from groups.query.text_form import MAX_TEXT, literal, parse_text, to_text

__all__ = [
    "MAX_DEPTH",
    "MAX_LEAVES",
    "MAX_TEXT",
    "AllOf",
    "AnyOf",
    "Facts",
    "Leaf",
    "Not",
    "Problem",
    "Query",
    "QueryError",
    "Suggestion",
    "Suggestions",
    "Verdict",
    "explain",
    "field_named",
    "leaves",
    "literal",
    "matches",
    "parse_filter",
    "parse_flat",
    "parse_json",
    "parse_text",
    "suggest",
    "to_json",
    "to_text",
]
