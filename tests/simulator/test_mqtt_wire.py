"""A fleet at a real broker: readings stay with the device until the server acknowledges them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from edge.mqtt.client import Client, ConnectionLost
from edge.protocol import codec, messages, topics
from edge.protocol.messages import LinkStatus, Status, Telemetry
from edge.protocol.topics import DownChannel, UpChannel
from edge.simulator.chaos import BatchFate, ChaosProfile, Fault
from edge.simulator.fleet import Fleet
from edge.simulator.options import FleetOptions
from edge.simulator.outages import OutagePlan
from tests.edge.mqtt_broker import SmallBroker
from tests.simulator.platform_stub import KEY, Platform, http_answer, platform

pytestmark = pytest.mark.mosquitto

INGEST = "ingest"
UIDS = [f"uid-sim-7-{index}" for index in range(6)]
ACCOUNTS = {name: f"the password of {name}" for name in (INGEST, *UIDS, f"{UIDS[0]}-life2")}
RIGHTS = f"user {INGEST}\ntopic readwrite #\n\npattern readwrite homepot/v1/%u/#\n"


@pytest.fixture(scope="module")
def broker() -> Iterator[SmallBroker]:
    with SmallBroker(ACCOUNTS, RIGHTS) as running:
        yield running


@dataclass
class Ingest:
    """Stores what arrives at the broker in the books of the platform, then acknowledges it."""

    server: Platform
    client: Client
    statuses: list[tuple[str, Status]] = field(default_factory=list)
    refused: int = 0
    is_silent: bool = False
    ignored: int = 0
    # All else that was said, with the channel it came on.
    said: list[tuple[UpChannel, messages.UpMessage]] = field(default_factory=list)

    async def run(self) -> None:
        with contextlib.suppress(ConnectionLost):
            async for message in self.client.messages():
                if self.is_silent:
                    self.ignored += 1
                else:
                    await self._take(topics.parse(message.topic), message.payload)
                async with self.server.changed:
                    self.server.changed.notify_all()

    async def _take(self, topic: topics.Topic, payload: bytes) -> None:
        try:
            said = codec.decode_up(payload)
        except codec.ProtocolError:
            self.refused += 1
            return
        if isinstance(said, Status):
            self.statuses.append((topic.uid, said))
        elif not isinstance(said, Telemetry) and isinstance(topic.channel, UpChannel):
            self.said.append((topic.channel, said))
        device = self.server.devices.get(topic.uid)
        if device is None or not isinstance(said, Telemetry):
            return
        stored = device.readings[said.boot_id]
        for reading in said.readings:
            device.repeated_readings += reading.seq in stored
            stored.add(reading.seq)
        acked = messages.TelemetryAck(said.boot_id, said.readings[-1].seq)
        down = topics.build(uid=topic.uid, channel=DownChannel.TELEMETRY_ACK)
        await self.client.publish(down, codec.encode(acked).encode())

    def on(self, channel: UpChannel, kind: type[Any]) -> list[Any]:
        return [said for where, said in self.said if where is channel and isinstance(said, kind)]

    async def tell(self, uid: str, channel: DownChannel, message: messages.DownMessage) -> None:
        topic = topics.build(uid=uid, channel=channel)
        await self.client.publish(topic, codec.encode(message).encode())

    def last_status(self, uid: str) -> LinkStatus | None:
        return next((said.status for of, said in reversed(self.statuses) if of == uid), None)


def account_of(broker: SmallBroker, uid: str, *, password: str | None = None) -> bytes:
    return http_answer(
        201,
        {
            "url": f"mqtt://127.0.0.1:{broker.port}",
            "username": uid,
            "password": password or ACCOUNTS[uid],
            "client_id": uid,
        },
    )


@asynccontextmanager
async def served(broker: SmallBroker, **changes: Any) -> AsyncIterator[tuple[Platform, Ingest]]:
    async with platform(mqtt_account=lambda uid, _: account_of(broker, uid)) as server:
        for name, value in changes.items():
            setattr(server, name, value)
        address = replace(broker.address, username=INGEST, password=ACCOUNTS[INGEST])
        client = await Client.connect(address=address, client_id=INGEST)
        for channel in UpChannel:
            await client.subscribe(topics.subscription(channel))
        ingest = Ingest(server, client)
        task = asyncio.create_task(ingest.run())
        yield server, ingest
        await client.disconnect()
        await task


@asynccontextmanager
async def running(server: Platform, **changes: Any) -> AsyncIterator[Fleet]:
    plain = FleetOptions(
        url=server.url, provision_key=KEY, seed=7, wires=("mqtt",), reconnect_max_s=0.2,
        telemetry_every_s=0.05,
    )  # fmt: skip
    fleet = Fleet(replace(plain, **changes))
    task = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        fleet.stop()
        await task


def acked(fleet: Fleet, uid: str) -> dict[str, set[int]]:
    readings = fleet.truth.devices[uid].readings
    return {
        boot_id: {n for first, last in boot["acked"] for n in range(first, last + 1)}
        for boot_id, boot in readings.items()
    }


async def test_readings_go_up_and_are_forgotten_when_the_server_says_so(
    broker: SmallBroker, tmp_path: Path
) -> None:
    async with served(broker) as (server, ingest):
        # Both versions of MQTT: every other device speaks the other.
        async with running(server, devices=2, state_dir=tmp_path) as fleet:
            await server.until(lambda: fleet.truth.acked_readings > 10)
            assert {ingest.last_status(uid) for uid in UIDS[:2]} == {LinkStatus.ONLINE}
            for uid in UIDS[:2]:
                assert acked(fleet, uid).keys() == server.devices[uid].readings.keys()
        await server.until(
            lambda: {ingest.last_status(uid) for uid in UIDS[:2]} == {LinkStatus.OFFLINE}
        )
        assert {device.sessions for device in server.devices.values()} == {0}
        begun = [said.session for _, said in ingest.statuses if said.status is LinkStatus.ONLINE]
        assert len(set(begun)) == len(begun) == 2

        stored = json.loads((tmp_path / "sim-7-0.json").read_text())
        assert stored["broker"]["password"] == ACCOUNTS[UIDS[0]]
        async with running(server, devices=2, state_dir=tmp_path) as again:
            await server.until(lambda: again.truth.acked_readings > 0)
        assert server.accounts_given == 2, "a kept account is used again"


async def test_what_is_not_acknowledged_is_sent_again_though_the_broker_had_it(
    broker: SmallBroker,
) -> None:
    async with served(broker) as (server, ingest):
        ingest.is_silent = True
        async with running(server) as fleet:
            await server.until(lambda: ingest.ignored > 0)
            ingest.is_silent = False
            await fleet.calm()  # which has it connect anew
            await server.until(lambda: fleet.truth.acked_readings > 8)
            assert 0 in next(iter(server.devices[UIDS[0]].readings.values()))


async def test_an_account_that_is_refused_is_asked_for_anew(broker: SmallBroker) -> None:
    def account(uid: str, count: int) -> bytes:
        return account_of(broker, uid, password="lost" if count == 0 else None)

    async with served(broker, mqtt_account=account) as (server, _), running(server) as fleet:
        await server.until(lambda: fleet.truth.acked_readings > 0)
        assert server.accounts_given == 2


async def test_a_busy_server_is_asked_for_an_account_again(broker: SmallBroker) -> None:
    answers = [
        http_answer(503, {"code": "unavailable"}, Retry_After="0"),
        http_answer(429, {"code": "rate_limited"}, Retry_After="0"),
        b"nonsense",
    ]

    def account(uid: str, count: int) -> bytes:
        return answers[count] if count < len(answers) else account_of(broker, uid)

    async with served(broker, mqtt_account=account) as (server, _), running(server) as fleet:
        await server.until(lambda: fleet.truth.acked_readings > 0)
        assert fleet.refused == {}


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(409, {"code": "mqtt_not_configured", "message": "no"}),
        http_answer(201, {"url": "http://elsewhere", "username": "u"}),
    ],
)
async def test_without_a_broker_its_devices_stop_and_say_why(answer: bytes) -> None:
    async with platform(mqtt_account=lambda _uid, _count: answer) as server:
        async with asyncio.timeout(10), running(server) as fleet:
            while not fleet.refused:
                await asyncio.sleep(0.01)
        assert "broker" in fleet.refused["sim-7-0"]


async def test_an_unpaired_device_begins_its_next_life(broker: SmallBroker) -> None:
    async with served(broker) as (server, _), running(server, re_enrol_after_s=0.05) as fleet:
        await server.until(lambda: fleet.truth.acked_readings > 0)
        await server.unpair(UIDS[0])
        broker.admit({name: ACCOUNTS[name] for name in ACCOUNTS if name != UIDS[0]})
        next_uid = f"{UIDS[0]}-life2"
        await server.until(
            lambda: next_uid in server.devices and bool(server.devices[next_uid].readings)
        )
        broker.admit(ACCOUNTS)
        assert fleet.truth.lives_of("sim-7-0") == [UIDS[0], next_uid]


async def test_chaos_and_outages_lose_nothing_that_was_acknowledged(broker: SmallBroker) -> None:
    chaos = ChaosProfile(
        probability=0.4, fault_every_s=0.2, half_open_s=(0.05, 0.2), boot_s=(0.01, 0.05),
        late_ack_s=(0.05, 0.2),
    )  # fmt: skip
    plan = OutagePlan(7, every_s=1, share=0.5, away_s=(0.1, 0.3))
    async with served(broker) as (server, ingest):
        async with running(server, devices=6, chaos=chaos, outages=plan) as fleet:
            await asyncio.sleep(5)
        assert fleet.truth.acked_readings > 50
        for uid, device in server.devices.items():
            for boot_id, numbers in acked(fleet, uid).items():
                assert numbers <= device.readings.get(boot_id, set())
            assert set(device.readings) <= set(fleet.truth.devices[uid].readings)
        assert sum(one.repeated_readings for one in server.devices.values()) > 0
        assert ingest.refused > 0, "malformed messages came through"
        ends = {said.session for _, said in ingest.statuses if said.status is LinkStatus.OFFLINE}
        assert len(ends) > 6, "connections that broke left their wills"


async def test_a_frozen_device_neither_speaks_nor_closes_and_then_catches_up(
    broker: SmallBroker,
) -> None:
    chaos = ChaosProfile(
        probability=1.0, fault_every_s=0.4, faults=(Fault.HALF_OPEN,), half_open_s=(0.5, 0.5),
        batch_fates=(BatchFate.DUPLICATED,),
    )  # fmt: skip
    async with served(broker) as (server, ingest):
        async with running(server, chaos=chaos) as fleet:
            await server.until(lambda: fleet.truth.acked_readings > 15)
        (stored,) = server.devices[UIDS[0]].readings.values()
        assert stored == set(range(len(stored)))
        assert sum(said.status is LinkStatus.ONLINE for _, said in ingest.statuses) == 1


@pytest.mark.fault
async def test_a_broker_that_was_killed_is_waited_for(broker: SmallBroker) -> None:
    async with served(broker) as (server, _), running(server, devices=3) as fleet:
        await server.until(lambda: fleet.truth.acked_readings > 5)
        broker.kill9()
        await asyncio.sleep(0.2)
        assert not any(device.line.is_open for device in fleet._devices.values())
        broker.start()  # not on a thread: the child dies with the one it was started on
        while not all(device.line.is_open for device in fleet._devices.values()):
            await asyncio.sleep(0.01)
        assert fleet.refused == {}
        assert server.accounts_given == 3, "a lost connection is no reason to ask for an account"


async def test_a_fleet_speaks_over_three_wires_at_once(broker: SmallBroker) -> None:
    wires = ("websocket", "http", "mqtt")
    async with served(broker) as (server, _), running(server, devices=6, wires=wires) as fleet:
        await server.until(
            lambda: (
                len(server.devices) == 6 and all(one.readings for one in server.devices.values())
            )
        )
        assert server.accounts_given == 2
        assert sum(one.sessions > 0 for one in server.devices.values()) == 2
        assert {fleet.options.wire_of(index) for index in range(3)} == set(wires)


async def test_commands_and_documents_come_down_and_each_is_answered_on_its_topic(
    broker: SmallBroker,
) -> None:
    async with served(broker) as (server, ingest), running(server, telemetry_every_s=30.0):
        uid = UIDS[0]
        await server.until(lambda: bool(ingest.on(UpChannel.STATE, messages.StateReport)))
        command = server.set_relay("c1", index=2)
        for _ in range(2):
            await ingest.tell(uid, DownChannel.COMMAND, command)
        await ingest.tell(uid, DownChannel.COMMAND, messages.Cancel("c2"))
        await server.until(lambda: len(ingest.on(UpChannel.ACK, messages.Ack)) == 3)
        await ingest.tell(uid, DownChannel.CONFIG, messages.Config(4, {"a": 1}))
        await ingest.tell(uid, DownChannel.TWIN_DESIRED, messages.TwinDesired(2, {"a": 1}))
        await server.until(lambda: bool(ingest.on(UpChannel.TWIN_REPORTED, messages.TwinReported)))
    acks = ingest.on(UpChannel.ACK, messages.Ack)
    assert [(ack.command_id, ack.status.value) for ack in acks] == [
        ("c1", "succeeded"),
        ("c1", "succeeded"),
        ("c2", "cancelled"),
    ]
    assert ingest.on(UpChannel.ACK, messages.ConfigApplied) == [messages.ConfigApplied(4)]
    (report, *_) = ingest.on(UpChannel.TWIN_REPORTED, messages.TwinReported)
    assert report.desired_version == 2
