"""Groups in Django's admin: who is in them, and the journal of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from groups.models import DeviceGroup, GroupMember, MembershipEvent
from kernel.admin.base import Figure, ReadOnlyAdmin


@admin.register(DeviceGroup)
class DeviceGroupAdmin(ReadOnlyAdmin):
    """Static and dynamic groups; those that were removed stay."""

    site_path = ""
    list_display = (
        "uid",
        "name",
        "tenant",
        "kind",
        "version",
        "changed_at",
        "removed_at",
        "sweep_error",
    )
    list_display_links = ("uid", "name")
    list_filter = ("kind", ("removed_at", admin.EmptyFieldListFilter), "changed_at")
    search_fields = ("uid", "name", "tenant__name")
    ordering = ("name", "pk")
    audited_as = ("group", "uid")
    figures = (
        Figure(
            label="Groups that cannot be followed",
            narrow=lambda rows, now: rows.filter(removed_at__isnull=True).exclude(sweep_error=""),
            tone="warn",
        ),
    )

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Who is in it, and how that came about."""
        yield "Members", self.list_of("groups.groupmember", f"group={row.pk}", request)
        yield "Journal", self.list_of("groups.membershipevent", f"group={row.pk}", request)


@admin.register(GroupMember)
class GroupMemberAdmin(ReadOnlyAdmin):
    """Devices of groups."""

    list_display = ("group", "device", "since", "owner")
    list_filter = ("since",)
    search_fields = ("group__name", "device__uid")
    links = ("group",)


@admin.register(MembershipEvent)
class MembershipEventAdmin(ReadOnlyAdmin):
    """The journal of groups."""

    plural = "Group journal"
    list_display = ("group", "device", "change", "at", "owner")
    list_filter = ("change", "at")
    search_fields = ("device__uid",)
    links = ("group",)
