"""The app of who owns a few devices: pages, no models and no rules of its own."""

from __future__ import annotations

from django.apps import AppConfig


class HouseholdConfig(AppConfig):
    """Pages under /app."""

    name = "household"
    verbose_name = "Household app"
