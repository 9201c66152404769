"""Telemetry: what devices measure."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Readings, the latest of each device, and how long they are kept."""

    name = "telemetry"

    def ready(self) -> None:
        """Register the periodic jobs."""
        from telemetry import tasks  # noqa: F401  jobs register once apps exist
