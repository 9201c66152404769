"""Telemetry: what devices measure."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Readings, the latest of each device, and how long they are kept."""

    name = "telemetry"

    def ready(self) -> None:
        """Register the periodic jobs, and what is done for a life that begins, ends or is erased."""
        from devices import registry
        from telemetry import selectors, sensor_selectors, tasks  # noqa: F401  jobs register once apps exist
        from telemetry.services import adopting, erasing, sensor_lives, set_aside

        registry.on_claim(adopting.hand_to_owner)
        registry.on_snapshot("telemetry", selectors.final_metrics)
        registry.on_erasure("telemetry", erasing.erase, keeps=erasing.KEPT)
        registry.on_snapshot("sensors", sensor_selectors.final_sensors)
        registry.on_claim(sensor_lives.hand_to_owner)
        registry.on_erasure("sensors", sensor_lives.erase, keeps=sensor_lives.KEPT)
        registry.on_claim(set_aside.hand_to_owner)
        registry.on_erasure("set_aside", set_aside.erase, keeps=set_aside.KEPT)
