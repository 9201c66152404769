"""The process-wide parts of the device link, started and stopped with the server."""

from __future__ import annotations

import asyncio

from devicelink.closing import SessionCloser
from devicelink.http.polls import Polls
from devicelink.ingest.group_commit import GroupCommit
from devicelink.presence import TOUCH_SECONDS, PresenceWriter
from devicelink.websocket import policy, supervisor
from devicelink.websocket.readings import Held
from devicelink.websocket.registry import Admission, Registry

# Within the 5 s in which a revoked device must be gone even when every hint is lost.
SUPERVISE_SECONDS = 4.0
# Within the second in which an unpaired device must be gone even when every hint is lost.
ENDS_SECONDS = 0.5
# Stopping the server leaves 10 s in all; what remains undone the sweep finds by its deadlines.
_GOODBYE_SECONDS = 4.0
_WRITE_SECONDS = 4.0


class Runtime:
    """What all devices of one process share; lives on one event loop."""

    def __init__(
        self, queue: GroupCommit, *, supervise_s: float, ends_s: float, touch_s: float
    ) -> None:
        self.queue = queue
        self.held = Held()
        self.registry = Registry()
        self.admission = Admission()
        self.presence = PresenceWriter(every_s=touch_s)
        self.closer = SessionCloser()
        self.polls = Polls()
        self._tasks = [
            asyncio.create_task(self.polls.run(every_s=supervise_s), name="device-polls"),
            asyncio.create_task(self.presence.run(), name="device-presence"),
            asyncio.create_task(self.closer.run(), name="device-closer"),
            asyncio.create_task(
                supervisor.run(self.registry, every_s=supervise_s), name="device-supervisor"
            ),
            asyncio.create_task(
                supervisor.watch_ends(self.registry, every_s=ends_s), name="device-ends"
            ),
        ]

    async def shut_down(self) -> None:
        """Close every socket with 1012 and write what is left to write."""
        self.polls.end_all()
        for connection in self.registry:
            connection.end(policy.RESTARTING)
        await self.registry.wait_empty(_GOODBYE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                await self.closer.flush()
                await self.presence.flush()
        except TimeoutError:
            return


class _Process:
    runtime: Runtime | None = None


def current() -> Runtime | None:
    """The running parts; None before `start()` and from the beginning of `stop()` on."""
    return _Process.runtime


async def start(
    *,
    queue: GroupCommit | None = None,
    supervise_s: float = SUPERVISE_SECONDS,
    ends_s: float = ENDS_SECONDS,
    touch_s: float = TOUCH_SECONDS,
) -> Runtime:
    """Start the parts on the running loop; from now on `/ws/device` admits devices.

    Readings go through the `queue`, which whoever brings it stops after these parts; without one
    they have their own.
    """
    if _Process.runtime is None:
        _Process.runtime = Runtime(
            queue or GroupCommit(), supervise_s=supervise_s, ends_s=ends_s, touch_s=touch_s
        )
    return _Process.runtime


async def stop() -> None:
    """Close all device sockets and their sessions; stopping twice is fine."""
    runtime, _Process.runtime = _Process.runtime, None
    if runtime is not None:
        await runtime.shut_down()
