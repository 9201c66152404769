"""The kernel's own tables in the admin, for who runs the platform."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin

from kernel.admin.base import Figure, PlatformAdmin, ReadOnlyAdmin
from kernel.models import Heartbeat, IdempotencyRecord, LiveEvent, LiveStream, RateWindow

_LATE = timedelta(minutes=5)
_DIGEST = re.compile(r"[0-9a-f]{32,}")


def _late(rows: Any, now: datetime) -> Any:
    return rows.filter(beat_at__lt=now - _LATE)


@admin.register(Heartbeat)
class HeartbeatAdmin(PlatformAdmin):
    """Background parts and when each last showed that it makes progress."""

    list_display = ("name", "beat_at")
    list_filter = ("beat_at",)
    search_fields = ("name",)
    ordering = ("name",)
    figures = (Figure(label="Jobs silent for 5 minutes", narrow=_late, tone="warn"),)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(PlatformAdmin):
    """Requests that are answered once, without their keys and answers."""

    list_display = ("id", "caller", "created_at", "is_complete", "status", "leased_until")
    list_filter = ("is_complete", "created_at")
    search_fields = ("caller__startswith",)


@admin.register(RateWindow)
class RateWindowAdmin(PlatformAdmin):
    """Tries that are counted against a limit. What is tried is a part of the key, as a digest."""

    hidden = ("key",)
    list_display = ("what", "count", "ends_at")
    list_filter = ("ends_at",)
    search_fields = ("key__startswith",)

    def name_of(self, row: Any) -> str:
        """The key without the digest."""
        return self.what(row)

    @admin.display(description="What", ordering="key")
    def what(self, row: Any) -> str:
        """The key without the digest."""
        return _DIGEST.sub(lambda found: f"{found[0][:8]}…", row.key)


@admin.register(LiveStream)
class LiveStreamAdmin(ReadOnlyAdmin):
    """How far each tenant's stream of live events is."""

    list_display = ("tenant_id", "owner", "last_seq")
    ordering = ("tenant_id",)


@admin.register(LiveEvent)
class LiveEventAdmin(ReadOnlyAdmin):
    """Live events that browsers can still ask for."""

    list_display = ("seq", "kind", "owner", "at")
    search_fields = ("kind__startswith",)
    list_filter = ("at",)
