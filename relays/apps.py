"""Relays: asked for through the ledger, known from their device."""

from django.apps import AppConfig


class RelaysConfig(AppConfig):
    """Registers the kinds of commands that switch relays."""

    name = "relays"

    def ready(self) -> None:
        from relays.services import outcomes

        outcomes.register()
