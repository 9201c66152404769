"""Batches and their members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from commands.models import BatchMember, CommandBatch
from kernel.admin.base import Figure, ReadOnlyAdmin


@admin.register(CommandBatch)
class CommandBatchAdmin(ReadOnlyAdmin):
    """One request for many devices."""

    plural = "Command batches"
    list_display = ("uid", "tenant", "kind", "state", "reason", "total", "created_at", "created_by")
    list_filter = ("state", "delivery", "created_at")
    search_fields = ("kind__startswith", "created_by__startswith", "tenant__name")
    date_hierarchy = "created_at"
    audited_as = ("command_batch", "uid")
    figures = (
        Figure(
            label="Batches running",
            narrow=lambda rows, now: rows.filter(finished_at__isnull=True),
            query="state__exact=running",
        ),
    )

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Its devices."""
        yield "Members", self.list_of("commands.batchmember", f"batch={row.pk}", request)


@admin.register(BatchMember)
class BatchMemberAdmin(ReadOnlyAdmin):
    """Devices of batches, and the commands they got."""

    list_display = ("batch", "device", "state", "reason", "command")
    list_filter = ("state",)
    search_fields = ("device__uid",)
    links = ("batch",)
