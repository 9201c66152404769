"""Publishes to devices on MQTT what they are to be told, over a connection of its own.

It is told by hints and by greetings, and looks by itself every few seconds. Nothing is taken from
the database while there is no connection or no room: it waits there, and anybody may take it. A
command that could not be published soon after it was taken is dropped: the ledger hands it out
again when its answer is overdue, and until then nothing newer has gone out that it could undo.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Any, Final, TypeVar

from django.conf import settings

from devicelink import outbound
from devicelink.documents import Memory
from devicelink.mqtt import fetching
from devicelink.mqtt.fetching import Parcels
from devicelink.mqtt.frames import Arrived
from devicelink.mqtt.link import Link
from devicelink.mqtt.reader import Opener
from edge.mqtt.client import ConnectionLost, Refused
from edge.protocol import codec, topics
from edge.protocol.backoff import Backoff
from edge.protocol.messages import Config, DownMessage, TwinDesired
from edge.protocol.topics import DownChannel
from kernel import realtime
from kernel.metrics import MQTT_CONNECTED, MQTT_LOST, MQTT_MESSAGES
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)

# Within the 5 s in which a command reaches its device even when every hint is lost.
LOOK_EVERY_S: Final = 4.0
# Devices whose commands one database thread claims, and how many threads do at once.
_TOGETHER: Final = 25
_AT_ONCE: Final = 4
# Devices that one look finds, and those whose documents it compares; the next look goes on.
_MOST_FOUND: Final = 2_000
# Messages taken from the database that the broker has not acknowledged yet.
_MOST_WAITING: Final = 2_000
STUCK_S: Final = 60.0
# Well within the time after which the ledger lets newer commands of the lane go out.
_FRESH_S: Final = 5.0
_MIN_RECONNECT_S: Final = 0.2
_MAX_RECONNECT_S: Final = 10.0
_DRAIN_S: Final = 4.0
_RETRY_S: Final = 1.0
_CHANNELS: Final = {
    Config.type: DownChannel.CONFIG,
    TwinDesired.type: DownChannel.TWIN_DESIRED,
}
_HINTS: Final = frozenset({outbound.COMMANDS, outbound.DOCUMENTS})
_DEVICES: Final = "device."
K = TypeVar("K", int, str)


class Deliveries:
    """Tells devices what waits for them for as long as `run` runs; lives on one event loop."""

    def __init__(self, *, open_link: Opener, look_every_s: float = LOOK_EVERY_S) -> None:
        self._open_link = open_link
        self._look_every_s = look_every_s
        self._link: Link | None = None
        self._greeted: dict[str, None] = {}
        self._hinted: dict[int, None] = {}
        self._news = asyncio.Event()
        # Topic, payload, and until when that may be published.
        self._outbox: deque[tuple[bytes, bytes, float]] = deque()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._looked_at = 0.0
        self._is_busy = False
        self._tried = Memory(again_s=fetching.TOLD_AGAIN_S)
        self._last_compared = 0
        self._progress_at = time.monotonic()
        self._is_stopping = False
        self._published = MQTT_MESSAGES.labels(type="down", outcome="published")
        self._dropped = MQTT_MESSAGES.labels(type="down", outcome="let_go")

    @property
    def is_connected(self) -> bool:
        """Whether devices can be told anything."""
        return self._link is not None and not self._link.lost.done()

    @property
    def is_stuck(self) -> bool:
        """Whether messages wait that the broker does not take."""
        return bool(self._outbox) and time.monotonic() - self._progress_at > STUCK_S

    def note_greeting(self, uid: str) -> None:
        """The device has just come over MQTT."""
        self._greeted[uid] = None
        self._news.set()

    async def run(self) -> None:
        """Connect, tell, and connect again after each end, until `stop`."""
        backoff = Backoff(
            source=random.SystemRandom(), minimum_s=_MIN_RECONNECT_S, maximum_s=_MAX_RECONNECT_S
        )
        realtime.hub().listen(_DEVICES, self._on_hint)
        try:
            while not self._is_stopping:
                began = time.monotonic()
                reason = await self._serve()
                if self._is_stopping:
                    return
                backoff.connection_lasted(time.monotonic() - began)
                MQTT_LOST.inc()
                logger.warning("No connection to the broker: %s", reason, extra={"channel": "down"})
                await asyncio.sleep(backoff.next_delay())
        finally:
            realtime.hub().unlisten(_DEVICES)

    def replace(self, reason: str) -> None:
        """Give the connection up."""
        self._progress_at = time.monotonic()
        if self._link is not None:
            self._link.abort(reason)

    async def stop(self) -> None:
        """Take nothing more, publish what was taken, and say goodbye."""
        self._is_stopping = True
        self._news.set()
        link = self._link
        if link is None or link.lost.done():
            return
        deadline = time.monotonic() + _DRAIN_S
        while (
            (self._outbox or self._is_busy) and time.monotonic() < deadline and not link.lost.done()
        ):
            await asyncio.sleep(0.02)
        await link.close()

    async def _serve(self) -> str:
        try:
            link = await self._open_link(on_messages=_ignore, on_room=self._publish)
        except (ConnectionLost, Refused) as fault:
            return str(fault)
        self._link = link
        self._progress_at = time.monotonic()
        MQTT_CONNECTED.inc()
        working = asyncio.create_task(self._work(), name="mqtt-deliveries")
        try:
            self._publish()
            ends: set[asyncio.Future[Any]] = {working, link.lost}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if working.done() and not link.lost.done():
                working.result()
            return await asyncio.shield(link.lost)
        finally:
            MQTT_CONNECTED.dec()
            working.cancel()
            link.abort("the connection is given up")
            await asyncio.gather(working, return_exceptions=True)

    # Taking

    async def _work(self) -> None:
        while not self._is_stopping:
            await self._has_room.wait()
            if self._greeted:
                await self._tell(self._greeted, fetching.for_greeted)
            elif self._hinted:
                await self._tell(self._hinted, fetching.for_hinted)
            else:
                await self._look_or_wait()

    async def _tell(self, wanted: dict[K, None], fetch: Callable[[Collection[K]], Parcels]) -> None:
        some = list(islice(wanted, _TOGETHER * _AT_ONCE))
        for key in some:
            del wanted[key]
        pieces = [some[start : start + _TOGETHER] for start in range(0, len(some), _TOGETHER)]
        self._is_busy = True
        try:
            done = await asyncio.gather(*(self._fetch(fetch, piece) for piece in pieces))
        finally:
            self._is_busy = False
        cut = [
            key for piece, is_done in zip(pieces, done, strict=True) if not is_done for key in piece
        ]
        if cut:
            wanted.update(dict.fromkeys(cut))
            await asyncio.sleep(_RETRY_S)

    async def _fetch(self, fetch: Callable[[Collection[K]], Parcels], keys: list[K]) -> bool:
        until = time.monotonic() + min(_FRESH_S, settings.ACK_TIMEOUT_SECONDS / 2)
        try:
            parcels = await run_in_database_thread(fetch, keys)
        except Exception as error:  # noqa: BLE001  the database is away: it is tried again
            logger.error("What waits for devices could not be fetched: %s", type(error).__name__)
            return False
        self._put(parcels.told, until)
        return not parcels.is_cut

    async def _look_or_wait(self) -> None:
        left = self._looked_at + self._look_every_s - time.monotonic()
        if left > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
            self._news.clear()
            return
        self._looked_at = time.monotonic()
        try:
            found = await run_in_database_thread(fetching.waiting, _MOST_FOUND)
            lacking, self._last_compared = await run_in_database_thread(
                fetching.behind, after=self._last_compared, limit=_MOST_FOUND
            )
        except Exception as error:  # noqa: BLE001  the next look comes
            logger.error("What waits for devices could not be seen: %s", type(error).__name__)
            return
        self._hinted.update(dict.fromkeys(found))
        self._hinted.update(dict.fromkeys(self._due(lacking)))

    def _due(self, lacking: Mapping[int, Mapping[str, int]]) -> list[int]:
        """Those that this process has not tried to tell of these versions lately."""
        at, due = time.monotonic(), []
        for device_id, versions in lacking.items():
            news = [one for one in versions.items() if self._tried.is_due(device_id, *one, at)]
            for kind, version in news:
                self._tried.note(device_id, kind, version, at)
            if news:
                due.append(device_id)
        return due

    def _on_hint(self, topic: str, message: realtime.Message) -> None:
        if message.get("type") in _HINTS:
            self._hinted[int(topic.removeprefix(_DEVICES))] = None
            self._news.set()

    # Telling

    def _put(self, told: list[tuple[str, DownMessage]], until: float) -> None:
        if not self._outbox:
            self._progress_at = time.monotonic()
        self._outbox += [_packed(uid, message, until) for uid, message in told]
        self._publish()

    def _publish(self) -> None:
        """Send as much as the broker takes."""
        link = self._link
        if link is not None and link.room > 0 and self._outbox:
            self._progress_at = time.monotonic()
            ready = self._ready(link.room)
            link.publish(ready)
            self._published.inc(len(ready))
        if len(self._outbox) < _MOST_WAITING:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _ready(self, room: int) -> list[tuple[bytes, bytes]]:
        """The next ones that may still be published."""
        ready: list[tuple[bytes, bytes]] = []
        at = time.monotonic()
        while self._outbox and len(ready) < room:
            topic, payload, until = self._outbox.popleft()
            if at < until:
                ready.append((topic, payload))
            else:
                self._dropped.inc()
        return ready


def _packed(uid: str, message: DownMessage, until: float) -> tuple[bytes, bytes, float]:
    channel = _CHANNELS.get(message.type, DownChannel.COMMAND)
    topic = topics.build(uid=uid, channel=channel).encode()
    # A document is as true later, and its version tells which one is newer.
    is_document = channel is not DownChannel.COMMAND
    return topic, codec.encode(message).encode(), math.inf if is_document else until


def _ignore(messages: list[Arrived]) -> None:
    """Nothing is subscribed to."""
