"""uvicorn with the limits this product relies on."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from edge.protocol.limits import MAX_FRAME_BYTES

# A device's socket is closed by our own code 4413 from MAX_FRAME_BYTES on; the server's limit
# only keeps a larger frame from being buffered at all.
_SERVER_FRAME_BYTES = 4 * MAX_FRAME_BYTES


class Server(uvicorn.Server):
    """Calls `before_stop` when it is told to stop, before it waits for the requests it serves."""

    before_stop: Callable[[], None] | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; uvicorn drops what does not end in time."""
        if self.before_stop is not None:
            self.before_stop()
        await super().shutdown(sockets)


def make_server(
    application: Any, *, host: str, port: int, before_stop: Callable[[], None] | None = None
) -> uvicorn.Server:
    """A server for the application; `run()` blocks until it is stopped by a signal."""
    server = Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            lifespan="on",
            ws="websockets-sansio",
            ws_max_size=_SERVER_FRAME_BYTES,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            # A deflate bomb would be inflated before any limit of ours is asked.
            ws_per_message_deflate=False,
            # Forwarded headers count only from TRUST_PROXY (kernel.middleware.trusted_proxy).
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            h11_max_incomplete_event_size=64 * 1024,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=6,
            backlog=2048,
        )
    )
    server.before_stop = before_stop
    return server
