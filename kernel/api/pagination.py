"""Pages by cursor: stable under inserts, the same cost on every page."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from kernel import errors


class CursorPage(CursorPagination):
    """`{"items": [...], "next": url | null, "previous": url | null}`; at most 200 items."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering: Any = "-pk"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """The page of items. Raises ValidationFailed for a cursor nobody gave out."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except ValueError:
            raise errors.ValidationFailed(
                details={"cursor": ["This cursor is not ours."]}
            ) from None

    def get_paginated_response(self, data: Any) -> Response:
        """One page of items with the addresses of its neighbours."""
        return Response(
            {"items": data, "next": self.get_next_link(), "previous": self.get_previous_link()}
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page in the OpenAPI schema."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["items", "next", "previous"],
            "properties": {"items": schema, "next": link, "previous": link},
        }
