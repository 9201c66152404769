"""JSON, and RFC 9457 problem details for clients that accept them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer as BaseJSONRenderer


class JSONRenderer(BaseJSONRenderer):
    """JSON as UTF-8."""

    charset = None


class ProblemRenderer(BaseJSONRenderer):
    """Errors as `application/problem+json`: our four members plus those of RFC 9457."""

    media_type = "application/problem+json"
    format = "problem"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The body; an error gains `type`, `title`, `status` and `detail`."""
        response = (renderer_context or {}).get("response")
        if response is not None and response.status_code >= 400 and "code" in (data or {}):
            data = problem_of(data, response.status_code)
        rendered: bytes = super().render(data, accepted_media_type, renderer_context)
        return rendered


def problem_of(body: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Our error body with the members of RFC 9457 added."""
    return {
        "type": f"urn:homepot:error:{body['code']}",
        "title": body["message"],
        "status": status,
        "detail": body["message"],
        **body,
    }
