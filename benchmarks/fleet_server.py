"""A server that only answers: registers simulated devices and acknowledges on all three wires.

`python -m benchmarks.fleet_server PORT [BROKER_URL]`; it decodes as little as it can, so that what
is measured is the fleet.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import struct
import sys
from datetime import UTC, datetime
from typing import Any

from edge.mqtt.client import Client, ConnectionLost, parse_address
from edge.protocol import codec, messages, topics
from edge.protocol.topics import DownChannel, UpChannel

_HANDSHAKE_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BOOT_ID = re.compile(rb'"boot_id":"([^"]+)"')
_SEQ = re.compile(rb'"seq":(\d+)')


class Answering:
    """Answers everything a fleet says."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._known = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = _headers(head)
                if "sec-websocket-key" in headers:
                    await self._serve_socket(headers["sec-websocket-key"], reader, writer)
                    return
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answer = self._answer(head.split(" ")[1], headers, body)
                text = json.dumps(answer).encode()
                writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(text)}\r\n\r\n".encode())
                writer.write(text)
                if "HTTP/1.0" in head:
                    return
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if path.endswith("/provision/register"):
            self._known += 1
            uid = json.loads(body)["hardware_id"]
            return 201, {"device_uid": uid, "device_token": "t" * 43}
        if path.endswith("/devices/self/mqtt"):
            return 201, self._account(headers["x-device-id"])
        acked = _acked(body)
        return (202, {"acked_seq": acked.acked_seq}) if acked else (202, {})

    def _account(self, uid: str) -> dict[str, str]:
        address = parse_address(self._broker_url)
        return {
            "url": f"mqtt://{address.host}:{address.port}",
            "username": address.username or "",
            "password": address.password or "",
            "client_id": uid,
        }

    async def _serve_socket(
        self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        digest = hashlib.sha1((key + _HANDSHAKE_SALT).encode(), usedforsecurity=False).digest()
        writer.write(
            b"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        _say(writer, messages.Welcome(1, datetime.now(UTC), 30))
        while True:
            opcode, payload = await _frame(reader)
            if opcode == 9:
                writer.write(bytes((0x8A, len(payload))) + payload)
            elif opcode == 8:
                return
            elif payload.startswith(b'{"type":"telemetry"') and (acked := _acked(payload)):
                _say(writer, acked)

    async def ingest(self) -> None:
        """Acknowledge what arrives at the broker."""
        if not self._broker_url:
            return
        address = parse_address(self._broker_url)
        client = await Client.connect(address=address, client_id="ingest")
        await client.subscribe(topics.subscription(UpChannel.TELEMETRY), qos=0)
        try:
            async for message in client.messages():
                uid, acked = topics.parse(message.topic).uid, _acked(message.payload)
                if acked is not None:
                    down = topics.build(uid=uid, channel=DownChannel.TELEMETRY_ACK)
                    await client.publish(down, codec.encode(acked).encode(), qos=0)
        except ConnectionLost:
            return


def _acked(body: bytes) -> messages.TelemetryAck | None:
    boot_id, numbers = _BOOT_ID.search(body), _SEQ.findall(body)
    if boot_id is None or not numbers:
        return None
    return messages.TelemetryAck(boot_id[1].decode(), int(numbers[-1]))


def _headers(head: str) -> dict[str, str]:
    lines = (line.partition(":") for line in head.split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines if name}


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    repeated = (mask * (length // 4 + 1))[:length]
    size = max(1, length)
    plain = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return first & 0x0F, plain.to_bytes(size, "big")[size - length :]


def _say(writer: asyncio.StreamWriter, message: messages.DownMessage) -> None:
    text = codec.encode(message).encode()
    size = (
        bytes((0x81, len(text))) if len(text) < 126 else struct.pack("!BBH", 0x81, 126, len(text))
    )
    writer.write(size + text)


async def _main(port: int, broker_url: str) -> None:
    answering = Answering(broker_url)
    server = await asyncio.start_server(answering.serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await answering.ingest()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
