"""Readings and what is made of them; the large tables are shown device by device."""

from __future__ import annotations

from django.contrib import admin

from kernel.admin.base import PlatformAdmin, ReadOnlyAdmin
from telemetry.models import LatestMetrics, Reading, ReadingRollup, RollupCursor


@admin.register(Reading)
class ReadingAdmin(ReadOnlyAdmin):
    """What a device has sent."""

    needs_device = True
    list_display = ("at", "device", "boot_id", "seq", "received_at", "is_at_corrected")
    list_filter = ("is_at_corrected", "received_at")


@admin.register(ReadingRollup)
class ReadingRollupAdmin(ReadOnlyAdmin):
    """Counts, bounds and sums of a device's metrics."""

    needs_device = True
    list_display = ("bucket_at", "device", "metric", "tier", "count", "min", "max", "last")
    list_filter = ("bucket_at",)
    search_fields = ("metric__startswith",)


@admin.register(LatestMetrics)
class LatestMetricsAdmin(ReadOnlyAdmin):
    """The newest metrics of each device."""

    plural = "Latest metrics"
    list_display = ("device", "owner", "at", "received_at", "clock_skew_s")
    list_filter = ("received_at",)
    search_fields = ("device__uid", "device__name")


@admin.register(RollupCursor)
class RollupCursorAdmin(PlatformAdmin):
    """How far readings are rolled up."""

    list_display = ("name", "position", "raw_from", "fine_from", "rolled_at")
    ordering = ("name",)
