"""Keeps a second embedded process off the same data."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process serves from this data folder."""


class PortTaken(Exception):
    """Another program listens on the port."""


class DataFolderLock:
    """Holds the data folder for one process, until it ends in whatever way."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise AlreadyRunning(
                f"Another Homepot runs from {folder}. Stop it, or set HOMEPOT_DATA_DIR."
            ) from None

    def release(self) -> None:
        """Give the folder back."""
        os.close(self._descriptor)


def require_free_port(host: str, port: int) -> None:
    """Raise PortTaken, with what to do, when the address cannot be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortTaken(
                f"Port {port} on {host} is in use. Choose another one: PORT={port + 1} make run"
            ) from None
