"""Who is there, who was, and what people agreed on about it."""

from __future__ import annotations

from django.contrib import admin

from devices.models import (
    DeviceConnection,
    DevicePresence,
    DeviceSession,
    FlapEpisode,
    MaintenanceWindow,
    PresencePolicy,
    SiteOutage,
)
from kernel.admin.base import Figure, ReadOnlyAdmin


@admin.register(DevicePresence)
class DevicePresenceAdmin(ReadOnlyAdmin):
    """Whether each device is there, and when it counts as offline."""

    list_display = (
        "device", "owner", "is_online", "wire", "last_seen_at", "offline_due_at", "is_flapping",
    )  # fmt: skip
    list_filter = ("is_online", "is_flapping", "wire", "last_seen_at")
    search_fields = ("device__uid", "device__name", "address__startswith")
    figures = (
        Figure(
            label="Devices flapping",
            narrow=lambda rows, now: rows.filter(is_flapping=True),
            query="is_flapping__exact=1",
            tone="warn",
        ),
    )


@admin.register(DeviceSession)
class DeviceSessionAdmin(ReadOnlyAdmin):
    """The present or last session of each device."""

    list_display = (
        "device", "owner", "epoch", "is_live", "wire", "opened_at", "closed_at", "close_reason",
    )  # fmt: skip
    list_filter = ("is_live", "wire", "opened_at")
    search_fields = ("device__uid", "address__startswith")


@admin.register(DeviceConnection)
class DeviceConnectionAdmin(ReadOnlyAdmin):
    """The connectivity log."""

    list_display = ("device", "kind", "reason", "wire", "at", "duration_s", "contact", "owner")
    list_filter = ("kind", "wire", "at")
    search_fields = ("device__uid",)


@admin.register(FlapEpisode)
class FlapEpisodeAdmin(ReadOnlyAdmin):
    """Times in which devices came and went."""

    list_display = ("device", "owner", "count", "began_at", "last_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "began_at")
    search_fields = ("device__uid",)


@admin.register(SiteOutage)
class SiteOutageAdmin(ReadOnlyAdmin):
    """Sites that were lost as a whole."""

    list_display = ("site", "owner", "lost", "total", "began_at", "noticed_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "began_at")
    search_fields = ("site__name", "site__site_id")
    date_hierarchy = "began_at"
    figures = (
        Figure(
            label="Site outages going on",
            narrow=lambda rows, now: rows.filter(ended_at__isnull=True),
            query="ended_at__isempty=1",
            tone="bad",
        ),
    )


@admin.register(PresencePolicy)
class PresencePolicyAdmin(ReadOnlyAdmin):
    """After how much silence devices of a class count as offline."""

    site_path = ""
    list_display = ("tenant", "device_class", "offline_after_s", "changed_at")
    list_filter = ("device_class",)
    search_fields = ("tenant__name",)
    audited_as = ("presence_policy", "uid")


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(ReadOnlyAdmin):
    """Times in which absence is no fault."""

    list_display = (
        "uid",
        "tenant",
        "site",
        "device",
        "starts_at",
        "ends_at",
        "reason",
        "created_by",
    )
    list_filter = ("starts_at", "ends_at")
    search_fields = ("uid", "reason", "tenant__name")
    audited_as = ("maintenance_window", "uid")
    date_hierarchy = "starts_at"
