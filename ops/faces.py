"""The two faces of the product: the console for operators, the app for who owns a few devices."""

from __future__ import annotations

from accounts.services import preferences
from kernel.actors import Actor

CONSOLE = "ops:overview"
APP = "household:home"


def start_page(*, actor: Actor) -> str:
    """The name of the page behind the login: as the viewer's preferences say, else the console."""
    settings = preferences.read_preferences(actor=actor).members.get("dashboard_settings", {})
    return APP if settings.get("start_page") == "app" else CONSOLE
