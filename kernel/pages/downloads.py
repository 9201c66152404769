"""Files as answers: made piece by piece, never kept by anyone on the way."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse


def attachment(pieces: Iterator[bytes], *, name: str, media_type: str) -> StreamingHttpResponse:
    """The pieces as a file of that name; the name is of letters, digits, `-` and dots."""
    response = StreamingHttpResponse(pieces, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
