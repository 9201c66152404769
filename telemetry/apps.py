"""Telemetry: what devices measure."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Readings, the latest of each device, and how long they are kept."""

    name = "telemetry"

    def ready(self) -> None:
        """Register the periodic jobs, and what is done when a life begins, ends or is erased."""
        from devices import registry
        from telemetry import selectors, tasks  # noqa: F401  jobs register once apps exist
        from telemetry.services import adopting, erasing

        registry.on_claim(adopting.hand_to_owner)
        registry.on_snapshot("telemetry", selectors.final_metrics)
        registry.on_erasure("telemetry", erasing.erase, keeps=erasing.KEPT)
