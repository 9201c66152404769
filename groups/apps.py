"""Groups: devices by name, and devices by what they are."""

from django.apps import AppConfig


class GroupsConfig(AppConfig):
    """Registers the jobs that follow memberships, and lets batches name groups and queries."""

    name = "groups"

    def ready(self) -> None:
        from accounts import registry as accounts_registry
        from commands import registry as commands_registry
        from devices import registry
        from groups import selectors, tasks  # noqa: F401  jobs register themselves once apps exist
        from groups.fact_selectors import bounded
        from groups.services import endings, targets

        registry.on_life_end(endings.leave_with_lives)
        registry.on_snapshot("groups", endings.snapshot)
        registry.on_erasure("groups", endings.erase_device, keeps=endings.KEPT)
        accounts_registry.on_account_erasure("groups", endings.erase_for_account)
        registry.register_narrowing("group", selectors.narrowed_to_group, guard=bounded)
        registry.register_narrowing("query", selectors.narrowed_by_query, guard=bounded)
        commands_registry.register_target("group", targets.devices_of_group)
        commands_registry.register_target("query", targets.devices_of_query)
