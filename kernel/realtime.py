"""Hints between the parts and processes of the product: topics, the hub, the bus below it.

A process has one hub and one subscription to the bus; the hub hands each message to the local
subscribers of its topic. Any message may be lost at any time: whoever needs a fact reads the
database, and reads it now and then without a hint too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

from kernel.bus import Bus, LocalBus, RedisBus

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Callback = Callable[[Message], None]
Overhear = Callable[[str, Message], None]

# A reply may arrive between the commit of a request and the moment its waiter subscribes.
_RECENT_SECONDS = 5.0
_RECENT_TOPICS = 4096


def device_topic(device_id: int) -> str:
    """Hints to the process that holds the socket of a device."""
    return f"device.{device_id}"


def tenant_topic(tenant_id: int) -> str:
    """Live events of a tenant, to browsers."""
    return f"tenant.{tenant_id}"


def command_topic(command_uid: str) -> str:
    """Outcome of one command, to whoever waits for it."""
    return f"command.{command_uid}"


def user_topic(user_id: int) -> str:
    """Changes to a user's sessions."""
    return f"user.{user_id}"


class Waitable(Protocol):
    """Decides whether a message ends a wait."""

    def __call__(self, message: Message, /) -> bool: ...


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """A place in the hub; give it back to `Hub.unsubscribe`."""

    topic: str
    callback: Callback


class Hub:
    """Local fan-out of one process; everything here runs on its event loop."""

    def __init__(self) -> None:
        self._subscribers: dict[str, set[Subscription]] = defaultdict(set)
        # By topic: a search through all of them would cost each waiter what all others got.
        self._recent: OrderedDict[str, list[tuple[float, Message]]] = OrderedDict()
        self._listeners: dict[str, Overhear] = {}

    def listen(self, prefix: str, callback: Overhear) -> None:
        """Have `callback` called with every topic that begins so, and its message.

        For who cannot name the topics before; one listener for each prefix, until `unlisten`.
        """
        self._listeners[prefix] = callback

    def unlisten(self, prefix: str) -> None:
        """End that; doing so twice is fine."""
        self._listeners.pop(prefix, None)

    def subscribe(self, topic: str, callback: Callback) -> Subscription:
        """Have `callback` called on the loop with each message of the topic; it must not block."""
        subscription = Subscription(topic, callback)
        self._subscribers[topic].add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; doing so twice is fine."""
        places = self._subscribers.get(subscription.topic)
        if places is None:
            return
        places.discard(subscription)
        if not places:
            del self._subscribers[subscription.topic]

    def deliver(self, topic: str, message: Message) -> None:
        """Hand a message that came over the bus to the local subscribers."""
        if topic.startswith("command."):
            self._remember(topic, message)
        for subscription in tuple(self._subscribers.get(topic, ())):
            try:
                subscription.callback(message)
            except Exception:
                logger.exception("A hub subscriber failed", extra={"topic": topic.split(".")[0]})
        for prefix, listener in tuple(self._listeners.items()):
            if topic.startswith(prefix):
                try:
                    listener(topic, message)
                except Exception:
                    logger.exception("A hub listener failed", extra={"topic": prefix})

    async def wait_for(self, topic: str, accept: Waitable, timeout_s: float) -> Message | None:
        """The next accepted message of the topic (or one of the last seconds), None on timeout."""
        earliest = time.monotonic() - _RECENT_SECONDS
        for at, message in reversed(self._recent.get(topic, ())):
            if at >= earliest and accept(message):
                return message
        arrived: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def settle(message: Message) -> None:
            if not arrived.done() and accept(message):
                arrived.set_result(message)

        subscription = self.subscribe(topic, settle)
        try:
            return await asyncio.wait_for(arrived, timeout_s)
        except TimeoutError:
            return None
        finally:
            self.unsubscribe(subscription)

    def _remember(self, topic: str, message: Message) -> None:
        self._recent.setdefault(topic, []).append((time.monotonic(), message))
        self._recent.move_to_end(topic)
        if len(self._recent) > _RECENT_TOPICS:
            self._recent.popitem(last=False)


class _Process:
    """What this process has of the real-time side."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hub: Hub | None = None
        self.bus: Bus | None = None


_process = _Process()


def bus() -> Bus:
    """This process's bus: Redis when an address is set, in-process otherwise."""
    if _process.bus is None:
        with _process.lock:
            if _process.bus is None:
                _process.bus = RedisBus(settings.REDIS_URL) if settings.REDIS_URL else LocalBus()
    return _process.bus


def hub() -> Hub:
    """This process's hub; `start()` connects it to the bus."""
    if _process.hub is None:
        with _process.lock:
            if _process.hub is None:
                _process.hub = Hub()
    return _process.hub


def publish(topic: str, message: Message) -> None:
    """Send a hint to every process's hub, from any thread; a failure is logged, never raised."""
    bus().publish(topic, message)


def publish_many(messages: Sequence[tuple[str, Message]]) -> None:
    """Send hints together, from any thread: for other processes one message of many."""
    bus().publish_many(messages)


async def start() -> None:
    """Connect the hub of this process to the bus; call it on the loop that serves."""
    await bus().attach(hub().deliver)


async def stop() -> None:
    """Disconnect from the bus."""
    await bus().detach()
