"""The operations console: pages for people, no models and no rules of its own."""

from __future__ import annotations

from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Pages behind the login: devices, one device, claiming."""

    name = "ops"
    verbose_name = "Operations console"
