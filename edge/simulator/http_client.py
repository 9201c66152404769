"""A few kept connections for the HTTP calls of a whole fleet: no thread and no socket per device."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from edge.protocol import strict_json

CONNECTIONS: Final = 48
_TIMEOUT_S: Final = 30.0
_MAX_ANSWER_BYTES: Final = 131_072
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one call; the body is None where it is no JSON."""

    status: int
    body: Any
    retry_after: float | None


@dataclass(slots=True)
class _Kept:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_used: bool = False


class HttpPool:
    """Calls one server over so many connections at a time, in turn."""

    def __init__(
        self, url: str, *, connections: int = CONNECTIONS, max_answer: int = _MAX_ANSWER_BYTES
    ) -> None:
        self._max_answer = max_answer
        self._address = urlsplit(url)
        self._turns = asyncio.Semaphore(connections)
        self._idle: list[_Kept] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a POST of JSON, as `call` does."""
        more = {"Content-Type": "application/json", "Accept": "application/json"}
        return await self.call("POST", path, body, more | dict(headers))

    async def call(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer; raises ``OSError``, ``EOFError`` or ``TimeoutError``.

        Only for calls that do no harm when they come twice.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{method} {self._address.path.rstrip('/')}{path} HTTP/1.1\r\n"
            f"Host: {self._address.netloc}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        )
        request = head.encode("latin-1") + body
        async with self._turns, asyncio.timeout(_TIMEOUT_S):
            kept = self._idle.pop() if self._idle else await self._opened()
            try:
                return await self._exchange(kept, request)
            except (OSError, EOFError):
                if not kept.is_used:
                    raise
            # The server had closed what was kept; a repeat does no harm, readings are numbered.
            return await self._exchange(await self._opened(), request)

    def close(self) -> None:
        """Close what is kept."""
        for kept in self._idle:
            kept.writer.close()
        self._idle.clear()

    async def _opened(self) -> _Kept:
        port = self._address.port or _DEFAULT_PORTS[self._address.scheme]
        is_secure = self._address.scheme == "https"
        reader, writer = await asyncio.open_connection(
            self._address.hostname, port, ssl=True if is_secure else None
        )
        return _Kept(reader, writer)

    async def _exchange(self, kept: _Kept, request: bytes) -> Answer:
        is_over = True
        try:
            kept.writer.write(request)
            await kept.writer.drain()
            answer, is_over = await _read(kept.reader, self._max_answer)
        finally:
            if is_over:
                kept.writer.close()
        if not is_over:
            kept.is_used = True
            self._idle.append(kept)
        return answer


async def _read(reader: asyncio.StreamReader, longest: int) -> tuple[Answer, bool]:
    """Return the answer, and whether the connection ends with it."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise EOFError("the answer is not HTTP") from None
    first, *lines = head.split("\r\n")
    status = first.split(" ")[1:2]
    if not first.startswith("HTTP/1.") or not status or not status[0].isdigit():
        raise EOFError("the answer is not HTTP")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    length = headers.get("content-length", "")
    is_over = not length.isdigit() or headers.get("connection", "").lower() == "close"
    content = b""
    if length.isdigit() and int(length) <= longest:
        content = await reader.readexactly(int(length))
    else:
        is_over = True
    retry_after = headers.get("retry-after", "")
    seconds = float(retry_after) if retry_after.isdigit() and len(retry_after) < 6 else None
    return Answer(int(status[0]), _document(content, longest), seconds), is_over


def _document(content: bytes, longest: int) -> Any:
    with contextlib.suppress(strict_json.StrictJSONError):
        return strict_json.loads(content, max_bytes=longest)
    return None
