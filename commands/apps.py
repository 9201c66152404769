"""Commands: the one durable ledger of everything devices are asked to do."""

from django.apps import AppConfig


class CommandsConfig(AppConfig):
    """Registers subscribers, periodic jobs and the kinds that need no app of their own."""

    name = "commands"

    def ready(self) -> None:
        from accounts import registry as accounts_registry
        from commands import subscribers, tasks  # noqa: F401  both register themselves
        from commands.services import account_erasure, builtin_kinds, ending, erasing
        from devices import registry

        builtin_kinds.register()
        registry.on_life_end(ending.end_open_commands)
        registry.on_snapshot("commands", ending.snapshot)
        registry.on_erasure("commands", erasing.erase, keeps=erasing.KEPT)
        accounts_registry.on_account_erasure("commands", account_erasure.erase_for_account)
