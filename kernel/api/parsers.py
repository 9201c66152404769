"""Request bodies through the one strict JSON decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from edge.protocol import strict_json
from kernel import body_limits, errors


def limit_in(parser_context: Mapping[str, Any] | None) -> int:
    """The most bytes the request that is being parsed may bring."""
    request = (parser_context or {}).get("request")
    return body_limits.limit_of("" if request is None else request.path)


def bounded(stream: IO[Any], limit: int) -> bytes:
    """The whole body. Raises PayloadTooLarge past the limit."""
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise errors.PayloadTooLarge
    return body


class UndecodedParser(BaseParser):
    """Leaves the body as it came: what it says is read with the rest of the input."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The body as bytes. Raises PayloadTooLarge."""
        return bounded(stream, limit_in(parser_context))


class CsvParser(UndecodedParser):
    """The same for a CSV file."""

    media_type = "text/csv"


class StrictJSONParser(BaseParser):
    """Accepts a JSON object and nothing else; says in `details` what is wrong."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The decoded object. Raises PayloadTooLarge or ValidationFailed."""
        limit = limit_in(parser_context)
        body = bounded(stream, limit)
        if not body:
            return {}
        try:
            parsed = strict_json.loads(body, max_bytes=limit)
        except strict_json.StrictJSONError as error:
            raise errors.ValidationFailed(
                "The body is not acceptable JSON.", details={"body": [error.reason]}
            ) from None
        if not isinstance(parsed, dict):
            raise errors.ValidationFailed(details={"body": ["Send a JSON object."]})
        return parsed


class MergePatchParser(StrictJSONParser):
    """The same for a merge patch (RFC 7396), where a view takes one."""

    media_type = "application/merge-patch+json"
