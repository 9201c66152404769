"""The style sheets of the pages, in the order in which later ones refine earlier ones."""

from __future__ import annotations

from typing import Final

SHARED: Final = ("tokens", "base", "controls", "components")
CONSOLE: Final = (
    *SHARED,
    "shell",
    "pages",
    "devices",
    "device",
    "deeds",
    "lives",
    "places",
    "connectivity",
    "notifications",
    "documents",
    "groups",
    "responsive",
    "lives-narrow",
)
