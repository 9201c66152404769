"""Rooms: the value of the tag `room`, so that they are found by the same queries as every tag."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

KEY: Final = "room"
MAX_LENGTH: Final = 60
# What people mostly have; offered before they have named any themselves.
USUAL: Final = ("Living room", "Kitchen", "Bedroom", "Bathroom", "Hall", "Office", "Garden")


def tag_of(room: str) -> str:
    """The tag of a device that stands in this room."""
    return f"{KEY}={room}"


def room_of(tags: Iterable[str]) -> str:
    """The room that a device's tags name; empty where none does."""
    for tag in tags:
        key, _, value = tag.partition("=")
        if key.strip() == KEY:
            return value.strip()
    return ""
