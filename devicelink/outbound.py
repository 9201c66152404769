"""Hints to the process that holds a device's socket; a lost one is made good by the supervisor."""

from __future__ import annotations

from datetime import datetime

from kernel import realtime

COMMANDS = "commands"
SESSION = "session"
REVOKED = "revoked"
UNPAIRED = "unpaired"


def hint_commands(device_id: int) -> None:
    """Commands may wait for the device: its socket should pull."""
    _hint(device_id, {"type": COMMANDS})


def hint_session(device_id: int, epoch: int) -> None:
    """A session opened: sockets of a lower epoch should close."""
    _hint(device_id, {"type": SESSION, "epoch": epoch})


def hint_revoked(device_id: int, at: datetime) -> None:
    """The token the device had until `at` is void: a socket that showed it should close."""
    _hint(device_id, {"type": REVOKED, "at": at.isoformat()})


def hint_unpaired(device_id: int) -> None:
    """The device's life ended: its socket should close."""
    _hint(device_id, {"type": UNPAIRED})


def _hint(device_id: int, message: realtime.Message) -> None:
    realtime.publish(realtime.device_topic(device_id), message)
