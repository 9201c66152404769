"""Every route of the URL configuration, with the methods its view answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

# Answered by Django or DRF for every view, without running ours.
AUTOMATIC = {"OPTIONS", "HEAD", "TRACE"}
SAMPLES = {"int": "1", "uuid": "00000000-0000-7000-8000-000000000000"}
PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One pattern and one method."""

    pattern: str
    method: str

    @property
    def path(self) -> str:
        """An address that the pattern matches."""
        return "/" + PARAMETER.sub(
            lambda match: SAMPLES.get(match[1] or "", "unknown-1"), self.pattern
        )


def routes() -> list[Route]:
    """All routes, in the order Django tries them."""
    return [
        Route(pattern=pattern, method=method)
        for pattern, view in _patterns(get_resolver().url_patterns, "")
        for method in _methods(view)
    ]


def _patterns(entries: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        pattern = prefix + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix(
            r"\Z"
        )
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, pattern)
        elif isinstance(entry, URLPattern):
            yield pattern, entry.callback


def _methods(view: Any) -> list[str]:
    by_action: dict[str, str] | None = getattr(view, "actions", None)
    if by_action:
        return sorted(name.upper() for name in by_action if name.upper() not in AUTOMATIC)
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if kind is None:
        return _allowed_by_decorator(view) or ["GET", "POST"]
    names = [name for name in kind.http_method_names if hasattr(kind, name)]
    return sorted(name.upper() for name in names if name.upper() not in AUTOMATIC)


def _allowed_by_decorator(view: Any) -> list[str]:
    """What `require_http_methods` lets in, on the function or beneath its other decorators."""
    while view is not None:
        found = inspect.getclosurevars(view).nonlocals.get("request_method_list")
        if found is not None:
            return sorted(set(found) - AUTOMATIC)
        view = getattr(view, "__wrapped__", None)
    return []
