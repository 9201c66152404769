"""Commands: the one durable ledger of everything devices are asked to do."""

from django.apps import AppConfig


class CommandsConfig(AppConfig):
    """Registers subscribers and periodic jobs."""

    name = "commands"

    def ready(self) -> None:
        from commands import subscribers, tasks  # noqa: F401  both register themselves
        from commands.services import ending, erasing
        from devices import registry

        registry.on_life_end(ending.end_open_commands)
        registry.on_snapshot("commands", ending.snapshot)
        registry.on_erasure("commands", erasing.erase, keeps=erasing.KEPT)
