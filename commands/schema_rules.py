"""Which JSON Schemas a tenant may give its own kinds of commands. Plain Python.

A subset of 2020-12: enough to draw a form from, without references and with bounds on everything
that judging a payload costs. An unknown keyword is refused: it would silently check nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from commands import pattern_cost
from commands.payload_schemas import FORMATS, MAX_BYTES, Problems, pointer_to
from edge.protocol import documents

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_DEPTH = 15
MAX_SCHEMAS = 128
MAX_CHOICES = 100
# How many values a payload of such a kind may have: each may meet each of the schemas.
MAX_VALUES = 256
_TOLD = 20

_OF_FIELDS = "properties"
_OF_ONE = frozenset({"additionalProperties", "items", "not", "if", "then", "else", "propertyNames"})
_OF_SEVERAL = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_PLAIN = frozenset(
    {
        "$schema", "$comment", "title", "description", "default", "examples", "deprecated",
        "readOnly", "writeOnly", "type", "enum", "const", "format", "pattern", "required",
        "dependentRequired", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
        "minProperties", "maxProperties",
    }
)  # fmt: skip
_KNOWN = _PLAIN | _OF_ONE | _OF_SEVERAL | {_OF_FIELDS}
Path = tuple[str | int, ...]
_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)


def problems_with_schema(schema: Any, *, at: str = "/schema") -> Problems:
    """What keeps a schema from being used, by JSON Pointer; nothing for one that can be."""
    found = documents.problem_with(schema, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    if found is not None:
        return {f"{at}{found.pointer}": [f"{found.message[0].upper()}{found.message[1:]}."]}
    problems: Problems = {}
    for path, said in _problems(schema):
        problems.setdefault(f"{at}{pointer_to(path)}", []).append(said)
        if len(problems) >= _TOLD:
            break
    return problems


def is_too_many(payload: Any) -> bool:
    """Whether a payload has more values than one of a tenant's own kinds may have."""
    left = MAX_VALUES
    waiting = [payload]
    while waiting:
        value = waiting.pop()
        left -= 1
        if left < 0:
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _problems(schema: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    illegal = False
    for error in _META.iter_errors(schema):
        illegal = True
        yield tuple(error.absolute_path), f"This is not what {_keyword(error)} takes."
    if illegal:
        return
    if schema and schema.get("type") != "object":
        yield ("type",), 'A payload is an object: send "object".'
    inner = list(_schemas_in(schema, ()))
    if len(inner) > MAX_SCHEMAS:
        yield (), f"At most {MAX_SCHEMAS} schemas, inner ones counted."
        return
    ways = 0
    for path, part in inner:
        yield from _problems_of_one(path, part)
        ways += _ways(part)
    if ways > pattern_cost.MAX_WAYS:
        yield (), "The patterns together are too costly: anchor them with ^, repeat less."


def _keyword(error: Any) -> str:
    return next((str(part) for part in reversed(error.absolute_path) if part in _KNOWN), "a schema")


def _schemas_in(schema: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The schema and each one inside it; `true` and `false` are schemas that say nothing more."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name, part in schema.get(_OF_FIELDS, {}).items():
        yield from _schemas_in(part, (*path, _OF_FIELDS, name))
    for keyword in _OF_ONE & schema.keys():
        yield from _schemas_in(schema[keyword], (*path, keyword))
    for keyword in _OF_SEVERAL & schema.keys():
        for index, part in enumerate(schema[keyword]):
            yield from _schemas_in(part, (*path, keyword, index))


def _problems_of_one(path: Path, schema: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for keyword in sorted(schema.keys() - _KNOWN):
        yield (*path, keyword), "This keyword is not allowed here."
    if schema.get("$schema", DIALECT) != DIALECT:
        yield (*path, "$schema"), f"Only {DIALECT}."
    if schema.get("format", FORMATS[0]) not in FORMATS:
        yield (*path, "format"), f"One of {', '.join(FORMATS)}."
    if len(schema.get("enum", ())) > MAX_CHOICES:
        yield (*path, "enum"), f"At most {MAX_CHOICES} choices."
    if "pattern" in schema:
        yield from _problems_of_pattern(path, schema)


def _problems_of_pattern(path: Path, schema: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    if schema.get("maxLength", 0) > pattern_cost.MAX_PATTERNED_CHARS:
        longest = pattern_cost.MAX_PATTERNED_CHARS
        yield (*path, "maxLength"), f"At most {longest} where there is a pattern."
    try:
        ways = pattern_cost.ways_of(schema["pattern"])
    except pattern_cost.Unbounded as refused:
        yield (*path, "pattern"), str(refused)
        return
    if ways > pattern_cost.MAX_WAYS:
        yield (*path, "pattern"), "This pattern is too costly: anchor it with ^, repeat less."


def _ways(schema: dict[str, Any]) -> int:
    """What the pattern costs; nothing for one that is refused by itself."""
    try:
        ways = pattern_cost.ways_of(schema["pattern"]) if "pattern" in schema else 0
    except pattern_cost.Unbounded:
        return 0
    return ways if ways <= pattern_cost.MAX_WAYS else 0
