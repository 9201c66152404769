"""What the connectivity log, the live stream and the event bus say of a device in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from devices import events
from devices.models import DeviceConnection
from kernel import events as bus
from kernel.models import LiveEvent
from tests.factories.devices import Board

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
OF_PRESENCE = (
    events.PresenceChanged,
    events.FlappingBegan,
    events.FlappingEnded,
    events.SiteOutageBegan,
    events.SiteOutageEnded,
)


def at(seconds: float) -> datetime:
    """So long after the beginning of the test's time."""
    return START + timedelta(seconds=seconds)


def lines_of(board: Board) -> list[DeviceConnection]:
    """The device's lines in the order of its contacts."""
    rows = DeviceConnection.objects.unscoped("tests look at everything")
    return list(rows.filter(device_id=board.device_id).order_by("contact", "kind"))


def told_of(board: Board) -> list[tuple[str, str]]:
    """Kind and reason of each of the device's lines."""
    return [(line.kind, line.reason) for line in lines_of(board)]


def frames(kind: str) -> list[dict[str, Any]]:
    """What browsers were told, in order."""
    return [event.payload for event in LiveEvent.objects.filter(kind=kind).order_by("seq")]


@contextmanager
def heard_events(callbacks: Any) -> Iterator[list[Any]]:
    """The domain events of presence that are published within the block."""
    heard: list[Any] = []

    def listen(event: Any) -> None:
        heard.append(event)

    for kind in OF_PRESENCE:
        bus._subscribers[kind].append(listen)
    try:
        with callbacks(execute=True):
            yield heard
    finally:
        for kind in OF_PRESENCE:
            bus._subscribers[kind].remove(listen)
