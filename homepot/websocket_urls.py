"""Addresses of the WebSocket doors, for Channels' `URLRouter`."""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import re_path

from devicelink.websocket.door import device_socket
from kernel.sockets import Receive, Scope, Send, Socket, turn_away
from ops.consumers.door import client_socket

UNKNOWN_PATH = 4404


async def unknown_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Close with 4404: the router would answer an address it does not know with a 500."""
    await turn_away(
        Socket(scope, receive, send),
        close_code=UNKNOWN_PATH,
        code="not_found",
        message="There is no such socket.",
    )


websocket_urlpatterns = [
    re_path(r"^ws/device/?$", device_socket),  # type: ignore[arg-type]  # ASGI, not a view
    re_path(r"^ws/client/?$", client_socket),  # type: ignore[arg-type]
    re_path(r"", unknown_socket),  # type: ignore[arg-type]
]
websocket_router = URLRouter(websocket_urlpatterns)
