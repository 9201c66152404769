"""The style sheets of the pages, in the order in which later ones refine earlier ones."""

from __future__ import annotations

from typing import Final

SHARED: Final = ("tokens", "base", "controls", "components", "cards", "overlays")
CONSOLE: Final = (
    *SHARED,
    "shell",
    "palette",
    "pages",
    "overview",
    "fleet-figures",
    "site-board",
    "first-run",
    "devices",
    "list-tools",
    "device-list",
    "device",
    "identity",
    "timeline",
    "credentials",
    "deeds",
    "lives",
    "places",
    "connectivity",
    "notifications",
    "documents",
    "charts",
    "ranges",
    "readings",
    "versions",
    "groups",
    "audit",
    "account",
    "responsive",
    "sidebar",
    "lives-narrow",
)
