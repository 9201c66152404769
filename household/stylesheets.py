"""The style sheets of the app, in the order in which later ones refine earlier ones."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from ops.stylesheets import SHARED

OWN: Final = ("frame", "tiles", "switches", "parts", "lists", "steps")
HOUSEHOLD: Final = (
    *(f"homepot/css/{name}.css" for name in SHARED),
    *(f"household/css/{name}.css" for name in OWN),
)


def linked() -> tuple[str, ...]:
    """What pages link to: all in one, or the parts for who works on them."""
    return ("bundles/household.css",) if settings.STATIC_BUNDLES else HOUSEHOLD
