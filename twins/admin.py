"""Twins in Django's admin: their documents, versions and policies."""

from __future__ import annotations

from django.contrib import admin

from kernel.admin.base import Figure, ReadOnlyAdmin
from twins.models import Twin, TwinPolicy, TwinRevision


@admin.register(Twin)
class TwinAdmin(ReadOnlyAdmin):
    """What devices should be like and what they say they are like."""

    list_display = (
        "device", "owner", "desired_version", "applied_version", "reported_version", "is_drifting",
        "drift_since", "updated_at",
    )  # fmt: skip
    list_filter = ("is_drifting", "updated_at")
    search_fields = ("device__uid", "device__name")
    figures = (
        Figure(
            label="Twins drifting",
            narrow=lambda rows, now: rows.filter(is_drifting=True),
            query="is_drifting__exact=1",
            tone="warn",
        ),
    )


@admin.register(TwinRevision)
class TwinRevisionAdmin(ReadOnlyAdmin):
    """Every version of the documents of twins."""

    list_display = ("device", "section", "version", "at", "by", "origin", "owner")
    list_filter = ("section", "origin", "at")
    search_fields = ("device__uid",)


@admin.register(TwinPolicy)
class TwinPolicyAdmin(ReadOnlyAdmin):
    """What tenants have set about their twins."""

    site_path = ""
    list_display = ("tenant", "machines_need_if_match", "drift_alert_after_s", "changed_at")
    list_filter = ("machines_need_if_match",)
    search_fields = ("tenant__name",)
