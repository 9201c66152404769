"""The fleet as a whole: figures, their course over time, and what needs somebody."""

from __future__ import annotations

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Totals, trends and the list of what needs attention."""

    name = "fleet"
    verbose_name = "Fleet"

    def ready(self) -> None:
        from fleet import tasks  # noqa: F401  jobs register themselves once apps exist
