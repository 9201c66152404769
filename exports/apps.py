"""Lists that somebody takes home: made in the background, fetched as a file."""

from __future__ import annotations

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Exports of whatever kinds the apps above register."""

    name = "exports"
    verbose_name = "Exports"

    def ready(self) -> None:
        from accounts import registry as accounts_registry
        from exports import tasks  # noqa: F401  jobs register themselves once apps exist
        from exports.services import keeping

        accounts_registry.on_account_erasure("exports", keeping.erase_for_account)
