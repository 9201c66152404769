"""The kernel: what every app may import."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Registers the start-up checks and confines database connections."""

    name = "kernel"

    def ready(self) -> None:
        # Checks register themselves once apps exist; every connection is confined, and reads times
        # fast, from the first.
        from kernel import checks, moments, row_security  # noqa: F401
