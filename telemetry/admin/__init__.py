"""Telemetry in Django's admin."""

from telemetry.admin import readings, sensors, set_aside  # noqa: F401  they register themselves
