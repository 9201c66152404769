"""Lists of devices that are enrolled together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from devices.choices import RowState
from devices.models import Enrolment, EnrolmentRow
from kernel.admin import filters
from kernel.admin.base import ReadOnlyAdmin


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    """Enrolments and how far they are."""

    list_display = (
        "uid", "tenant", "mode", "state", "total", "enrolled", "failed", "invalid", "created_at",
        "created_by",
    )  # fmt: skip
    list_filter = ("state", "mode", "created_at")
    search_fields = ("uid", "created_by", "tenant__name")
    date_hierarchy = "created_at"
    audited_as = ("enrolment", "uid")

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Its rows."""
        yield "Rows", self.list_of("devices.enrolmentrow", f"enrolment={row.pk}", request)


@admin.register(EnrolmentRow)
class EnrolmentRowAdmin(ReadOnlyAdmin):
    """The devices of enrolments, one by one."""

    list_display = ("enrolment", "number", "state", "device", "tenant")
    list_filter = (filters.words("state", "state", RowState.values),)
    search_fields = ("enrolment__uid", "device__uid")
    links = ("enrolment",)
