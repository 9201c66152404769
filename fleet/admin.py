"""What is remembered of fleets, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from fleet.models import FleetTally
from kernel.admin.base import ReadOnlyAdmin


@admin.register(FleetTally)
class FleetTallyAdmin(ReadOnlyAdmin):
    """The figures of each quarter of an hour."""

    list_display = (
        "at", "owner", "site", "is_simulated", "total", "online", "never_connected", "drifting",
        "failed_commands",
    )  # fmt: skip
    list_filter = ("is_simulated", "at")
