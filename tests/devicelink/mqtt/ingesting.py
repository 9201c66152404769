"""The ingest on a loop of its own, and devices that publish to it over a real broker."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Self, TypeVar

from devicelink.ingest.group_commit import GroupCommit
from devicelink.mqtt import dynsec
from devicelink.mqtt.ingest import MqttIngest
from edge.mqtt.client import Address, Client, ConnectionLost
from edge.mqtt.packets import V5
from edge.protocol.topics import DownChannel
from kernel import realtime
from kernel.broker_accounts import digest_password
from tests.devicelink.serving import eventually
from tests.server_process import LOOPBACK
from tests.services import MosquittoServer

T = TypeVar("T")
PATIENCE_S = 15.0


class FieldBroker(MosquittoServer):
    """The broker with one account more, which may speak for any device, under the client id `+`."""

    field_uid = "+"
    field_password = "field-password"

    def prepare(self) -> None:
        self.write_accounts(
            [dynsec.device_account(uid=self.field_uid, digest=digest_password(self.field_password))]
        )

    @property
    def field_address(self) -> Address:
        """Where the devices of a test connect."""
        name = dynsec.username_of(self.field_uid)
        return Address(LOOPBACK, self.port, False, name, self.field_password)


class OnALoop:
    """Runs coroutines on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(PATIENCE_S)

    def end(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_S)
        self.loop.close()


class Ingest:
    """What `manage.py mqtt_ingest` runs, in this process."""

    def __init__(self, *, is_first: bool = True) -> None:
        self._runner = OnALoop()
        # A process has one bus: a second ingest of the test's process goes without.
        self._has_bus = is_first
        self._is_stopped = False
        self.service = self._runner.call(self._start)

    async def _start(self) -> MqttIngest:
        if self._has_bus:
            realtime._process.bus = None
            await realtime.start()
        self.queue = GroupCommit()
        service = MqttIngest(self.queue)
        service.start()
        return service

    def __enter__(self) -> Self:
        eventually(lambda: self.service.is_connected)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, work: Callable[[], T]) -> T:
        """Call something on the loop of the ingest."""

        async def run() -> T:
            return work()

        return self._runner.call(run)

    def stop(self) -> None:
        """Stop as on SIGTERM; stopping twice is fine."""
        if self._is_stopped:
            return
        self._is_stopped = True

        async def stop() -> None:
            await self.service.stop()
            await self.queue.stop()
            if self._has_bus:
                await realtime.stop()

        self._runner.call(stop)
        self._runner.end()


class Field:
    """Devices with one connection to the broker; keeps what they are told, by topic."""

    def __init__(self, broker: FieldBroker) -> None:
        self._broker = broker
        self._runner = OnALoop()
        self.told: dict[str, list[dict[str, Any]]] = {}
        self._client: Client | None = None

    def __enter__(self) -> Self:
        self._runner.call(self._connect)
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._runner.call(self._client.disconnect)
            self._runner.call(self._finish)
        self._runner.end()

    async def _finish(self) -> None:
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _connect(self) -> None:
        self._client = await Client.connect(
            address=self._broker.field_address, client_id=self._broker.field_uid, level=V5
        )
        for channel in DownChannel:
            await self._client.subscribe(f"homepot/v1/+/{channel.value}")
        self._listening = asyncio.create_task(self._listen(self._client))

    async def _listen(self, client: Client) -> None:
        try:
            async for message in client.messages():
                self.told.setdefault(message.topic, []).append(json.loads(message.payload))
        except ConnectionLost:
            return

    def publish(
        self, uid: str, channel: str, said: Any, *, qos: int = 1, is_retained: bool = False
    ) -> None:
        """Publish as a device; at QoS 1 the broker has it on return."""
        payload = said if isinstance(said, bytes) else json.dumps(said).encode()
        client = self._client
        assert client is not None

        async def send() -> None:
            await client.publish(
                f"homepot/v1/{uid}/{channel}", payload, qos=qos, is_retained=is_retained
            )

        self._runner.call(send)

    def publish_all(self, said: Iterable[tuple[str, bytes]]) -> None:
        """Publish on these topics under `homepot/v1/`; at the end the broker has all of it."""
        client = self._client
        assert client is not None

        async def send() -> None:
            for topic, payload in said:
                await client.publish(f"homepot/v1/{topic}", payload)

        self._runner.call(send)

    def greet(self, uid: str, session: str = "c-1") -> None:
        """Connect as that device does."""
        self.publish(uid, "status", {"type": "status", "status": "online", "session": session})

    def commands_of(self, uid: str) -> list[dict[str, Any]]:
        """What the device was told to do, in order."""
        return self.told_on(uid, DownChannel.COMMAND)

    def told_on(self, uid: str, channel: DownChannel) -> list[dict[str, Any]]:
        """What the device was told on that channel, in order."""
        return self.told.get(f"homepot/v1/{uid}/{channel.value}", [])

    def acked(self, uid: str, boot_id: str = "b1") -> int:
        """The highest number of that boot that the device may forget; -1 before any."""
        told = self.told.get(f"homepot/v1/{uid}/telemetry/ack", [])
        return max((one["acked_seq"] for one in told if one["boot_id"] == boot_id), default=-1)


def telemetry(*seqs: int, boot_id: str = "b1") -> dict[str, Any]:
    """A batch of readings."""
    readings = [{"seq": seq, "metrics": {"cpu_percent": float(seq)}} for seq in seqs]
    return {"type": "telemetry", "boot_id": boot_id, "readings": readings}
