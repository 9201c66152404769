"""What the viewer has arranged for themselves, as pages need it: asked once per request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.http import HttpRequest

from accounts.services import preferences

THEMES: Final = ("system", "light", "dark")


def arranged(request: HttpRequest) -> Mapping[str, Any]:
    """The viewer's preferences by member; empty for strangers."""
    known: Mapping[str, Any] | None = getattr(request, "arranged", None)
    if known is None:
        actor: Any = getattr(request, "actor", None)
        is_stranger = actor is None or actor.user_id is None
        known = {} if is_stranger else preferences.read_preferences(actor=actor).members
        request.arranged = known  # type: ignore[attr-defined]
    return known


def within(request: HttpRequest, *path: str) -> Any:
    """What stands at a place in the preferences; None where nothing of that shape does."""
    at: Any = arranged(request)
    for name in path:
        if not isinstance(at, Mapping):
            return None
        at = at.get(name)
    return at


def is_open(request: HttpRequest, card: str, *, at_first: bool = True) -> bool:
    """Whether a card stands open: as the viewer left it, else as it is at first."""
    left = within(request, "dashboard_layout", "cards", card)
    return left == "open" if left in {"open", "closed"} else at_first


def theme(request: HttpRequest) -> str:
    """The theme the viewer chose on whatever browser; empty where they never did."""
    return setting(request, "theme", THEMES)


def setting(request: HttpRequest, name: str, known: Collection[str]) -> str:
    """A setting of the dashboard if it is one of the known words; empty otherwise."""
    chosen = within(request, "dashboard_settings", name)
    return chosen if isinstance(chosen, str) and chosen in known else ""
