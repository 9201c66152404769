"""One keep-alive HTTP connection, thin enough not to be what is measured."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from urllib.parse import urlsplit


class ApiClient:
    """Sends JSON over one connection, one request at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, token: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._head = f"Host: {host}\r\nContent-Type: application/json\r\n{authorization}"

    @classmethod
    async def connect(cls, base_url: str, token: str = "") -> Self:
        """Open a connection to the server at `base_url`."""
        parts = urlsplit(base_url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(reader, writer, parts.netloc, token)

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, Any]:
        """POST and return status and decoded body."""
        return await self._send("POST", path, json.dumps(body).encode(), headers)

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """GET and return status and decoded body."""
        return await self._send("GET", path, b"", headers)

    async def _send(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, Any]:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {len(content)}\r\n" if content else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{more}{length}\r\n"
        self._writer.write(head.encode() + content)
        return await self._answer()

    async def _answer(self) -> tuple[int, Any]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        content = await self._reader.readexactly(length)
        return int(head.split(" ", 2)[1]), json.loads(content) if content else None

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()
