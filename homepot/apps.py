"""The composition root: wires the apps together and decides nothing."""

from django.apps import AppConfig


class HomepotConfig(AppConfig):
    """Holds the commands that start the product."""

    name = "homepot"

    def ready(self) -> None:
        from homepot import jobs  # noqa: F401  jobs register themselves once apps exist
