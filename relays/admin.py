"""Relays in Django's admin: as their devices confirmed them."""

from __future__ import annotations

from django.contrib import admin

from kernel.admin.base import ReadOnlyAdmin
from relays.models import RelayState


@admin.register(RelayState)
class RelayStateAdmin(ReadOnlyAdmin):
    """Positions of relays, and who changed them last."""

    list_display = (
        "device",
        "index",
        "is_on",
        "version",
        "source",
        "changed_at",
        "changed_by",
        "owner",
    )
    list_filter = ("is_on", "source", "changed_at")
    search_fields = ("device__uid", "device__name")
