"""Processes that take readings from the broker tell that they are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from telemetry.models import IngestProcess

# They tell so every few seconds.
BEAT_SECONDS: Final = 5.0
SILENCE: Final = timedelta(seconds=30)
# One that has been silent for so long has ended, in whatever way.
_GONE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestState:
    """How the processes stand that have lately told of themselves, taken together."""

    processes: int
    connected: int
    dropped: int


def note_process(
    *,
    name: str,
    started_at: datetime,
    is_connected: bool,
    dropped: int,
    dropped_at: datetime | None,
    now: datetime,
) -> None:
    """Note how a process stands; processes that are long gone are forgotten."""
    IngestProcess.objects.update_or_create(
        name=name,
        defaults={
            "started_at": started_at,
            "beat_at": now,
            "is_connected": is_connected,
            "dropped": dropped,
            "dropped_at": dropped_at,
        },
    )
    IngestProcess.objects.filter(beat_at__lt=now - _GONE).delete()


def forget_process(*, name: str) -> None:
    """Forget a process that ends."""
    IngestProcess.objects.filter(name=name).delete()


def ingest_state(*, now: datetime) -> IngestState:
    """How the processes stand; what the broker dropped they all see alike."""
    lately = list(
        IngestProcess.objects.filter(beat_at__gte=now - SILENCE).values_list(
            "is_connected", "dropped"
        )
    )
    return IngestState(
        processes=len(lately),
        connected=sum(is_connected for is_connected, _ in lately),
        dropped=max((dropped for _, dropped in lately), default=0),
    )
