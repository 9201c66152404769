"""Notifications: webhooks and mail about devices that come and go."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Hears of changes in their transactions, and registers the jobs that tell of them."""

    name = "notifications"

    def ready(self) -> None:
        from accounts import registry as accounts_registry
        from devices import registry
        from notifications import tasks  # noqa: F401  jobs register themselves once apps exist
        from notifications.services import erasing, intents

        registry.on_happening(intents.note)
        registry.on_erasure("notifications", erasing.erase_device, keeps=erasing.KEPT)
        accounts_registry.on_account_erasure("notifications", erasing.erase_for_account)
