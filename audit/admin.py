"""The audit log in the admin: to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit import selectors
from audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no argument at run time
    """Shows what the signed-in administrator may see; changes nothing."""

    list_display = ("at", "action", "actor_label", "target_type", "target_id", "request_id")
    list_filter = ("action", "actor_kind")
    search_fields = ("target_id", "request_id", "actor_label")
    ordering = ("-id",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Entries in the administrator's scope."""
        actor = getattr(request, "actor", None)
        if actor is None:
            return AuditEntry.objects.none()
        return selectors.entries_visible_to(actor).order_by("-id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds entries by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes entries."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes entries."""
        return False
