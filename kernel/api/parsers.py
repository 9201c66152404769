"""Request bodies through the one strict JSON decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from edge.protocol import strict_json
from kernel import errors


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
        body = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            raise errors.PayloadTooLarge
        if not body:
            return {}
        try:
            parsed = strict_json.loads(body, max_bytes=settings.MAX_BODY_BYTES)
        except strict_json.StrictJSONError as error:
            raise errors.ValidationFailed(
                "The body is not acceptable JSON.", details={"body": [error.reason]}
            ) from None
        if not isinstance(parsed, dict):
            raise errors.ValidationFailed(details={"body": ["Send a JSON object."]})
        return parsed
