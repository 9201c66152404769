"""The client at a real Mosquitto, and at brokers that fall silent, lie, hide or go away."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.mqtt.client import Address, Client, ConnectionLost, Refused, parse_address
from edge.mqtt.packets import (
    V5,
    V311,
    Connack,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Property,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Will,
)
from tests.edge.mqtt_broker import (
    ScriptedBroker,
    SmallBroker,
    certificate,
    eventually,
    scripted,
)
from tests.server_process import free_port

LEVELS = (V311, V5)


@pytest.fixture(scope="module")
def broker() -> Iterator[SmallBroker]:
    with SmallBroker() as running:
        yield running


# At a real broker


@pytest.mark.mosquitto
@pytest.mark.parametrize("level", LEVELS)
async def test_messages_of_every_size_arrive_in_order(broker: SmallBroker, level: int) -> None:
    listener = await Client.connect(address=broker.address, client_id="in", level=level)
    speaker = await Client.connect(address=broker.address, client_id="out", level=level)
    assert await listener.subscribe("mine/#", qos=1) == 1
    payloads = [b"x" * size for size in (0, 1, 127, 128, 20_000)] * 20

    # All at once: at most three may be under way at this broker.
    await asyncio.gather(*(speaker.publish("mine/a", payload) for payload in payloads))
    received = []
    async for message in listener.messages():
        received.append(message.payload)
        if len(received) == len(payloads):
            break
    assert received == payloads

    await speaker.disconnect()
    await listener.disconnect()
    assert not speaker.is_open
    assert [message async for message in listener.messages()] == []


@pytest.mark.mosquitto
@pytest.mark.parametrize("level", LEVELS)
async def test_what_was_not_asked_beyond_is_delivered_again(
    broker: SmallBroker, level: int
) -> None:
    me = {"address": broker.address, "client_id": f"keeps-{level}", "level": level}
    listener = await Client.connect(**me, is_clean=False, session_expiry_s=60)
    await listener.subscribe("mine/kept")
    await listener.publish("mine/kept", b"one")
    await listener.publish("mine/kept", b"two")
    async for message in listener.messages():
        if message.payload == b"two":
            break  # asking for it acknowledged the first; this one is not acknowledged
    listener.close()

    again = await Client.connect(**me, is_clean=False, session_expiry_s=60)
    assert again.is_session_present
    message = await anext(again.messages())
    assert (message.payload, message.is_dup) == (b"two", True)
    again.close()


@pytest.mark.mosquitto
async def test_a_will_speaks_for_a_connection_that_broke_and_only_for_it(
    broker: SmallBroker,
) -> None:
    listener = await Client.connect(address=broker.address, client_id="hears")
    await listener.subscribe("mine/status")
    for client_id in ("says goodbye", "breaks"):
        client = await Client.connect(
            address=broker.address,
            client_id=client_id,
            will=Will("mine/status", client_id.encode(), qos=1),
        )
        if client_id == "breaks":
            client.close()
        else:
            await client.disconnect()

    assert (await anext(listener.messages())).payload == b"breaks"
    await listener.disconnect()


@pytest.mark.mosquitto
@pytest.mark.parametrize("level", LEVELS)
async def test_a_wrong_password_is_refused_as_that(broker: SmallBroker, level: int) -> None:
    with pytest.raises(Refused) as refused:
        await Client.connect(
            address=replace(broker.address, password="guessed"), client_id="x", level=level
        )
    assert refused.value.is_unauthorised


@pytest.mark.mosquitto
async def test_version_5_tells_that_a_message_was_refused(broker: SmallBroker) -> None:
    client = await Client.connect(address=broker.address, client_id="x", level=V5)
    with pytest.raises(Refused) as refused:
        await client.publish("of/another", b"")
    assert refused.value.is_unauthorised
    await client.publish("mine/own", b"")
    await client.disconnect()


@pytest.mark.mosquitto
@pytest.mark.fault
async def test_everybody_who_waits_hears_that_the_broker_was_killed(broker: SmallBroker) -> None:
    client = await Client.connect(address=broker.address, client_id="x")
    listening = asyncio.ensure_future(anext(client.messages()))
    await asyncio.sleep(0)
    broker.kill9()
    with pytest.raises(ConnectionLost):
        await listening
    with pytest.raises(ConnectionLost):
        await client.publish("mine/a", b"")
    with pytest.raises(ConnectionLost):
        await Client.connect(address=broker.address, client_id="x")
    broker.start()


# At brokers that misbehave


async def test_a_missing_pingresp_ends_the_connection() -> None:
    async with scripted(ScriptedBroker(V311, lambda _: [])) as broker:
        client = await Client.connect(
            address=broker.address, client_id="x", keepalive_s=1, timeout_s=0.2
        )
        with pytest.raises(ConnectionLost, match="sign of life"):
            await anext(client.messages())
        assert isinstance(broker.heard[-1], Pingreq)
        assert not client.is_open


async def test_pings_go_on_at_the_pace_the_broker_asks_for() -> None:
    accepted = Connack(properties=((Property.SERVER_KEEP_ALIVE, 1),))
    broker = ScriptedBroker(V5, lambda _: [Pingresp()], accepted)
    async with scripted(broker):
        client = await Client.connect(
            address=broker.address, client_id="x", level=V5, keepalive_s=600, timeout_s=0.3
        )
        await eventually(lambda: sum(isinstance(one, Pingreq) for one in broker.heard) == 2)
        assert client.is_open
        client.close()


def echo(packet: Packet) -> list[Packet]:
    match packet:
        case Publish(packet_id=int(number)):
            return [Puback(number)]
        case Subscribe(packet_id=number):
            return [Suback(number, (0x80,))]
    return []


async def test_a_refused_subscription_says_so() -> None:
    async with scripted(ScriptedBroker(V311, echo)) as broker:
        client = await Client.connect(address=broker.address, client_id="x")
        with pytest.raises(Refused):
            await client.subscribe("of/another")
        client.close()


async def test_packet_ids_go_round_and_leave_out_those_under_way() -> None:
    held: list[int] = []

    def answer(packet: Packet) -> list[Packet]:
        if isinstance(packet, Publish) and packet.payload == b"hold":
            held.append(packet.packet_id or 0)
            return []
        return echo(packet)

    async with scripted(ScriptedBroker(V311, answer)) as broker:
        client = await Client.connect(address=broker.address, client_id="x", keepalive_s=0)
        waiting = asyncio.ensure_future(client.publish("t", b"hold"))
        await eventually(lambda: held == [1])
        client._connection._last_packet_id = 0xFFFF
        await client.publish("t", b"")
        broker_ids = [one.packet_id for one in broker.heard if isinstance(one, Publish)]
        assert broker_ids == [1, 2]
        client.close()
        with pytest.raises(ConnectionLost):
            await waiting


async def test_an_abandoned_message_counts_until_the_broker_has_answered_it() -> None:
    held: list[int] = []

    def answer(packet: Packet) -> list[Packet]:
        if not isinstance(packet, Publish):
            return []
        if packet.payload == b"first":
            held.append(packet.packet_id or 0)
            return []
        return [Puback(held.pop())] if packet.payload == b"release" else echo(packet)

    accepted = Connack(properties=((Property.RECEIVE_MAXIMUM, 1),))
    async with scripted(ScriptedBroker(V5, answer, accepted)) as broker:
        client = await Client.connect(address=broker.address, client_id="x", level=V5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.publish("t", b"first")
        second = asyncio.ensure_future(client.publish("t", b"second"))
        await eventually(lambda: held == [1])
        assert not [one for one in broker.heard if getattr(one, "payload", b"") == b"second"]
        await client.publish("t", b"release", qos=0)
        await second
        client.close()


async def test_an_answer_that_fits_no_question_ends_the_connection_for_the_asker_too() -> None:
    def answer(packet: Packet) -> list[Packet]:
        return [Suback(packet.packet_id or 0, (0,))] if isinstance(packet, Publish) else []

    async with scripted(ScriptedBroker(V311, answer)) as broker:
        client = await Client.connect(address=broker.address, client_id="x")
        with pytest.raises(ConnectionLost, match="does not fit"):
            await client.publish("t", b"")


async def test_noise_instead_of_packets_ends_the_connection() -> None:
    async with scripted(ScriptedBroker(V311, lambda _: [], raw=b"\xff" * 9)) as broker:
        with pytest.raises(ConnectionLost, match="no MQTT"):
            client = await Client.connect(address=broker.address, client_id="x")
            await anext(client.messages())


async def test_the_brokers_own_reason_is_told() -> None:
    taken_over = [Disconnect(0x8E)]
    async with scripted(ScriptedBroker(V5, lambda _: taken_over)) as broker:
        client = await Client.connect(address=broker.address, client_id="x", level=V5)
        with pytest.raises(ConnectionLost) as lost:
            await client.publish("t", b"")
        assert lost.value.code == 0x8E


async def test_a_broker_that_never_answers_is_given_up() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    with pytest.raises(ConnectionLost, match="did not answer"):
        await Client.connect(address=address, client_id="x", timeout_s=0.2)
    server.close()


async def test_where_nobody_listens_the_connection_is_lost() -> None:
    with pytest.raises(ConnectionLost):
        await Client.connect(address=Address("127.0.0.1", free_port()), client_id="x")


async def test_a_consumer_that_is_behind_stops_the_reading_and_gets_everything() -> None:
    many = [Publish("t", str(number).encode(), 0) for number in range(5_000)]
    broker = ScriptedBroker(V311, lambda one: many if isinstance(one, Publish) else [])
    async with scripted(broker):
        client = await Client.connect(address=broker.address, client_id="x", keepalive_s=0)
        await client.publish("t", b"send them", qos=0)
        await eventually(lambda: not client._connection._is_reading)
        received = []
        async for message in client.messages():
            received.append(message)
            if len(received) == len(many):
                break
        assert received == many
        client.close()


async def test_only_a_broker_whose_certificate_is_known_is_spoken_to(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(file)
    async with scripted(ScriptedBroker(V311, echo), tls=served) as broker:
        known = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        client = await Client.connect(address=broker.address, client_id="x", tls=known)
        await client.publish("t", b"sealed")
        await client.disconnect()
        with pytest.raises(ConnectionLost, match="certificate"):
            await Client.connect(address=broker.address, client_id="x")
        elsewhere = replace(broker.address, host="localhost")
        with pytest.raises(ConnectionLost, match="certificate"):
            await Client.connect(address=elsewhere, client_id="x", tls=known)


# Addresses


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://h", Address("h", 1883)),
        ("mqtts://u:p%40ss@h:1/", Address("h", 1, True, "u", "p@ss")),
        ("mqtt://[::1]:7", Address("::1", 7)),
        ("mqtts://h", Address("h", 8883, True)),
    ],
)
def test_addresses_are_read(url: str, expected: Address) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize("url", ["", "http://h", "mqtt://", "mqtt://h/path", "mqtt://h:99999"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        parse_address(url)


def test_an_address_does_not_show_its_password() -> None:
    assert "s3cret" not in repr(parse_address("mqtt://u:s3cret@h"))
