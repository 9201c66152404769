"""Devices: identity, lifecycle, credentials, sessions, presence."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """Registers the periodic jobs."""

    name = "devices"

    def ready(self) -> None:
        from devices import tasks  # noqa: F401  jobs register themselves once apps exist
