"""What every page of the app needs before it reads anything."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest

from accounts import selectors as accounts
from household import families
from kernel.actors import Actor
from ops import selectors


def begin(request: HttpRequest) -> dict[str, Any]:
    """Where the live streams stand, read before the page's data: nothing between is missed."""
    return {"streams": json.dumps(selectors.streams(actor=request.actor))}  # type: ignore[attr-defined]


def within(request: HttpRequest, uid: str = "") -> tuple[families.HomeChoice, Actor]:
    """One home of the viewer's, and the viewer acting in it alone. Raises NotFound."""
    found = request.signed_in  # type: ignore[attr-defined]
    home = families.chosen_home(found, uid)
    return home, accounts.narrowed(found, home.uid).actor
