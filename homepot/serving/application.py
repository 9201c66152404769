"""The ASGI application of three doors: sockets, readings over HTTP, and Django over the bridge."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from devicelink import runtime as device_runtime
from devicelink.http.door import TelemetryDoor
from devicelink.http.pending_door import PendingDoor
from devicelink.ingest.group_commit import GroupCommit
from devicelink.mqtt.ingest import MqttIngest
from homepot.serving.bridge import DjangoBridge, Receive, Scope, Send
from homepot.websocket_urls import websocket_router
from kernel import realtime
from ops.consumers import runtime as client_runtime

logger = logging.getLogger(__name__)


class Application:
    """One process's front door; its lifespan starts and stops the real-time parts."""

    def __init__(
        self,
        *,
        on_start: Callable[[], Awaitable[None]] | None = None,
        is_reading_mqtt: bool = False,
    ) -> None:
        self._django = DjangoBridge()
        # One for all wires: whatever comes while a flush runs shares the next.
        self._queue = GroupCommit()
        self._http = TelemetryDoor(PendingDoor(self._django), self._queue)
        self._on_start = on_start
        self._is_reading_mqtt = is_reading_mqtt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await websocket_router(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    @staticmethod
    def end_waits() -> None:
        """Answer the devices that wait here for something to come: the server is about to stop."""
        runtime = device_runtime.current()
        if runtime is not None:
            runtime.polls.end_all()

    async def _live(self, receive: Receive, send: Send) -> None:
        event: dict[str, Any] = await receive()
        mqtt: MqttIngest | None = None
        try:
            await realtime.start()
            await device_runtime.start(queue=self._queue)
            await client_runtime.start()
            if self._is_reading_mqtt:
                mqtt = MqttIngest(self._queue)
                mqtt.start()
            if self._on_start is not None:
                await self._on_start()
        except Exception as error:
            logger.exception("The server could not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        while event["type"] != "lifespan.shutdown":
            event = await receive()
        await client_runtime.stop()
        if mqtt is not None:
            await mqtt.stop()
        await device_runtime.stop()
        await self._queue.stop()
        await realtime.stop()
        self._django.shut_down()
        await send({"type": "lifespan.shutdown.complete"})
