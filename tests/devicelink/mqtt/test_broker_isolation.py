"""No device hears or says anything under another's topic, whoever the two belong to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from django.utils import timezone

from devicelink.mqtt import accounts
from devices.services import unpairing
from edge.mqtt.client import Client
from edge.mqtt.packets import V5, V311, Will
from edge.protocol import topics
from edge.protocol.topics import DownChannel, UpChannel, build
from tests.devicelink.household import Resident, install, move_in, provision
from tests.devicelink.mqtt.broker_clients import (
    Listener,
    Login,
    connect,
    is_let_in,
    login_of,
    refused,
    standing,
)
from tests.services import MosquittoServer

pytestmark = [pytest.mark.mosquitto, pytest.mark.django_db(transaction=True)]

_CHANNELS = (*UpChannel, *DownChannel)
_DYNSEC = "$CONTROL/dynamic-security/v1"


@dataclass(frozen=True)
class Household:
    """Accounts at the broker by what their devices are to `own`."""

    own: Login
    sibling: Login
    foreign: Login
    unclaimed: Login

    @property
    def all(self) -> tuple[Login, ...]:
        return (self.own, self.sibling, self.foreign, self.unclaimed)


@pytest.fixture
def logins(mqtt_broker: MosquittoServer, resident: Resident) -> Household:
    return Household(
        own=login_of(install(resident)),
        sibling=login_of(install(resident)),
        foreign=login_of(install(move_in("stranger"))),
        unclaimed=login_of(provision()),
    )


def _pairs(logins: Household) -> list[tuple[Login, Login]]:
    return [(a, b) for a in logins.all for b in logins.all if a is not b]


def _filters_that_reach(victim: str) -> list[str]:
    shares = [
        f"$share/{group}/{inner}"
        for group in ("homepot-ingest", "x")
        for inner in (
            "#", f"{topics.PREFIX}/+/telemetry", f"{topics.PREFIX}/{victim}/#",
            f"{topics.PREFIX}/{victim}/command",
        )
    ]  # fmt: skip
    return [
        *(build(uid=victim, channel=channel) for channel in _CHANNELS),
        *shares,
        f"{topics.PREFIX}/{victim}/#", f"{topics.PREFIX}/{victim}/+", f"homepot/+/{victim}/command",
        f"+/+/{victim}/#", f"{topics.PREFIX}/+/command", f"{topics.PREFIX}/+/telemetry",
        f"{topics.PREFIX}/+/#", f"{topics.PREFIX}/#", "homepot/#", "+/#", "#", "+/+/+/+",
        "$SYS/#", "$SYS/broker/uptime", "$CONTROL/#", f"{_DYNSEC}/response",
    ]  # fmt: skip


async def _hear_everything(broker: MosquittoServer, logins: Household) -> list[Listener]:
    """The server on all up topics, and each device on all its down topics."""
    ingest = await connect(broker, _server(broker))
    for channel in UpChannel:
        await ingest.subscribe(topics.subscription(channel))
    devices = [await _connect_and_hear(broker, login) for login in logins.all]
    return [Listener(client) for client in (ingest, *devices)]


async def _connect_and_hear(broker: MosquittoServer, login: Login) -> Client:
    client = await connect(broker, login)
    for channel in DownChannel:
        await client.subscribe(build(uid=login.client_id, channel=channel))
    return client


def _server(broker: MosquittoServer) -> Login:
    return Login(broker.ingest, broker.passwords[broker.ingest], "ingest-1")


def _clients(listeners: list[Listener], logins: Household) -> dict[Login, Client]:
    return {
        login: listener.client for login, listener in zip(logins.all, listeners[1:], strict=True)
    }


def test_no_subscription_reaches_what_is_said_to_or_by_another(
    mqtt_broker: MosquittoServer, logins: Household
) -> None:
    async def run() -> None:
        listeners = await _hear_everything(mqtt_broker, logins)
        clients = _clients(listeners, logins)
        for attacker, victim in _pairs(logins):
            for pattern in _filters_that_reach(victim.client_id):
                assert await refused(clients[attacker].subscribe(pattern)), pattern
        # A refused filter that worked all the same would be heard now.
        for victim, client in clients.items():
            said = build(uid=victim.client_id, channel=UpChannel.TELEMETRY)
            await client.publish(said, f"from {victim.client_id}".encode())
            told = build(uid=victim.client_id, channel=DownChannel.COMMAND)
            await listeners[0].client.publish(told, f"to {victim.client_id}".encode())
        for login, listener in zip(logins.all, listeners[1:], strict=True):
            assert await listener.hears(f"to {login.client_id}".encode())
            assert [m.payload for m in listener.heard] == [f"to {login.client_id}".encode()]
        for listener in listeners:
            await listener.close()

    asyncio.run(run())


async def _forge(client: Client, victim: str, level: int) -> None:
    for channel in _CHANNELS:
        for is_retained in (False, True):
            topic = build(uid=victim, channel=channel)
            told_no = await refused(client.publish(topic, b"forged", is_retained=is_retained))
            # Version 3.1.1 has no way to say no.
            assert told_no == (level == V5)


async def _server_hears(broker: MosquittoServer, client_id: str) -> Listener:
    """The server as it comes just now: what was retained before is read out to it."""
    client = await connect(broker, _server(broker).with_client_id(client_id))
    for channel in UpChannel:
        await client.subscribe(topics.subscription(channel))
    return Listener(client)


@pytest.mark.parametrize("level", [V311, V5])
def test_nothing_published_under_anothers_topic_arrives(
    mqtt_broker: MosquittoServer, logins: Household, level: int
) -> None:
    async def run() -> None:
        early = await _server_hears(mqtt_broker, "early")
        for attacker in logins.all:
            victims = {
                victim: Listener(await _connect_and_hear(mqtt_broker, victim))
                for victim in logins.all
                if victim is not attacker
            }
            client = await connect(mqtt_broker, attacker, level=level)
            for victim in victims:
                await _forge(client, victim.client_id, level)
            said = build(uid=attacker.client_id, channel=UpChannel.STATUS)
            await client.publish(said, attacker.client_id.encode())
            # In the order of one connection: what was forged before would be there by now.
            assert await early.hears(attacker.client_id.encode())
            assert [m.payload for listener in victims.values() for m in listener.heard] == []
            for listener in (*victims.values(), Listener(client)):
                await listener.close()
        late = await _server_hears(mqtt_broker, "late")
        own = await connect(mqtt_broker, logins.own)
        await own.publish(build(uid=logins.own.client_id, channel=UpChannel.STATUS), b"last")
        assert await late.hears(b"last")
        assert [message.payload for message in late.heard] == [b"last"]
        assert b"forged" not in {message.payload for message in early.heard}
        for listener in (early, late, Listener(own)):
            await listener.close()

    asyncio.run(run())


def test_a_will_under_anothers_topic_is_never_read_out(
    mqtt_broker: MosquittoServer, logins: Household
) -> None:
    async def run() -> None:
        ingest = await connect(mqtt_broker, _server(mqtt_broker))
        await ingest.subscribe(topics.subscription(UpChannel.STATUS))
        listener = Listener(ingest)
        for attacker, victim in _pairs(logins):
            topic = build(uid=victim.client_id, channel=UpChannel.STATUS)
            (await connect(mqtt_broker, attacker, will=Will(topic, b"forged", 1))).close()
        topic = build(uid=logins.own.client_id, channel=UpChannel.STATUS)
        (await connect(mqtt_broker, logins.own, will=Will(topic, b"mine", 1))).close()
        assert await listener.hears(b"mine")
        assert [message.payload for message in listener.heard] == [b"mine"]
        await listener.close()

    asyncio.run(run())


def test_an_account_opens_nothing_with_another_client_id(
    mqtt_broker: MosquittoServer, logins: Household
) -> None:
    async def run() -> None:
        listeners = await _hear_everything(mqtt_broker, logins)
        for attacker, victim in _pairs(logins):
            for client_id in (victim.client_id, "ingest-1", "", attacker.client_id + "2"):
                stolen = attacker.with_client_id(client_id)
                assert await refused(connect(mqtt_broker, stolen)), client_id
            wrong = Login(victim.username, attacker.password, victim.client_id)
            assert await refused(connect(mqtt_broker, wrong))
            assert await refused(connect(mqtt_broker, Login(None, None, victim.client_id)))
        # Nobody was pushed off by it.
        assert all(listener.client.is_open for listener in listeners)
        for listener in listeners:
            await listener.close()

    asyncio.run(run())


def test_a_device_cannot_speak_as_the_server_to_itself_nor_hear_itself(
    mqtt_broker: MosquittoServer, logins: Household
) -> None:
    async def run() -> None:
        own = logins.own.client_id
        device = await connect(mqtt_broker, logins.own)
        await device.subscribe(f"{topics.PREFIX}/{own}/#")
        listener = Listener(device)
        for down in DownChannel:
            assert await refused(device.publish(build(uid=own, channel=down), b"forged"))
        for up in UpChannel:
            await device.publish(build(uid=own, channel=up), b"said")
        ingest = await connect(mqtt_broker, _server(mqtt_broker))
        for down in DownChannel:
            await ingest.publish(build(uid=own, channel=down), down.value.encode())
        assert await listener.hears(list(DownChannel)[-1].value.encode())
        assert [m.payload for m in listener.heard] == [d.value.encode() for d in DownChannel]
        await listener.close()
        ingest.close()

    asyncio.run(run())


def test_neither_a_device_nor_the_ingest_account_manages_accounts(
    mqtt_broker: MosquittoServer, logins: Household
) -> None:
    command = b'{"commands":[{"command":"createClient","username":"intruder","password":"x"}]}'

    async def run() -> None:
        for login in (*logins.all, _server(mqtt_broker)):
            client = await connect(mqtt_broker, login)
            assert await refused(client.publish(_DYNSEC, command))
            assert await refused(client.subscribe(f"{_DYNSEC}/response"))
            client.close()

    asyncio.run(run())
    assert not is_let_in(mqtt_broker, Login("intruder", "x", "intruder"))


def test_the_ingest_account_says_nothing_in_a_devices_name(
    mqtt_broker: MosquittoServer, logins: Household
) -> None:
    async def run() -> None:
        ingest = await connect(mqtt_broker, _server(mqtt_broker))
        for channel in UpChannel:
            topic = build(uid=logins.own.client_id, channel=channel)
            assert await refused(ingest.publish(topic, b"forged"))
        for pattern in ("#", "$SYS/#", "$CONTROL/#", f"{topics.PREFIX}/#"):
            assert await refused(ingest.subscribe(pattern))
        ingest.close()

    asyncio.run(run())


def test_an_unpaired_device_is_out_and_stays_out(
    mqtt_broker: MosquittoServer, resident: Resident
) -> None:
    board = install(resident)
    login = login_of(board)

    def unpair() -> None:
        accounts.keeper.wait(10.0)
        unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())

    _, is_out = standing(mqtt_broker, login, unpair)

    assert is_out
    assert not is_let_in(mqtt_broker, login)
