"""`/ws/client`: the live view of browsers and API clients."""

from __future__ import annotations

import logging
import random

from django.conf import settings
from django.db import InterfaceError, OperationalError

from edge.protocol.close_codes import CloseCode
from kernel import errors
from kernel.sockets import PeerGone, Receive, Scope, Send, Socket, turn_away
from kernel.threads import run_in_database_thread
from ops.consumers import runtime, viewers
from ops.consumers.connection import SESSION_ENDED, ClientConnection
from ops.consumers.viewers import Viewer

logger = logging.getLogger(__name__)


async def client_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the browser WebSocket; what fails ends this socket only."""
    try:
        await _answer(Socket(scope, receive, send))
    except PeerGone:
        return
    except Exception:
        logger.exception("A browser socket failed")


async def _answer(socket: Socket) -> None:
    if socket.lacks_required_tls or not viewers.may_open(socket):
        await socket.refuse()
        return
    shared = runtime.current()
    if len(shared) >= settings.MAX_CLIENT_SOCKETS:
        await _be_unavailable(socket, random.randint(5, 30))  # noqa: S311  spreading, not a secret
        return
    await socket.accept()
    try:
        viewer = await _viewer(socket)
        connection = ClientConnection(socket, viewer, shared)
        with shared.holding(connection):
            await connection.run()
    except errors.HomepotError as refusal:
        await turn_away(
            socket, close_code=SESSION_ENDED.code, code=refusal.code, message=refusal.message
        )
    except (OperationalError, InterfaceError):
        await _be_unavailable(socket, 5)


async def _viewer(socket: Socket) -> Viewer:
    return await run_in_database_thread(viewers.viewer_of, viewers.shown(socket), socket.address)


async def _be_unavailable(socket: Socket, retry_after: int) -> None:
    await turn_away(
        socket,
        close_code=CloseCode.TRY_AGAIN_LATER,
        code="unavailable",
        message="The service is not available right now. Try again shortly.",
        retry_after=retry_after,
    )
