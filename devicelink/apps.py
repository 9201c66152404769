"""The wire to devices: translates frames to service calls and facts to hints; keeps no rows."""

from django.apps import AppConfig


class DevicelinkConfig(AppConfig):
    """Registers what turns domain events into hints for device sockets."""

    name = "devicelink"

    def ready(self) -> None:
        from devicelink import subscribers  # noqa: F401  needs the apps it listens to
        from devicelink.mqtt import checks, jobs  # noqa: F401  they register themselves
