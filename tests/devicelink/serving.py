"""The socket doors behind a real uvicorn in a thread of the test process."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from devicelink import runtime as device_runtime
from homepot.serving.application import Application
from homepot.serving.server import Server
from homepot.websocket_urls import websocket_router
from kernel import realtime
from ops.consumers import runtime as client_runtime

LOOPBACK = "127.0.0.1"
PATIENCE_S = 10.0
T = TypeVar("T")


class LiveServer:
    """Serves `/ws/…` until closed; `call` runs a coroutine on its loop."""

    def __init__(
        self, *, supervise_s: float = 0.2, ends_s: float = 0.5, touch_s: float = 0.2
    ) -> None:
        self._intervals = {"supervise_s": supervise_s, "ends_s": ends_s, "touch_s": touch_s}
        self._listener = sockets.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self.loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=256 * 1024,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=8,
        )
        self._server = Server(config)
        self._server.before_stop = Application.end_waits
        self._thread = threading.Thread(target=self._serve, name="live-server")

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self._server.started or not self._thread.is_alive())
        assert self._server.started
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server as Ctrl-C does; stopping twice is fine."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the server's loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(PATIENCE_S)

    def url(self, path: str) -> str:
        """Address of a socket."""
        return f"ws://{LOOPBACK}:{self.port}{path}"

    def open(self, path: str, **options: Any) -> Peer:
        """Connect to a socket."""
        return Peer(
            connect(
                self.url(path),
                legacy=True,
                compression=None,
                max_size=None,
                close_timeout=1,
                **options,
            )
        )

    def device(self, uid: str, token: str) -> Peer:
        """Connect as a device."""
        headers = {"Authorization": f"Bearer {token}", "X-Device-ID": uid}
        return self.open("/ws/device", additional_headers=headers)

    def _serve(self) -> None:
        self._server.run(sockets=[self._listener])

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await websocket_router(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self.loop = asyncio.get_running_loop()
        # A bus belongs to the loop it was attached on; each server has a loop of its own.
        realtime._process.bus = None
        await realtime.start()
        await device_runtime.start(**self._intervals)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await client_runtime.stop()
        await device_runtime.stop()
        await realtime.stop()
        await send({"type": "lifespan.shutdown.complete"})


class Peer:
    """The other end of a socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def say(self, **message: Any) -> None:
        """Send a JSON frame."""
        self.connection.send(json.dumps(message))

    def say_raw(self, frame: str | bytes) -> None:
        """Send any frame."""
        self.connection.send(frame)

    def hear(self, *kinds: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next frame, or the next of one of the kinds."""
        deadline = time.monotonic() + timeout_s
        while True:
            frame: dict[str, Any] = json.loads(
                self.connection.recv(timeout=max(0.01, deadline - time.monotonic()))
            )
            if not kinds or frame["type"] in kinds:
                return frame

    def hear_nothing(self, *kinds: str, for_s: float) -> None:
        """Fail when a frame (of one of the kinds) comes within that time."""
        try:
            frame = self.hear(*kinds, timeout_s=for_s)
        except TimeoutError:
            return
        raise AssertionError(f"heard {frame}")

    def hear_close(self, timeout_s: float = PATIENCE_S) -> int:
        """Read to the end; returns the close code."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                self.connection.recv(timeout=max(0.01, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006

    def hang_up(self) -> None:
        """Drop the TCP connection without a word."""
        self.connection.socket.shutdown(sockets.SHUT_RDWR)


def eventually(condition: Callable[[], T], timeout_s: float = PATIENCE_S) -> T:
    """The first true value of the condition."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)
