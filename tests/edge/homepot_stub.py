"""A small server that speaks the device protocol over a real socket, for the agent's tests."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

from edge.protocol import codec, messages
from edge.protocol.messages import DownMessage, UpMessage

_M = TypeVar("_M")


@dataclass
class DeviceConnection:
    """One accepted socket, seen from the server."""

    socket: ServerConnection
    received: asyncio.Queue[UpMessage]

    async def send(self, message: DownMessage) -> None:
        await self.socket.send(codec.encode(message))

    async def expect(self, kind: type[_M]) -> _M:
        """Return the next message of a kind; others are passed over."""
        async with asyncio.timeout(10):
            while True:
                message = await self.received.get()
                if isinstance(message, kind):
                    return message

    async def close(self, code: int, reason: str = "") -> None:
        await self.socket.close(code, reason)


@dataclass
class SocketStub:
    """Accepts devices, welcomes them and hands each connection to the test."""

    clock_skew: timedelta = timedelta(0)
    heartbeat_s: int = 1
    config_version: int = 0
    headers: list[Any] = field(default_factory=list)
    connections: asyncio.Queue[DeviceConnection] = field(default_factory=asyncio.Queue)
    url: str = ""
    epoch: int = 0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_skew

    async def next_connection(self) -> DeviceConnection:
        async with asyncio.timeout(10):
            return await self.connections.get()

    async def serve_one(self, socket: ServerConnection) -> None:
        self.headers.append(socket.request.headers if socket.request else None)
        connection = DeviceConnection(socket, asyncio.Queue())
        self.epoch += 1
        await connection.send(
            messages.Welcome(
                session_epoch=self.epoch,
                server_time=self.now(),
                heartbeat_s=self.heartbeat_s,
                config_version=self.config_version,
            )
        )
        self.connections.put_nowait(connection)
        with suppress(ConnectionClosedError):
            await self._receive(socket, connection)

    async def _receive(self, socket: ServerConnection, connection: DeviceConnection) -> None:
        async for frame in socket:
            connection.received.put_nowait(codec.decode_up(frame))


@asynccontextmanager
async def socket_stub(**options: Any) -> AsyncIterator[SocketStub]:
    stub = SocketStub(**options)
    async with serve(stub.serve_one, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        stub.url = f"ws://127.0.0.1:{port}/ws/device"
        yield stub


@dataclass
class ProvisionStub:
    """Answers provisioning requests with what the test put there."""

    status: int = 201
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def provision_stub(**options: Any) -> Iterator[ProvisionStub]:
    stub = ProvisionStub(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.requests.append((self.headers, json.loads(body)))
            answer = json.dumps(stub.body).encode()
            self.send_response(stub.status)
            for name, value in stub.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def provisioned(ws_url: str = "ws://127.0.0.1:9/ws/device", **changes: Any) -> dict[str, Any]:
    """The body of a successful registration."""
    return {
        "device_uid": "dev-under-test",
        "device_token": "a-secret-device-token",
        "claim_code": "ABCD2345",
        "claim_expires_at": "2099-01-01T00:00:00Z",
        "ws_url": ws_url,
    } | changes
