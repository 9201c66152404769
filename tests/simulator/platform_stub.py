"""A small platform of the tests: registers devices over HTTP and talks to them over a WebSocket."""

import asyncio
import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge.protocol import codec, messages
from edge.protocol.messages import Ack, DownMessage, StateReport, Telemetry, UpMessage

KEY = "the-provisioning-key"


@dataclass
class Ledger:
    """What the platform knows of one device, from what it was told alone."""

    hardware_id: str
    registration: dict[str, Any]
    token: str
    socket: ServerConnection | None = None
    sessions: int = 0
    relays: dict[int, bool] = field(default_factory=dict)
    observed_seq: int = -1
    acks: list[Ack] = field(default_factory=list)
    readings: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    repeated_readings: int = 0
    last_said_at: list[datetime] = field(default_factory=list)
    malformed: int = 0


@dataclass
class Platform:
    """Commands go out, acks and reports come in; what is not acknowledged is sent again."""

    clock_skew: timedelta = timedelta(0)
    heartbeat_s: int = 1
    http_port: int = 0
    devices: dict[str, Ledger] = field(default_factory=dict)
    registrations: int = 0
    # By hardware id: how many of its lives have ended.
    ended_lives: Counter[str] = field(default_factory=Counter)
    proofs: list[tuple[str, str]] = field(default_factory=list)
    claim_code: str | None = "ABCD2345"
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    refuse: Callable[[int], bytes | None] = lambda _: None
    # By how many calls with readings came before: an answer instead of storing them.
    refuse_readings: Callable[[int], bytes | None] = lambda _: None
    calls: list[dict[str, Any]] = field(default_factory=list)
    # By uid and how many accounts came before: the answer to a device that wants one.
    mqtt_account: Callable[[str, int], bytes] = lambda _uid, _count: http_answer(404, {})
    accounts_given: int = 0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_skew

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def device(self, hardware_id: str) -> Ledger:
        return next(one for one in self.devices.values() if one.hardware_id == hardware_id)

    async def until(self, is_so: Callable[[], bool], *, within: float = 20) -> None:
        async with asyncio.timeout(within), self.changed:
            await self.changed.wait_for(is_so)

    async def send(self, device: Ledger, message: DownMessage) -> None:
        if device.socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await device.socket.send(codec.encode(message))

    async def unpair(self, uid: str) -> None:
        device = self.devices.pop(uid)
        self.ended_lives[device.hardware_id] += 1
        if device.socket is not None:
            await device.socket.close(4403)

    def set_relay(self, command_id: str, *, index: int = 0, is_on: bool = True, life: float = 30):
        return messages.SetRelay(command_id, index, is_on, self.now() + timedelta(seconds=life))

    # HTTP: one request per connection, as the simulator speaks it

    async def answer_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = json.loads(await reader.readexactly(int(lines["Content-Length"])))
        if "/provision/" in head.split("\r\n")[0]:
            self.registrations += 1
            writer.write(self.refuse(self.registrations) or self._registered(lines, body))
        else:
            is_for_mqtt = head.split(" ")[1] == "/api/v1/devices/self/mqtt"
            writer.write(await self._called(lines, body, is_for_mqtt=is_for_mqtt))
        await writer.drain()
        writer.close()

    async def _called(
        self, headers: dict[str, str], body: dict[str, Any], *, is_for_mqtt: bool
    ) -> bytes:
        device = self.devices.get(headers["X-Device-ID"])
        if device is None or headers["X-API-Key"] != device.token:
            return http_answer(401, {"code": "device_unpaired", "message": "no"})
        if is_for_mqtt:
            self.accounts_given += 1
            return self.mqtt_account(headers["X-Device-ID"], self.accounts_given - 1)
        self.calls.append(body)
        refusal = self.refuse_readings(len(self.calls))
        if refusal is None and "readings" in body:
            telemetry = codec.decode_readings(json.dumps(body))
            await self._store(device, telemetry)
            refusal = http_answer(202, {"acked_seq": telemetry.readings[-1].seq})
        async with self.changed:
            self.changed.notify_all()
        return refusal or http_answer(400, {"code": "validation_failed", "message": "no"})

    def _registered(self, headers: dict[str, str], body: dict[str, Any]) -> bytes:
        if headers["X-Provision-Key"] != KEY:
            return http_answer(401, {"code": "invalid_credentials", "message": "no"})
        life = self.ended_lives[body["hardware_id"]]
        uid = f"uid-{body['hardware_id']}" + (f"-life{life + 1}" if life else "")
        if "X-API-Key" in headers:
            self.proofs.append((headers["X-Device-ID"], headers["X-API-Key"]))
        self.devices[uid] = Ledger(body["hardware_id"], body, token=f"token-{self.registrations}")
        return http_answer(
            201,
            {
                "device_uid": uid,
                "device_token": self.devices[uid].token,
                "claim_code": self.claim_code,
                "claim_expires_at": "2099-01-01T00:00:00Z" if self.claim_code else None,
                "ws_url": "ws://elsewhere.invalid/ws/device",
            },
        )

    # The device socket

    async def answer_socket(self, socket: ServerConnection) -> None:
        headers = socket.request.headers if socket.request else {}
        device = self.devices.get(headers["X-Device-ID"])
        if device is None or headers["Authorization"] != f"Bearer {device.token}":
            await socket.close(4401)
            return
        device.socket, device.observed_seq = socket, -1
        device.sessions += 1
        welcome = messages.Welcome(device.sessions, self.now(), self.heartbeat_s)
        with contextlib.suppress(ConnectionClosed):
            await socket.send(codec.encode(welcome))
            async for frame in socket:
                await self._hear(device, frame)

    async def _hear(self, device: Ledger, frame: str | bytes) -> None:
        try:
            message = codec.decode_up(frame)
        except codec.ProtocolError as fault:
            device.malformed += 1
            await self.send(device, messages.Error(fault.code, fault.message[:200]))
        else:
            await self._take(device, message)
        async with self.changed:
            self.changed.notify_all()

    async def _take(self, device: Ledger, message: UpMessage) -> None:
        if isinstance(message, Ack | StateReport):
            if isinstance(message, Ack):
                device.acks.append(message)
            if message.state_seq is not None and message.state_seq > device.observed_seq:
                device.observed_seq = message.state_seq
                for relay in message.relays or ():
                    device.relays[relay.relay_index] = relay.is_on
        elif isinstance(message, Telemetry):
            await self._store(device, message)

    async def _store(self, device: Ledger, message: Telemetry) -> None:
        stored = device.readings[message.boot_id]
        for reading in message.readings:
            device.repeated_readings += reading.seq in stored
            stored.add(reading.seq)
            device.last_said_at += [reading.at] if reading.at else []
        acked = messages.TelemetryAck(message.boot_id, message.readings[-1].seq)
        await self.send(device, acked)


@asynccontextmanager
async def platform(**options: Any) -> AsyncIterator[Platform]:
    """One address for both, told apart by the first line of the request."""
    stub = Platform(**options)
    async with serve(stub.answer_socket, "127.0.0.1", 0, max_size=65_536) as sockets:
        socket_port = next(iter(sockets.sockets)).getsockname()[1]

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                first = await reader.readexactly(4)
                if first == b"POST":
                    await stub.answer_http(reader, writer)
                else:
                    await _relay(first, reader, writer, socket_port)

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        stub.http_port = server.sockets[0].getsockname()[1]
        try:
            yield stub
        finally:
            server.close()


def http_answer(status: int, body: dict[str, Any], **headers: str) -> bytes:
    text = json.dumps(body).encode()
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} -\r\nContent-Length: {len(text)}\r\n{more}\r\n".encode() + text


async def _relay(
    first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    inner_writer.write(first)
    try:
        ways = {
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        }
        _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    finally:
        inner_writer.close()
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65_536):
        writer.write(part)
        await writer.drain()
