"""The hub and the bus: hints reach every process's subscribers, or are lost without harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from kernel import metrics, realtime
from kernel.bus import Bus, LocalBus, RedisBus
from kernel.realtime import Hub
from tests.services import RedisServer

PATIENCE = 15.0


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.redis)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """A bus of either kind."""
    if request.param == "local":
        yield LocalBus()
        return
    server = request.getfixturevalue("redis_server")
    made = RedisBus(server.url)
    yield made
    await made.detach()


@pytest.fixture
async def hub(bus: Bus) -> AsyncIterator[Hub]:
    """A hub that listens to the bus."""
    made = Hub()
    await bus.attach(made.deliver)
    yield made
    await bus.detach()


class Inbox:
    """Collects what a topic delivers."""

    def __init__(self, hub: Hub, topic: str) -> None:
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.subscription = hub.subscribe(topic, self._queue.put_nowait)

    async def next(self) -> dict[str, Any]:
        """The next message."""
        return await asyncio.wait_for(self._queue.get(), PATIENCE)

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_hint_from_any_thread_reaches_the_subscribers_of_its_topic(
    bus: Bus, hub: Hub
) -> None:
    mine, also_mine, other = Inbox(hub, "device.1"), Inbox(hub, "device.1"), Inbox(hub, "device.2")
    sender = threading.Thread(target=bus.publish, args=("device.1", {"type": "commands"}))
    sender.start()
    assert await mine.next() == {"type": "commands"}
    assert await also_mine.next() == {"type": "commands"}
    await asyncio.to_thread(sender.join)
    assert other.is_empty


async def test_hints_of_one_sender_keep_their_order(bus: Bus, hub: Hub) -> None:
    inbox = Inbox(hub, "tenant.1")

    def send() -> None:
        for number in range(100):
            bus.publish("tenant.1", {"number": number})

    await asyncio.to_thread(send)
    assert [(await inbox.next())["number"] for _ in range(100)] == list(range(100))


async def test_hints_that_are_sent_together_arrive_in_order_at_their_topics(
    bus: Bus, hub: Hub
) -> None:
    heard: list[tuple[str, int]] = []
    done = asyncio.Event()

    def hear(topic: str, message: realtime.Message) -> None:
        heard.append((topic, message["n"]))
        if message["n"] == 119:
            done.set()

    for topic in ("tenant.1", "tenant.2"):
        hub.subscribe(topic, lambda message, topic=topic: hear(topic, message))
    sent = [(f"tenant.{1 + number % 2}", {"n": number}) for number in range(120)]
    await asyncio.to_thread(bus.publish_many, sent)
    await asyncio.wait_for(done.wait(), 5)
    assert heard == [(topic, message["n"]) for topic, message in sent]


async def test_who_unsubscribed_hears_nothing_more(bus: Bus, hub: Hub) -> None:
    gone, here = Inbox(hub, "device.1"), Inbox(hub, "device.1")
    hub.unsubscribe(gone.subscription)
    hub.unsubscribe(gone.subscription)
    bus.publish("device.1", {})
    await here.next()
    assert gone.is_empty


async def test_a_failing_subscriber_does_not_stop_the_others(bus: Bus, hub: Hub) -> None:
    def fail(message: dict[str, Any]) -> None:
        raise LookupError

    hub.subscribe("device.1", fail)
    inbox = Inbox(hub, "device.1")
    bus.publish("device.1", {"n": 1})
    assert await inbox.next() == {"n": 1}


async def test_a_waiter_gets_the_first_message_it_accepts(bus: Bus, hub: Hub) -> None:
    waiter = asyncio.create_task(
        hub.wait_for("command.c1", lambda message: bool(message["done"]), PATIENCE)
    )
    await asyncio.sleep(0)
    bus.publish("command.c1", {"done": False})
    bus.publish("command.c2", {"done": True, "wrong": True})
    bus.publish("command.c1", {"done": True})
    assert await waiter == {"done": True}


async def test_a_reply_that_came_before_its_waiter_is_not_lost(bus: Bus, hub: Hub) -> None:
    inbox = Inbox(hub, "command.c1")
    bus.publish("command.c1", {"done": True})
    await inbox.next()
    assert await hub.wait_for("command.c1", lambda _: True, PATIENCE) == {"done": True}


async def test_a_waiter_that_hears_nothing_gets_none_and_leaves_no_trace() -> None:
    hub = Hub()
    assert await hub.wait_for("command.c1", lambda _: True, 0.01) is None
    assert not hub._subscribers


async def test_a_bus_tells_whether_messages_get_through(bus: Bus) -> None:
    assert not bus.check()
    await bus.attach(lambda topic, message: None)
    assert bus.check()
    await bus.detach()
    assert not bus.check()


async def test_a_hint_nobody_listens_to_is_simply_gone(bus: Bus) -> None:
    bus.publish("device.1", {})


def test_the_process_has_one_hub_and_one_bus() -> None:
    assert realtime.hub() is realtime.hub()
    assert realtime.bus() is realtime.bus()


@pytest.mark.redis
async def test_what_others_write_to_the_channel_is_dropped(redis_server: RedisServer) -> None:
    bus, hub = RedisBus(redis_server.url), Hub()
    await bus.attach(hub.deliver)
    inbox = Inbox(hub, "device.1")
    for noise in (b"\xff", b"{", b"7", b"[1]", b'["device.1", 7]', b"[1, {}]"):
        await asyncio.to_thread(bus._sender.publish, "homepot.hints", noise)
    bus.publish("device.1", {"n": 1})
    assert await inbox.next() == {"n": 1}
    assert bus.check()
    await bus.detach()


@pytest.mark.redis
@pytest.mark.fault
async def test_deliveries_resume_after_redis_was_killed(redis_server: RedisServer) -> None:
    bus, hub = RedisBus(redis_server.url), Hub()
    await bus.attach(hub.deliver)
    inbox = Inbox(hub, "device.1")
    try:
        await asyncio.to_thread(redis_server.kill9)
        await until(lambda: not bus.check())
        lost = metrics.HINTS_LOST._value.get()
        await asyncio.to_thread(bus.publish, "device.1", {"lost": True})
        assert metrics.HINTS_LOST._value.get() == lost + 1
    finally:
        # On this thread: the server ends with the one that started it.
        redis_server.start()
    await until(bus.check)
    await asyncio.to_thread(bus.publish, "device.1", {"back": True})
    assert await inbox.next() == {"back": True}
    await bus.detach()
