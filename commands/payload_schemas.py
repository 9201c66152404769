"""JSON Schemas of payloads: what meets one, in sentences that point to the field. Plain Python.

The dialect is JSON Schema 2020-12 without references, so that judging a payload always ends soon.
One thing is stricter: `1.0` is no integer, because devices are not expected to know that it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from commands.pattern_cost import MAX_PATTERNED_CHARS
from edge.protocol import documents

MAX_BYTES = 16_384
MAX_DEPTH = 10
# Problems that are told at once; who mends these sees the rest.
_TOLD = 20
_LONGEST_LIST = 200
FORMATS = ("date", "date-time", "email", "ipv4", "ipv6", "uuid")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_formats = FormatChecker([name for name in FORMATS if name != "date-time"])
Problems = dict[str, list[str]]

_WORDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "text",
}


def problems_with(payload: Any, schema: Mapping[str, Any], *, at: str = "/payload") -> Problems:
    """What is wrong with a payload, by JSON Pointer; nothing for one that meets the schema."""
    found = documents.problem_with(payload, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    if found is not None:
        return {f"{at}{found.pointer}": [_sentence(found.message)]}
    problems: Problems = {}
    for error in _validator(json.dumps(schema)).iter_errors(payload):
        for pointer, said in _told(error):
            sentences = problems.setdefault(f"{at}{pointer}", [])
            if said not in sentences:
                sentences.append(said)
            if len(problems) >= _TOLD:
                return problems
    return problems


def pointer_to(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join(f"/{documents.escaped(str(part))}" for part in path)


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    """RFC 3339, which the library leaves to another."""
    if not isinstance(value, str):
        return True
    return bool(_MOMENT.fullmatch(value)) and datetime.fromisoformat(value.upper()) is not None


def _is_integer(checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _match_short_text(
    validator: Any, pattern: str, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if isinstance(value, str) and len(value) > schema.get("maxLength", MAX_PATTERNED_CHARS):
        yield ValidationError("too long to be compared")
        return
    yield from Draft202012Validator.VALIDATORS["pattern"](validator, pattern, value, schema)


_Validator = extend(
    Draft202012Validator,
    validators={"pattern": _match_short_text},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    return _Validator(json.loads(schema), format_checker=_formats)


def _told(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Where the payload is wrong, and how, for people."""
    place = pointer_to(error.absolute_path)
    value, wanted, schema = _found(error)
    if error.validator == "required":
        for name in wanted:
            if name not in value:
                yield f"{place}{pointer_to([name])}", "This is required."
    elif error.validator == "additionalProperties":
        for name in sorted(value.keys() - schema.get("properties", {}).keys()):
            yield f"{place}{pointer_to([name])}", "There is no such field."
    elif error.validator in ("anyOf", "oneOf"):
        yield place, _of_several(error)
    else:
        say = _SENTENCES.get(str(error.validator))
        yield place, "This value is not allowed." if say is None else say(wanted)


def _found(error: ValidationError) -> tuple[Any, Any, Any]:
    """The value, what its keyword wants, and the schema around that: set for every error found."""
    return error.instance, error.validator_value, error.schema


def _of_several(error: ValidationError) -> str:
    if not error.context:
        return "This fits more than one of the forms that exclude each other."
    if all(inner.validator == "required" and not inner.path for inner in error.context):
        names = dict.fromkeys(name for inner in error.context for name in _found(inner)[1])
        return f"Send one of {', '.join(names)}."
    return "This fits none of the forms that are allowed."


def _types(wanted: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return f"Send {' or '.join(_WORDS.get(name, name) for name in names)}."


def _listed(values: Any) -> str:
    text = ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
    return f"One of {text[:_LONGEST_LIST]}{'…' if len(text) > _LONGEST_LIST else ''}."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "type": _types,
    "enum": _listed,
    "const": lambda wanted: _listed([wanted]),
    "minimum": lambda wanted: f"At least {wanted}.",
    "maximum": lambda wanted: f"At most {wanted}.",
    "exclusiveMinimum": lambda wanted: f"More than {wanted}.",
    "exclusiveMaximum": lambda wanted: f"Less than {wanted}.",
    "multipleOf": lambda wanted: f"A multiple of {wanted}.",
    "minLength": lambda wanted: f"At least {wanted} characters.",
    "maxLength": lambda wanted: f"At most {wanted} characters.",
    "minItems": lambda wanted: f"At least {wanted} items.",
    "maxItems": lambda wanted: f"At most {wanted} items.",
    "uniqueItems": lambda wanted: "Each item once.",
    "minProperties": lambda wanted: f"At least {wanted} fields.",
    "maxProperties": lambda wanted: f"At most {wanted} fields.",
    "pattern": lambda wanted: f"This must match {wanted}",
    "format": lambda wanted: f"This is no {wanted}.",
    "not": lambda wanted: "This value is not allowed.",
}
