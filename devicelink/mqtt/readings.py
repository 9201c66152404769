"""Telemetry from the broker: to the group commit that all wires share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from devicelink.ingest.arrivals import Arrival, Publisher, Verdict
from devicelink.mqtt.held import Desk, Held
from devicelink.mqtt.together import decoded
from edge.protocol.messages import Telemetry, TelemetryAck
from edge.protocol.topics import UpChannel
from kernel import errors
from telemetry.services.set_aside import NOT_STORED, UNKNOWN_DEVICE
from telemetry.types import NOTHING_ACKED, Acknowledgement

# What a reading weighs in the queue at least.
_BYTES_OF_READING: Final = 256
_FULL_S: Final = 0.1
_LATER = (errors.Unavailable, errors.RateLimited)


class Queue(Protocol):
    """The group commit of the process."""

    def submit(self, arrival: Arrival, tell: Callable[[Verdict], None]) -> None:
        """Tells what becomes of the readings, in time. Raises Unavailable and RateLimited."""


class Readings:
    """Telemetry: to the group commit that all wires share, as fast as that takes it."""

    channel = UpChannel.TELEMETRY

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        # What the queue has no room for, in order; it is offered again when something comes out.
        self._backlog: deque[tuple[Held, Desk, Arrival]] = deque()
        self._under_way = 0
        self._is_pump_due = False

    def take(self, held: Held, desk: Desk) -> None:
        """Decode and queue."""
        telemetry = decoded(held, desk, (Telemetry,))
        if telemetry is None:
            return
        size = max(len(held.payload), _BYTES_OF_READING * len(telemetry.readings))
        arrival = Arrival(sender=Publisher(held.uid), telemetry=telemetry, size=size)
        self._backlog.append((held, desk, arrival))
        if len(self._backlog) == 1:
            self._pump()

    async def stop(self) -> None:
        """The queue is its owner's to stop."""

    def _pump(self) -> None:
        self._is_pump_due = False
        while self._backlog:
            # Taken out first: one that the queue cannot stand must not stay in everybody's way.
            held, desk, arrival = self._backlog.popleft()
            try:
                self._queue.submit(arrival, partial(self._judge, held, desk))
            except errors.RateLimited:
                # One device alone has too much under way: its neighbours go on.
                desk.postpone(held)
            except errors.HomepotError:
                self._backlog.appendleft((held, desk, arrival))
                self._pump_later()
                return
            else:
                self._under_way += 1

    def _pump_later(self) -> None:
        # What is under way calls when it comes out; where nothing is, other wires fill the queue.
        if not self._under_way and not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_later(_FULL_S, self._pump)

    def _judge(self, held: Held, desk: Desk, verdict: Verdict) -> None:
        self._under_way -= 1
        if self._backlog and not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)
        if isinstance(verdict, Acknowledgement):
            seq = verdict.acked_seq
            desk.settle(held, None if seq == NOTHING_ACKED else TelemetryAck(verdict.boot_id, seq))
        elif verdict is None:
            desk.set_aside(held, UNKNOWN_DEVICE)
        elif isinstance(verdict, errors.HomepotError) and not isinstance(verdict, _LATER):
            desk.set_aside(held, NOT_STORED, verdict.code)
        else:
            desk.postpone(held)
