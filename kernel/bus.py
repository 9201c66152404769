"""Two ways to carry hints between processes: not at all (one process), and Redis pub/sub."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import redis
import redis.asyncio

from edge.protocol import strict_json
from kernel import metrics

logger = logging.getLogger(__name__)

Deliver = Callable[[str, dict[str, Any]], None]

CHANNEL = "homepot.hints"
_RETRY_SECONDS = 0.5
# Hints come from our own processes; the limit only stops a runaway.
_MAX_HINT_BYTES = 1024 * 1024
# Far from that limit, with 64 metrics in each.
_HINTS_TOGETHER = 50


class Bus(Protocol):
    """Carries (topic, message) to every attached process, at most once, maybe never."""

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """Send from any thread; never raises, never blocks for long."""

    def publish_many(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """The same for several messages at once."""

    async def attach(self, deliver: Deliver) -> None:
        """Have `deliver` called on the running loop with each message."""

    async def detach(self) -> None:
        """Stop delivering."""

    def check(self) -> bool:
        """True when messages get through right now."""


class LocalBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deliver: Deliver | None = None

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """Hand the message to the loop that serves, if there is one."""
        loop, deliver = self._loop, self._deliver
        if loop is None or deliver is None:
            return
        try:
            loop.call_soon_threadsafe(deliver, topic, message)
        except RuntimeError:
            # The loop closed between the check and the call: nobody is left to be told.
            logger.debug("A hint came after the loop had closed")

    def publish_many(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Wake the loop that serves once for all of them."""
        loop, deliver = self._loop, self._deliver
        if loop is None or deliver is None:
            return

        def deliver_all() -> None:
            for topic, message in messages:
                deliver(topic, message)

        try:
            loop.call_soon_threadsafe(deliver_all)
        except RuntimeError:
            logger.debug("Hints came after the loop had closed")

    async def attach(self, deliver: Deliver) -> None:
        """Deliver on the running loop from now on."""
        self._loop, self._deliver = asyncio.get_running_loop(), deliver

    async def detach(self) -> None:
        """Forget the loop."""
        self._loop = self._deliver = None

    def check(self) -> bool:
        """True while a loop is attached."""
        return self._loop is not None


class RedisBus:
    """One Redis channel that every process publishes to and listens on.

    The sender is a plain synchronous client (a loop and a connection per send is what
    `async_to_sync(group_send)` would cost); the listener reconnects for ever.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._sender = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._listener: asyncio.Task[None] | None = None
        self._is_connected = False

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """PUBLISH once; when Redis is away the hint is lost and said so."""
        try:
            self._sender.publish(CHANNEL, strict_json.dumps([topic, message]))
        except redis.RedisError as error:
            metrics.HINTS_LOST.inc()
            logger.warning("A hint was lost: %s", type(error).__name__)

    def publish_many(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """PUBLISH them as few messages; when Redis is away they are lost and said so.

        Every process reads all of it: each message of the channel costs each of them its time.
        """
        for start in range(0, len(messages), _HINTS_TOGETHER):
            together = messages[start : start + _HINTS_TOGETHER]
            try:
                self._sender.publish(CHANNEL, strict_json.dumps(list(together)))
            except redis.RedisError as error:
                metrics.HINTS_LOST.inc(len(together))
                logger.warning("%d hints were lost: %s", len(together), type(error).__name__)

    async def attach(self, deliver: Deliver) -> None:
        """Listen on the running loop; returns once the first subscription stands or 2 s passed."""
        subscribed = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(deliver, subscribed), name="redis-bus")
        try:
            await asyncio.wait_for(subscribed.wait(), 2)
        except TimeoutError:
            logger.warning("Redis is not reachable; hints wait for it")

    async def detach(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    def check(self) -> bool:
        """True while the subscription stands."""
        return self._is_connected

    async def _listen(self, deliver: Deliver, subscribed: asyncio.Event) -> None:
        while True:
            try:
                await self._listen_once(deliver, subscribed)
            except (redis.RedisError, OSError) as error:
                logger.warning("The Redis subscription broke: %s", type(error).__name__)
            finally:
                self._is_connected = False
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_once(self, deliver: Deliver, subscribed: asyncio.Event) -> None:
        client = redis.asyncio.Redis.from_url(
            self._url, socket_connect_timeout=2, health_check_interval=10
        )
        async with client, client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANNEL)
            self._is_connected = True
            subscribed.set()
            while True:
                message = await subscription.get_message(timeout=5)
                if message is not None:
                    self._hand_over(deliver, message["data"])

    @staticmethod
    def _hand_over(deliver: Deliver, data: bytes) -> None:
        for topic, content in _hints_in(data):
            if isinstance(topic, str) and isinstance(content, dict):
                deliver(topic, content)
            else:
                logger.warning("A hint that is not ours was dropped")


def _hints_in(data: bytes) -> list[tuple[Any, Any]]:
    """The pairs of topic and message: one, or a list of them; a pair of None for anything else."""
    try:
        found = strict_json.loads(data, max_bytes=_MAX_HINT_BYTES)
        if isinstance(found, list) and found and isinstance(found[0], list):
            return [(topic, content) for topic, content in found]
        topic, content = found
    except (ValueError, TypeError):
        return [(None, None)]
    return [(topic, content)]
