"""The readings of one socket on their way to their COMMIT, and their acknowledgements back.

What comes while a batch is being committed is the next batch, with one acknowledgement. There is
one batch at a time, in the order of the frames: `acked_seq` covers everything below it, so nothing
may be acknowledged while something before it can still fail.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from devicelink.ingest import aside
from devicelink.ingest.arrivals import Arrival
from devicelink.websocket import policy
from devices.errors import DeviceUnpaired, SessionFenced
from edge.protocol import messages
from edge.protocol.messages import Telemetry
from kernel import errors
from kernel.failpoints import failpoint
from kernel.metrics import DEVICE_MESSAGES
from kernel.sockets import TokenBucket
from kernel.threads import run_in_database_thread
from telemetry.types import NOTHING_ACKED, Acknowledgement

if TYPE_CHECKING:
    from devicelink.runtime import Runtime
    from devicelink.websocket.connection import DeviceConnection

logger = logging.getLogger(__name__)

# How often a socket that sends too fast looks whether it may be read again.
_PACE_SECONDS: Final = 0.05
_SAID: Final = DEVICE_MESSAGES.labels(Telemetry.type)
Frame = tuple[Telemetry, int]


class Held:
    """What all sockets of the process have read and not answered yet."""

    __slots__ = ("bytes",)

    def __init__(self) -> None:
        self.bytes = 0

    @property
    def is_much(self) -> bool:
        """Whether each socket should hold no more than one frame."""
        return self.bytes >= policy.HELD_BYTES_OF_ALL


class Readings:
    """Takes the telemetry frames of a socket; while there are too many it is not to be read."""

    __slots__ = (
        "_bytes", "_connection", "_frames", "_has_room", "_held", "_queue", "_rate", "_readings",
        "_task",
    )  # fmt: skip

    def __init__(self, connection: DeviceConnection, runtime: Runtime) -> None:
        self._connection = connection
        self._queue = runtime.queue
        self._held = runtime.held
        self._frames: deque[Frame] = deque()
        self._readings = 0
        self._bytes = 0
        self._has_room = asyncio.Event()
        self._rate = TokenBucket(rate=policy.TELEMETRY_PER_SECOND, burst=policy.TELEMETRY_BURST)
        self._task: asyncio.Task[None] | None = None

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What works while anything waits for its answer."""
        return self._task

    def take(self, telemetry: Telemetry, size: int) -> bool:
        """Take a frame of that many bytes; False when `wait_for_room` must come before the next."""
        self._frames.append((telemetry, size))
        # A frame of refused readings alone still costs its place.
        self._readings += len(telemetry.readings) or 1
        self._bytes += size
        self._held.bytes += size
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return self._rate.take() and not self._is_full()

    async def wait_for_room(self) -> None:
        """Return once the socket may be read again."""
        while self._is_full():
            self._has_room.clear()
            await self._has_room.wait()
        while not self._rate.take():
            await asyncio.sleep(_PACE_SECONDS)

    def drop(self) -> None:
        """Forget what was not answered, which the device keeps, once the work has ended."""
        self._held.bytes -= self._bytes
        self._bytes = self._readings = 0
        self._frames.clear()

    async def _work(self) -> None:
        try:
            while self._frames:
                await self._store(self._next())
        except Exception:
            logger.exception("Readings of a socket could not be handled")
            self._connection.end(policy.unavailable(5))

    async def _store(self, frames: Sequence[Frame]) -> None:
        try:
            taken = await self._settled(*_together(frames))
        except SessionFenced:
            self._connection.end(policy.SUPERSEDED)
        except DeviceUnpaired:
            self._connection.end(policy.UNPAIRED)
        except errors.HomepotError as refusal:
            if len(frames) > 1:
                # One of them spoils the others.
                for frame in frames:
                    await self._store([frame])
                return
            await self._give_up(frames[0][0], refusal)
        else:
            await self._connection.send(messages.TelemetryAck(taken.boot_id, taken.acked_seq))
            failpoint("devicelink.replies.sent")
        self._release(frames)

    async def _give_up(self, telemetry: Telemetry, refusal: errors.HomepotError) -> None:
        """Keep apart what can never be stored: the device may forget it then, and go on."""
        try:
            await run_in_database_thread(
                aside.keep,
                device_uid=self._connection.sender.uid,
                telemetry=telemetry,
                why=refusal.code,
            )
        except Exception:
            logger.exception("Readings could not even be kept apart")
            self._frames.clear()
            self._connection.end(policy.unavailable(30))
            return
        await self._connection.send(messages.Error(refusal.code, refusal.message))
        seqs = [reading.seq for reading in telemetry.readings]
        seqs += [verdict.seq for verdict in telemetry.rejected if verdict.seq is not None]
        acked_seq = max(seqs, default=NOTHING_ACKED)
        await self._connection.send(messages.TelemetryAck(telemetry.boot_id, acked_seq))
        self._connection.count_bug()

    async def _settled(self, telemetry: Telemetry, size: int) -> Acknowledgement:
        """What became of the readings, however long the queue or the database takes.

        While it lasts the device is told once, and its socket is read no further than it may.
        """
        arrival = Arrival(sender=self._connection.sender, telemetry=telemetry, size=size)
        is_told = False
        while True:
            try:
                taken = await self._queue.store(arrival)
            except errors.HomepotError as refusal:
                if refusal.retry_after is None:
                    raise
                if not is_told:
                    is_told = True
                    await self._connection.send(_passing(refusal))
                # Spread, so that those who wait together do not come back together.
                await asyncio.sleep(refusal.retry_after * random.uniform(0.5, 1.5))  # noqa: S311
            else:
                if taken is None:
                    raise errors.InternalError
                return taken

    def _next(self) -> list[Frame]:
        """The oldest frames that can be one batch: of one boot, without words beside."""
        first = self._frames.popleft()
        frames, boot_id, count = [first], first[0].boot_id, len(first[0].readings)
        while self._frames and first[0].attributes is None:
            telemetry, _ = self._frames[0]
            count += len(telemetry.readings)
            is_other = telemetry.boot_id != boot_id or telemetry.attributes is not None
            if is_other or count > policy.READINGS_TOGETHER:
                break
            frames.append(self._frames.popleft())
        _SAID.inc(len(frames))
        return frames

    def _is_full(self) -> bool:
        return (
            self._readings >= policy.READINGS_HELD
            or self._bytes >= policy.READINGS_HELD_BYTES
            or (self._held.is_much and self._readings > 0)
        )

    def _release(self, frames: Sequence[Frame]) -> None:
        size = sum(size for _, size in frames)
        self._readings -= sum(len(telemetry.readings) or 1 for telemetry, _ in frames)
        self._bytes -= size
        self._held.bytes -= size
        self._has_room.set()


def _together(frames: Sequence[Frame]) -> Frame:
    """One batch of the frames; the places of refused readings in it mean nothing any more."""
    if len(frames) == 1:
        return frames[0]
    return (
        Telemetry(
            boot_id=frames[0][0].boot_id,
            readings=tuple(reading for telemetry, _ in frames for reading in telemetry.readings),
            rejected=tuple(verdict for telemetry, _ in frames for verdict in telemetry.rejected),
        ),
        sum(size for _, size in frames),
    )


def _passing(refusal: errors.HomepotError) -> messages.Error:
    return messages.Error(refusal.code, refusal.message, refusal.retry_after)
