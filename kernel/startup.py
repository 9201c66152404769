"""Start-up is when apps tell each other of themselves; afterwards the wiring stands."""

from __future__ import annotations

from django.apps import apps


class TooLate(RuntimeError):
    """A registry was given an entry after start-up."""


def require_starting_up(registry: str) -> None:
    """Refuse an entry that comes after every app is ready: what runs would depend on when."""
    if apps.ready:
        raise TooLate(f"The {registry} takes entries only while the apps start up.")
