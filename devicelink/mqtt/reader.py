"""Reads one channel of all devices from the broker and acknowledges what is committed.

Messages are acknowledged in the order in which they came (MQTT 4.6), which is why each channel
has a connection of its own: a slow channel holds up no other one. The broker sends no more than
`RECEIVE_MAXIMUM` ahead of the acknowledgements: that is the back-pressure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from devicelink.mqtt.aside import Aside
from devicelink.mqtt.frames import Arrived
from devicelink.mqtt.held import Held, Line, Reply, Taker, uid_in
from devicelink.mqtt.link import RECEIVE_MAXIMUM, Link
from devicelink.mqtt.rates import ALLOWED, UNUSABLE, Rates
from devicelink.mqtt.replies import Replies
from edge.mqtt.client import ConnectionLost, Refused
from edge.protocol import topics
from edge.protocol.backoff import Backoff
from edge.protocol.messages import TelemetryAck
from kernel.metrics import MQTT_CONNECTED, MQTT_LOST, MQTT_MESSAGES
from telemetry.services.set_aside import NOT_STORED, Unusable

logger = logging.getLogger(__name__)

SHARE: Final = "homepot-ingest"
# Messages without acknowledgement (QoS 0) are not limited by the broker.
_MOST_HELD: Final = 2 * RECEIVE_MAXIMUM
# As payloads; understood they take several times as much.
_MOST_BYTES: Final = 8 * 1024 * 1024
_BYTES_OF_MESSAGE: Final = 256
_POSTPONED_S: Final = 0.5
# Nothing became of anything for so long although something waits: whoever should has stopped.
STUCK_S: Final = 180.0
_DRAIN_S: Final = 6.0
_MIN_RECONNECT_S: Final = 0.2
_MAX_RECONNECT_S: Final = 10.0

Opener = Callable[..., Awaitable[Link]]
Listener = Callable[[bytes, bytes], None]


class Reader:
    """Takes in one channel for as long as `run` runs; lives on one event loop."""

    def __init__(
        self,
        taker: Taker,
        *,
        open_link: Opener,
        watched: Sequence[str] = (),
        on_watched: Listener | None = None,
    ) -> None:
        self._taker = taker
        self._channel = taker.channel
        self._open_link = open_link
        self._watched = tuple(watched)
        self._on_watched = on_watched
        self._filter = topics.subscription(self._channel, share=SHARE)
        self._link: Link | None = None
        self._line = Line()
        self._replies = Replies()
        self._postponed: list[Held] = []
        # How many messages of a device wait for another try.
        self._late: Counter[str] = Counter()
        self._rates = Rates(ALLOWED[self._channel])
        self._unusable = Rates(UNUSABLE)
        self.settled = self._counted = 0
        self._is_flush_due = False
        self._is_stopping = False
        self._progress_at = time.monotonic()
        self._aside = Aside(self._settle_aside, on_retry=self._note_life)
        self._counts = {
            outcome: MQTT_MESSAGES.labels(type=self._channel.value, outcome=outcome)
            for outcome in ("settled", "set_aside", "postponed", "retained", "let_go")
        }

    @property
    def is_connected(self) -> bool:
        """Whether messages come in."""
        return self._link is not None and not self._link.lost.done()

    @property
    def is_stuck(self) -> bool:
        """Whether messages wait and nothing has become of any for too long."""
        return self._line.count > 0 and time.monotonic() - self._progress_at > STUCK_S

    async def run(self) -> None:
        """Connect, read, and connect again after each end, until `stop`."""
        backoff = Backoff(
            source=random.SystemRandom(), minimum_s=_MIN_RECONNECT_S, maximum_s=_MAX_RECONNECT_S
        )
        while not self._is_stopping:
            began = time.monotonic()
            reason = await self._read()
            if self._is_stopping:
                return
            backoff.connection_lasted(time.monotonic() - began)
            delay = backoff.next_delay()
            MQTT_LOST.inc()
            logger.warning(
                "No connection to the broker: %s", reason, extra={"channel": self._channel.value}
            )
            await asyncio.sleep(delay)

    def replace(self, reason: str) -> None:
        """Give the connection up; what is not acknowledged comes again over the next one."""
        self._progress_at = time.monotonic()
        if self._link is not None:
            self._link.abort(reason)

    async def stop(self) -> None:
        """Take nothing more, finish and acknowledge what came, and say goodbye."""
        self._is_stopping = True
        link = self._link
        if link is None or link.lost.done():
            await self._taker.stop()
            await self._aside.stop()
            return
        with contextlib.suppress(ConnectionLost):
            await link.unsubscribe(self._filter)
        deadline = time.monotonic() + _DRAIN_S
        while self._line.count and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await self._taker.stop()
        await self._aside.stop()
        self._flush()
        await link.close()

    # The desk

    def settle(self, held: Held, reply: Reply | None = None) -> None:
        """The message is committed, or needs nothing."""
        self._done(held)
        self.settled += 1
        # It would cover what came before too; the device sends this one again and is told then.
        is_ahead = held.uid in self._late and isinstance(reply, TelemetryAck)
        if reply is not None and not is_ahead:
            self._replies.add(held.uid, reply)

    def set_aside(self, held: Held, reason: str, detail: str = "") -> None:
        """The message can never be used."""
        if not self._unusable.take(held.uid, len(held.payload)):
            self._let_go(held)
            return
        self._aside.add(
            held,
            Unusable(
                device_uid=held.uid,
                topic=held.arrived.topic.decode(errors="backslashreplace"),
                payload=held.payload,
                reason=reason,
                detail=detail,
            ),
        )

    def postpone(self, held: Held) -> None:
        """The message is to be taken again a little later; the broker keeps it meanwhile."""
        self._note_life()
        self._counts["postponed"].inc()
        if not held.is_late:
            held.is_late = True
            self._late[held.uid] += 1
        if not self._postponed:
            delay = _POSTPONED_S * random.uniform(0.8, 1.5)  # noqa: S311  no secret
            asyncio.get_running_loop().call_later(delay, self._take_postponed)
        self._postponed.append(held)

    # What comes from the connection

    async def _read(self) -> str:
        self._line = Line()
        try:
            link = await self._open_link(on_messages=self._take, on_room=self._send_replies)
        except (ConnectionLost, Refused) as fault:
            return str(fault)
        self._link = link
        try:
            await link.subscribe(self._filter, *self._watched)
            MQTT_CONNECTED.inc()
            try:
                return await asyncio.shield(link.lost)
            finally:
                MQTT_CONNECTED.dec()
        except (ConnectionLost, Refused) as fault:
            return str(fault)
        finally:
            link.abort("the connection is given up")

    def _take(self, messages: list[Arrived]) -> None:
        for arrived in messages:
            uid = uid_in(arrived.topic, self._channel)
            if uid is None:
                self._take_other(arrived)
                continue
            held = self._hold(uid, arrived)
            if arrived.is_retained:
                # It was sent to whoever came before us; what it says may be long over.
                self._counts["retained"].inc()
                self._done(held)
            elif self._rates.take(uid, len(arrived.payload)):
                self._give(held)
            else:
                self._let_go(held)
        line = self._line
        if self._link is not None and (line.count > _MOST_HELD or line.size > _MOST_BYTES):
            self._link.pause()

    def _hold(self, uid: str, arrived: Arrived) -> Held:
        line = self._line
        if not line.count:
            self._progress_at = time.monotonic()
        held = Held(uid, arrived, line)
        line.count += 1
        line.size += len(arrived.payload)
        if arrived.packet_id:
            line.in_order.append(held)
        return held

    def _take_other(self, arrived: Arrived) -> None:
        if self._on_watched is not None and arrived.topic.startswith(b"$SYS/"):
            self._on_watched(arrived.topic, arrived.payload)
            return
        # The filter lets any word stand for a device.
        self.set_aside(self._hold("", arrived), "invalid_topic")

    def _take_postponed(self) -> None:
        postponed, self._postponed = self._postponed, []
        size = 0
        for held in postponed:
            # Of a connection that is gone too: the broker has forgotten them with it.
            size += len(held.payload) + _BYTES_OF_MESSAGE
            if held.line is self._line or size < _MOST_BYTES:
                self._give(held)
            else:
                self._let_go(held)

    def _give(self, held: Held) -> None:
        """Have it taken; what the taker cannot stand must not cost the connection either."""
        try:
            self._taker.take(held, self)
        except Exception:
            logger.exception("A message of a device could not be handled")
            self.set_aside(held, NOT_STORED, "internal_error")

    def _let_go(self, held: Held) -> None:
        self._counts["let_go"].inc()
        self._done(held)

    def _note_life(self) -> None:
        self._progress_at = time.monotonic()

    def _settle_aside(self, held: Held) -> None:
        self._counts["set_aside"].inc()
        self._done(held)

    def _done(self, held: Held) -> None:
        if held.is_settled:
            return
        held.is_settled = True
        held.line.count -= 1
        held.line.size -= len(held.payload)
        if held.is_late:
            self._late[held.uid] -= 1
            if not self._late[held.uid]:
                del self._late[held.uid]
        self._note_life()
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Acknowledge, in one write, what is settled in an unbroken line; then reply."""
        self._is_flush_due = False
        self._counts["settled"].inc(self.settled - self._counted)
        self._counted = self.settled
        line, ready = self._line, []
        in_order = line.in_order
        while in_order and in_order[0].is_settled:
            ready.append(in_order.popleft().arrived.packet_id)
        if self._link is None:
            return
        if ready:
            self._link.acknowledge(ready)
        if line.count <= _MOST_HELD // 2 and line.size <= _MOST_BYTES // 2:
            self._link.resume()
        self._send_replies()

    def _send_replies(self) -> None:
        if self._link is not None and (room := self._link.room) > 0:
            self._link.publish(self._replies.take(room))
