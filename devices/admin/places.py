"""Sites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from devices.models import Site
from kernel.admin.base import ReadOnlyAdmin


@admin.register(Site)
class SiteAdmin(ReadOnlyAdmin):
    """Stores, buildings and homes; those that were removed stay."""

    site_path = "pk"
    list_display = ("site_id", "name", "tenant", "time_zone", "created_at", "removed_at")
    list_display_links = ("site_id", "name")
    list_filter = (("removed_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("site_id", "name", "address")
    ordering = ("name", "pk")
    date_hierarchy = "created_at"
    audited_as = ("site", "site_id")

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """What stands there."""
        yield "Devices", self.list_of("devices.device", f"site={row.pk}", request)
