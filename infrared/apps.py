"""Infrared: codes that devices learn and transmit."""

from django.apps import AppConfig


class InfraredConfig(AppConfig):
    """Registers the infrared kinds of commands."""

    name = "infrared"

    def ready(self) -> None:
        from devices import registry
        from infrared.services import endings, kinds

        kinds.register()
        registry.on_snapshot("ir_codes", endings.snapshot)
        registry.on_erasure("infrared", endings.erase, keeps=endings.KEPT)
