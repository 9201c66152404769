"""The lean base of all WebSocket doors: one receive loop, bounded queues, clear close codes.

It is an ASGI application of the `websocket` type, as Channels' consumers are (routing and test
communicator work with it), without the dispatch that costs a stock consumer most of its time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from edge.protocol import codec
from edge.protocol.messages import Error
from kernel.middleware.trusted_proxy import client_address, is_within

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# A peer that lets nothing through for this long is gone or means harm.
_SEND_SECONDS = 10.0
_CLOSE_SECONDS = 2.0
_LOOPBACK = ("127.", "::1", "::ffff:127.")


class PeerGone(Exception):
    """The other side closed, or the connection broke."""


class Socket:
    """One WebSocket of a client, after the ASGI WebSocket specification."""

    __slots__ = ("_receive", "_send", "close_code", "is_open", "scope")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self.is_open = False
        self.close_code: int | None = None

    async def accept(self) -> None:
        """Take the handshake; raises PeerGone when the client has left already."""
        event = await self._receive()
        if event["type"] != "websocket.connect":
            raise PeerGone
        await self._give({"type": "websocket.accept"}, _SEND_SECONDS)
        self.is_open = True

    async def refuse(self) -> None:
        """Refuse the handshake with HTTP 403."""
        await self._receive()
        await self._give({"type": "websocket.close", "code": 4403}, _CLOSE_SECONDS)

    async def receive(self) -> str | bytes:
        """The next frame. Raises PeerGone at the end, with `close_code` set."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            self.is_open = False
            self.close_code = event.get("code")
            raise PeerGone
        text = event.get("text")
        return text if text is not None else event.get("bytes") or b""

    async def send(self, text: str) -> None:
        """Send a text frame; waits while the peer is slow. Raises PeerGone when it left."""
        if not self.is_open:
            raise PeerGone
        await self._give({"type": "websocket.send", "text": text}, _SEND_SECONDS)

    async def send_error(self, code: str, message: str, retry_after: float | None = None) -> None:
        """Send an `error` frame, the same on every socket."""
        await self.send(codec.encode(Error(code, message, retry_after)))

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code; a peer that left already, or does not listen any more, is fine."""
        if not self.is_open:
            return
        self.is_open = False
        try:
            await self._give(
                {"type": "websocket.close", "code": code, "reason": reason[:120]}, _CLOSE_SECONDS
            )
        except PeerGone:
            return

    async def _give(self, event: dict[str, Any], within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._send(event)
        except (RuntimeError, OSError):
            # Servers differ in how they say that the transport is closed. TimeoutError is an
            # OSError too: the peer reads nothing.
            self.is_open = False
            raise PeerGone from None

    def header(self, name: str) -> str | None:
        """A header of the handshake; what came more than once is joined by commas."""
        wanted = name.lower().encode("latin-1")
        found = [bytes(value) for key, value in self.scope.get("headers", ()) if key == wanted]
        return b",".join(found).decode("latin-1") if found else None

    def query(self) -> dict[str, str]:
        """The query of the address; of a repeated name the last counts."""
        text = bytes(self.scope.get("query_string", b"")).decode("latin-1")
        return dict(parse_qsl(text[:4096], keep_blank_values=True, max_num_fields=None))

    @property
    def peer(self) -> str:
        """The address of the direct peer, or an empty string."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @property
    def address(self) -> str:
        """The caller's address, as a trusted proxy forwards it."""
        forwarded = self.header("x-forwarded-for") or ""
        return client_address(self.peer, forwarded, settings.TRUSTED_PROXIES)

    @property
    def is_secure(self) -> bool:
        """True over TLS, to us or to a trusted proxy."""
        if is_within(self.peer, settings.TRUSTED_PROXIES):
            forwarded = (self.header("x-forwarded-proto") or "").rsplit(",", 1)[-1].strip()
            if forwarded in {"http", "https", "ws", "wss"}:
                return forwarded in {"https", "wss"}
        return self.scope.get("scheme") == "wss"

    @property
    def lacks_required_tls(self) -> bool:
        """True when ENFORCE_HTTPS forbids this plain connection; loopback is excepted."""
        if not settings.ENFORCE_HTTPS or self.is_secure:
            return False
        return not self.address.startswith(_LOOPBACK)


async def turn_away(
    socket: Socket,
    *,
    close_code: int,
    code: str,
    message: str,
    retry_after: float | None = None,
) -> None:
    """Accept when needed, say why in an `error` frame and close: browsers hide HTTP refusals."""
    try:
        if not socket.is_open:
            await socket.accept()
        await socket.send_error(code, message, retry_after)
    except PeerGone:
        return
    await socket.close(close_code, code)


class TokenBucket:
    """A rate limit: `rate` messages a second, bursts of `burst`."""

    __slots__ = ("_burst", "_level", "_loop", "_rate", "_updated")

    def __init__(self, *, rate: float, burst: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._updated = self._loop.time()

    def take(self) -> bool:
        """Take one message's worth; False when the rate is exceeded."""
        now = self._loop.time()
        self._level = min(self._burst, self._level + (now - self._updated) * self._rate)
        self._updated = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class Strikes:
    """Counts offences in a sliding window; more than `limit` of them are too many."""

    __slots__ = ("_at", "_limit", "_window_s")

    def __init__(self, *, limit: int, window_s: float) -> None:
        self._at: deque[float] | None = None
        self._limit = limit
        self._window_s = window_s

    def add(self) -> bool:
        """Count one; True when there have been too many."""
        if self._at is None:
            # Most sockets never offend: their memory is for better things.
            self._at = deque(maxlen=self._limit + 1)
        now = asyncio.get_running_loop().time()
        self._at.append(now)
        return len(self._at) > self._limit and now - self._at[0] <= self._window_s
