"""Commands and their moves. Nobody edits the ledger: not here, and not who runs the platform."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from commands.models import Command, CommandEvent, CustomKind
from kernel.admin.base import Figure, ReadOnlyAdmin

_DAY = timedelta(days=1)


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    """Everything devices were ever asked for."""

    list_display = (
        "uid", "device", "kind", "state", "reason", "created_at", "finished_at", "wire", "owner",
    )  # fmt: skip
    list_filter = (
        "state",
        ("finished_at", admin.EmptyFieldListFilter),
        "delivery",
        "wire",
        "created_at",
    )
    search_fields = ("device__uid", "device__name", "kind__startswith")
    search_help_text = "Device, or how a kind begins"
    audited_as = ("command", "uid")
    figures = (
        Figure(
            label="Commands open",
            narrow=lambda rows, now: rows.filter(finished_at__isnull=True),
            query="finished_at__isempty=1",
        ),
        Figure(
            label="Commands failed in a day",
            narrow=lambda rows, now: rows.filter(
                state__in=("failed", "rejected", "expired"), finished_at__gte=now - _DAY
            ),
            query="state__exact=failed",
            tone="bad",
        ),
    )

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Each of its moves, and the console's page that explains it."""
        yield "Moves", self.list_of("commands.commandevent", f"command={row.pk}", request)


@admin.register(CommandEvent)
class CommandEventAdmin(ReadOnlyAdmin):
    """Moves of commands."""

    tenant_path = "command__tenant_id"
    site_path = "command__device__site_id"
    list_display = ("command", "from_state", "to_state", "reason", "at")
    list_filter = ("at",)
    links = ("command",)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """By what it is a move of; that has the tenant."""
        return list(self.list_filter)


@admin.register(CustomKind)
class CustomKindAdmin(ReadOnlyAdmin):
    """Kinds of commands that tenants have allowed themselves."""

    site_path = ""
    list_display = ("name", "tenant", "title", "lifetime_s", "created_at", "created_by")
    search_fields = ("name", "title", "tenant__name")
    ordering = ("name", "pk")
