"""Accounts: people, tenants, memberships and the sessions they sign in with."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the housekeeping job, the hints to sockets and the OpenAPI security schemes."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import subscribers, tasks  # noqa: F401  they register themselves
        from accounts.api import openapi  # noqa: F401  so does the schema extension
