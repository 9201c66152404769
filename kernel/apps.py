"""The kernel: what every app may import."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Registers the start-up checks."""

    name = "kernel"

    def ready(self) -> None:
        from kernel import checks  # noqa: F401  checks register themselves once apps exist
