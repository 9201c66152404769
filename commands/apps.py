"""Commands: the one durable ledger of everything devices are asked to do."""

from django.apps import AppConfig


class CommandsConfig(AppConfig):
    """Registers subscribers and periodic jobs."""

    name = "commands"

    def ready(self) -> None:
        from commands import subscribers, tasks  # noqa: F401  both register themselves
