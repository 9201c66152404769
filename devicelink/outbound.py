"""Hints to the process that holds a device's socket; a lost one is made good by the supervisor."""

from __future__ import annotations

from kernel import realtime

COMMANDS = "commands"
DOCUMENTS = "documents"
SESSION = "session"
REVOKED = "revoked"
UNPAIRED = "unpaired"


def hint_commands(device_id: int) -> None:
    """Commands may wait for the device: its socket should pull."""
    _hint(device_id, {"type": COMMANDS})


def hint_documents(device_id: int) -> None:
    """The device is to be told of another configuration or desired state."""
    _hint(device_id, {"type": DOCUMENTS})


def hint_session(device_id: int, epoch: int) -> None:
    """A session opened: sockets of a lower epoch should close."""
    _hint(device_id, {"type": SESSION, "epoch": epoch})


def hint_revoked(device_id: int, credential_id: int) -> None:
    """A token of the device is void: a socket that stands on it should close."""
    _hint(device_id, {"type": REVOKED, "credential": credential_id})


def hint_unpaired(device_id: int) -> None:
    """The device's life ended: its socket should close."""
    _hint(device_id, {"type": UNPAIRED})


def _hint(device_id: int, message: realtime.Message) -> None:
    realtime.publish(realtime.device_topic(device_id), message)
