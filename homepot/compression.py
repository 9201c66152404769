"""Pages leave compressed; what machines ask for all day leaves as it is."""

from __future__ import annotations

from typing import Any

from django.middleware.gzip import GZipMiddleware


class PageCompressionMiddleware(GZipMiddleware):
    """Django's compression, with its random length against guessing, for pages alone."""

    def process_response(self, request: Any, response: Any) -> Any:
        """The page, compressed where the browser takes that."""
        is_page = response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response
