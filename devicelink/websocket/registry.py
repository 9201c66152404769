"""The device sockets this process holds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings

from kernel.metrics import DEVICE_SOCKETS
from kernel.sockets import TokenBucket

if TYPE_CHECKING:
    from devicelink.websocket.connection import DeviceConnection

# Accepts a second for each handshake that may be in progress, and how many may come at once.
_ACCEPTS_PER_SLOT = 4
_BURST_PER_SLOT = 8


class AdmissionFull(Exception):
    """The process has no room now; `retry_after` spreads those who were turned away."""

    def __init__(self) -> None:
        super().__init__()
        self.retry_after = random.randint(5, 30)  # noqa: S311  spreading, not a secret


class Admission:
    """How many handshakes may run, wait for their credentials, or come in a second.

    Those that have yet to say who they are have places of their own: a stranger who says nothing
    cannot keep devices with a key out.
    """

    def __init__(self) -> None:
        slots = settings.MAX_DEVICE_HANDSHAKES
        self._free = {"handshake": slots, "waiting": slots}
        self._accepts = TokenBucket(rate=slots * _ACCEPTS_PER_SLOT, burst=slots * _BURST_PER_SLOT)

    def admit(self) -> None:
        """Count one accept. Raises AdmissionFull."""
        if not self._accepts.take():
            raise AdmissionFull

    @contextmanager
    def place(self, kind: str) -> Iterator[None]:
        """Hold a place for the length of the block. Raises AdmissionFull."""
        if self._free[kind] < 1:
            raise AdmissionFull
        self._free[kind] -= 1
        try:
            yield
        finally:
            self._free[kind] += 1


class Registry:
    """Open connections; one device can have two for the moment of a takeover."""

    def __init__(self) -> None:
        self._connections: set[DeviceConnection] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[DeviceConnection]:
        return iter(tuple(self._connections))

    @contextmanager
    def holding(self, connection: DeviceConnection) -> Iterator[None]:
        """Count the connection for the length of the block."""
        self._connections.add(connection)
        self._empty.clear()
        DEVICE_SOCKETS.inc()
        try:
            yield
        finally:
            DEVICE_SOCKETS.dec()
            self._connections.discard(connection)
            if not self._connections:
                self._empty.set()

    async def wait_empty(self, timeout_s: float) -> None:
        """Return when the last connection ended, or after the timeout."""
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except TimeoutError:
            return
