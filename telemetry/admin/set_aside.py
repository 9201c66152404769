"""Payloads nobody could use, and the processes that take readings in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from kernel.admin import deeds
from kernel.admin.base import Figure, PlatformAdmin, ReadOnlyAdmin
from kernel.admin.deeds import Deed, Doing
from telemetry.models import IngestProcess, SetAsidePayload
from telemetry.services import set_aside_replay

_MODEL = "telemetry.setasidepayload"


@admin.register(SetAsidePayload)
class SetAsidePayloadAdmin(ReadOnlyAdmin):
    """What devices sent and nobody could use; the payloads are on the console's page."""

    plural = "Payloads set aside"
    list_display = (
        "uid", "device_uid", "owner", "topic", "reason", "detail", "count", "last_received_at",
        "replayed_at",
    )  # fmt: skip
    list_filter = (("replayed_at", admin.EmptyFieldListFilter), "last_received_at")
    search_fields = ("uid", "device_uid__startswith", "reason__startswith")
    figures = (
        Figure(
            label="Payloads set aside",
            narrow=lambda rows, now: rows.filter(replayed_at__isnull=True),
            query="replayed_at__isempty=1",
            tone="warn",
        ),
    )


@admin.register(IngestProcess)
class IngestProcessAdmin(PlatformAdmin):
    """Processes that take readings from the broker."""

    plural = "Ingest processes"
    list_display = ("name", "is_connected", "beat_at", "started_at", "dropped", "dropped_at")
    list_filter = ("is_connected", "beat_at")
    ordering = ("name",)


def _replay(row: Any, doing: Doing) -> str:
    set_aside_replay.replay_payload(uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row.uid} is taken in."


def _discard(row: Any, doing: Doing) -> str:
    set_aside_replay.discard_payload(uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row.uid} is gone."


deeds.register(
    Deed(
        model=_MODEL,
        name="replay",
        label="Take in again",
        told="The payloads are read as if they came now; a second time they bring nothing new.",
        act=deeds.each(_replay),
    ),
    Deed(
        model=_MODEL,
        name="discard",
        label="Discard",
        told="The payloads are deleted.",
        act=deeds.each(_discard),
        is_grave=True,
    ),
)
