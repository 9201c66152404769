"""Lists that somebody takes home: made in the background, fetched as a file."""

from __future__ import annotations

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Exports of the device list and the audit log."""

    name = "exports"
    verbose_name = "Exports"
