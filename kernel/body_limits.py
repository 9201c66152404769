"""How large a request's body may be: one limit for all, and the addresses that need more room."""

from __future__ import annotations

from django.conf import settings


def limit_of(path: str) -> int:
    """The most bytes a body sent to this path may have."""
    limit: int = settings.BODY_LIMITS.get(path, settings.MAX_BODY_BYTES)
    return limit
