"""Relays: asked for through the ledger, known from their device."""

from django.apps import AppConfig


class RelaysConfig(AppConfig):
    """Registers the kinds of commands that switch relays."""

    name = "relays"

    def ready(self) -> None:
        from devices import registry
        from relays.services import erasing, outcomes

        outcomes.register()
        registry.on_erasure("relays", erasing.erase, keeps=erasing.KEPT)
