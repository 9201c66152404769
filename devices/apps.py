"""Devices: identity, lifecycle, credentials, sessions, presence."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """Registers the periodic jobs, and tells accounts and audit of sites and devices."""

    name = "devices"

    def ready(self) -> None:
        from accounts import registry as accounts_registry
        from audit import registry as audit_registry
        from devices import (
            registry,
            tasks,  # noqa: F401  jobs register themselves once apps exist
        )
        from devices.api import openapi  # noqa: F401  so does the schema extension
        from devices.selectors import sites, visibility
        from devices.services import (
            account_erasure,
            broker_accounts,
            flapping,
            presence_keys,
            transfers,
        )

        registry.on_life_end(transfers.cancel_for_end)
        registry.on_life_end(flapping.end_with_lives)
        registry.on_life_end(presence_keys.end_with_lives)
        registry.on_life_end(broker_accounts.revoke_with_lives)

        accounts_registry.use_site_directory(
            accounts_registry.SiteDirectory(
                find=lambda tenant_id, ids: sites.site_pks(tenant_id=tenant_id, site_ids=ids),
                name=sites.site_slugs,
            )
        )
        accounts_registry.on_account_erasure("devices", account_erasure.erase_for_account)
        audit_registry.limit_targets("device", visibility.uids_within)
        audit_registry.limit_targets("site", visibility.site_ids_within)
