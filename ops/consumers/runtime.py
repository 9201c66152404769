"""What all browser sockets of a process share: the feeds, and a look at the database now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kernel.metrics import CLIENT_SOCKETS
from kernel.threads import run_in_database_thread
from ops.consumers import viewers
from ops.consumers.connection import RESTARTING, SESSION_ENDED, ClientConnection
from ops.consumers.feeds import Feeds

logger = logging.getLogger(__name__)

# Within the 5 s after which who has lost a session or a membership hears nothing, hint or no hint.
LOOK_SECONDS = 4.0
_GOODBYE_SECONDS = 4.0


class Runtime:
    """Lives on one event loop, from the first browser socket to the last."""

    def __init__(self) -> None:
        self.feeds = Feeds()
        self._connections: set[ClientConnection] = set()
        self._hurry = asyncio.Event()
        self._empty = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._look_now_and_then(), name="client-sockets")

    def __len__(self) -> int:
        return len(self._connections)

    def belongs_here(self) -> bool:
        """True on the loop this was made on, while its task lives."""
        return self._loop is asyncio.get_running_loop() and not self._task.done()

    @contextmanager
    def holding(self, connection: ClientConnection) -> Iterator[None]:
        """Count the connection for the length of the block."""
        self._connections.add(connection)
        self._empty.clear()
        CLIENT_SOCKETS.inc()
        try:
            yield
        finally:
            CLIENT_SOCKETS.dec()
            self._connections.discard(connection)
            if not self._connections:
                self._empty.set()

    def recheck_soon(self) -> None:
        """Something happened to who may see what: look now; any number of calls is one look."""
        self._hurry.set()

    async def look(self) -> None:
        """One batch for all sockets: whose session has ended, what each may see, what is new."""
        connections = tuple(self._connections)
        if not connections:
            return
        session_ids = {connection.viewer.session_id for connection in connections}
        user_ids = {connection.viewer.user_id for connection in connections}
        found = await run_in_database_thread(viewers.look, session_ids, user_ids)
        for connection in connections:
            if connection.viewer.session_id in found.ended:
                connection.end(SESSION_ENDED)
            else:
                await connection.see(found.sights.get(connection.viewer.user_id, viewers.NOTHING))
        await self.feeds.poll()

    async def shut_down(self) -> None:
        """Close every socket with 1012."""
        for connection in tuple(self._connections):
            connection.end(RESTARTING)
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                while self._connections:
                    await self._empty.wait()
        except TimeoutError:
            logger.warning("Some browser sockets did not close in time")
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _look_now_and_then(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), LOOK_SECONDS)
            self._hurry.clear()
            try:
                await self.look()
            except Exception:
                logger.exception("The browser sockets could not be checked")


class _Process:
    runtime: Runtime | None = None


def current() -> Runtime:
    """The parts of the running loop; made when the first browser comes."""
    runtime = _Process.runtime
    if runtime is None or not runtime.belongs_here():
        runtime = _Process.runtime = Runtime()
    return runtime


async def start() -> None:
    """Have the parts ready before the first browser comes."""
    current()


async def stop() -> None:
    """Close all browser sockets of this process; stopping twice is fine."""
    runtime, _Process.runtime = _Process.runtime, None
    if runtime is not None and runtime.belongs_here():
        await runtime.shut_down()
