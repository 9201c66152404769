"""The audit log in the admin: to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.models import AuditEntry, Verification
from kernel.admin import scope
from kernel.admin.base import Figure, PlatformAdmin, ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Entries of the viewer's tenants; nobody adds, changes or removes one, here or elsewhere."""

    list_display = (
        "at",
        "action",
        "actor_label",
        "target_type",
        "target_id",
        "owner",
        "request_id",
    )
    list_display_links = ("at", "action")
    list_filter = ("at",)
    search_fields = ("action__startswith", "target_id__startswith", "request_id__startswith",
                     "actor_label__startswith")  # fmt: skip
    search_help_text = "How an action, a target, a request or a name begins"
    links = ("target_type", "target_id", "action", "request_id")

    def visible(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        """Entries as the audit log itself shows them; all chains for who runs the platform."""
        actor = scope.actor_of(request)
        if actor is None:
            return rows.none()
        if actor.is_platform_admin:
            return rows
        found: QuerySet[Any] = AuditEntry.objects.visible_to(actor)
        return found


@admin.register(Verification)
class VerificationAdmin(PlatformAdmin):
    """How far each chain is known to hold."""

    list_display = ("chain_id", "state", "head_seq", "checked_at", "whole_at", "problem")
    list_filter = ("state", "looked_at")
    figures = (
        Figure(
            label="Audit chains broken",
            narrow=lambda rows, now: rows.filter(broken_at__isnull=False),
            query="state__exact=broken",
            tone="bad",
        ),
    )
