"""Exports in Django's admin: who asked for which file, never what is in it."""

from __future__ import annotations

from django.contrib import admin

from exports.models import Export, ExportPart
from kernel.admin.base import PlatformAdmin, ReadOnlyAdmin


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """Files and how far they are."""

    list_display = (
        "uid", "owner", "kind", "requested_by", "state", "done", "total", "created_at", "expires_at",
    )  # fmt: skip
    list_filter = ("state", "file_format", "created_at")
    search_fields = ("uid", "kind__startswith", "requested_by__startswith")
    audited_as = ("export", "uid")


@admin.register(ExportPart)
class ExportPartAdmin(PlatformAdmin):
    """Pieces of files by number."""

    list_display = ("export", "number")
    search_fields = ("export__uid",)
