"""The operations console: pages for people, no models and no rules of its own."""

from __future__ import annotations

from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Pages behind the login; registers what its lists can be exported as and asked for."""

    name = "ops"
    verbose_name = "Operations console"

    def ready(self) -> None:
        from commands import registry as commands_registry
        from exports import registry as exports_registry
        from ops import audit_export, device_export, device_list

        exports_registry.register(device_export.DEVICES)
        audit_export.register()
        commands_registry.register_target("list", device_list.devices_of_list)
