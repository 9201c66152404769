"""The live streams this process follows: each tenant's once, however many browsers watch it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from edge.protocol import strict_json
from kernel import live, realtime, row_security
from kernel.live import LiveItem
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)

_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Frame:
    """A live event as it is sent, and the device it tells of."""

    seq: int | None
    kind: str
    device_uid: str | None
    text: str
    # Of a frame about many devices: what it says, so that it can be told of some of them only.
    payload: dict[str, Any] | None = None

    def among(self, device_uids: Collection[str]) -> str:
        """The frame about those of its many devices; empty when it tells of none of them."""
        if self.payload is None:
            return ""
        told = [uid for uid in self.payload["devices"] if uid in device_uids]
        return strict_json.dumps({**self.payload, "devices": told}) if told else ""


class Watcher(Protocol):
    """A socket that watches a tenant."""

    def show(self, tenant_id: int, seq: int, frame: Frame) -> None:
        """Take the next numbered frame of the stream; must not block."""

    def show_unnumbered(self, tenant_id: int, frame: Frame) -> None:
        """Take a frame that may as well be lost."""

    def skip_to(self, tenant_id: int, seq: int, text: str) -> None:
        """Take notice that frames up to `seq` cannot be had any more."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of a stream after a number, or None when they cannot be had; `last` ends them."""

    frames: list[tuple[int, Frame]] | None
    last: int


def frame(kind: str, tenant_uid: str, seq: int | None, payload: dict[str, Any]) -> Frame:
    """A live event as a frame."""
    number = {} if seq is None else {"seq": seq}
    whole = {**payload, "type": kind, "tenant": tenant_uid, **number}
    told = payload if "device_uid" in payload else payload.get("command") or {}
    many = whole if isinstance(payload.get("devices"), list) else None
    return Frame(seq, kind, told.get("device_uid"), strict_json.dumps(whole), many)


async def read_stretch(tenant_id: int, tenant_uid: str, after: int) -> Stretch:
    """What the stream holds after a number."""
    items, last = await run_in_database_thread(_read, tenant_id, after)
    if items is None:
        return Stretch(None, last)
    frames = [(item.seq, frame(item.kind, tenant_uid, item.seq, item.payload)) for item in items]
    return Stretch(frames, items[-1].seq if items else after)


class Feed:
    """One tenant's stream, passed on in the exact order of its numbers."""

    def __init__(self, tenant_id: int, tenant_uid: str) -> None:
        self.tenant_id = tenant_id
        self.tenant_uid = tenant_uid
        self.position = _UNKNOWN
        self.watchers: set[Watcher] = set()
        self._known_last = _UNKNOWN
        self._filling: asyncio.Task[None] | None = None
        topic = realtime.tenant_topic(tenant_id)
        self._subscription = realtime.hub().subscribe(topic, self._on_hint)

    def begin(self, last: int) -> None:
        """Follow from here; what hints have told since the number was read is fetched."""
        self.position = last
        self.learn(last)

    def close(self) -> None:
        """Stop following."""
        realtime.hub().unsubscribe(self._subscription)
        if self._filling is not None:
            self._filling.cancel()

    def learn(self, last: int) -> None:
        """The stream has come this far: fetch what no hint brought."""
        self._known_last = max(self._known_last, last)
        if self.position == _UNKNOWN:
            return
        if self._known_last > self.position and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill())

    def _on_hint(self, message: realtime.Message) -> None:
        seq, kind, payload = message.get("seq"), message["kind"], message["payload"]
        if seq is None:
            passing = frame(kind, self.tenant_uid, None, payload)
            for watcher in tuple(self.watchers):
                watcher.show_unnumbered(self.tenant_id, passing)
        elif self._is_next(seq):
            self._pass_on(seq, frame(kind, self.tenant_uid, seq, payload))
        else:
            self.learn(seq)

    def _is_next(self, seq: int) -> bool:
        is_filling = self._filling is not None and not self._filling.done()
        return self.position != _UNKNOWN and seq == self.position + 1 and not is_filling

    def _pass_on(self, seq: int, numbered: Frame) -> None:
        self.position = seq
        self._known_last = max(self._known_last, seq)
        for watcher in tuple(self.watchers):
            watcher.show(self.tenant_id, seq, numbered)

    async def _fill(self) -> None:
        try:
            while self._known_last > self.position:
                stretch = await read_stretch(self.tenant_id, self.tenant_uid, self.position)
                if stretch.last <= self.position and stretch.frames is not None:
                    # A hint of something that is not there: the next one or the poll will tell.
                    self._known_last = self.position
                self._take(stretch)
        except Exception:
            # The poll comes back to it.
            logger.exception("A live stream could not be read")

    def _take(self, stretch: Stretch) -> None:
        for seq, numbered in stretch.frames or ():
            if seq == self.position + 1:
                self._pass_on(seq, numbered)
        if stretch.frames is None:
            self.position = self._known_last = stretch.last
            text = refetch_frame(self.tenant_uid, stretch.last)
            for watcher in tuple(self.watchers):
                watcher.skip_to(self.tenant_id, stretch.last, text)


class Feeds:
    """The feeds of a process: one for each tenant that somebody watches."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}

    async def join(self, watcher: Watcher, tenants: dict[int, str]) -> dict[int, int]:
        """Watch these tenants; returns the number at which each stream is joined."""
        joined = [self._feed(tenant_id, uid) for tenant_id, uid in tenants.items()]
        for feed in joined:
            feed.watchers.add(watcher)
        new = [feed.tenant_id for feed in joined if feed.position == _UNKNOWN]
        # The feeds follow the bus already: nothing can fall between this answer and the first hint.
        lasts = await run_in_database_thread(_last_seqs, new) if new else {}
        for feed in joined:
            if feed.position == _UNKNOWN:
                feed.begin(lasts[feed.tenant_id])
        return {feed.tenant_id: feed.position for feed in joined}

    def _feed(self, tenant_id: int, tenant_uid: str) -> Feed:
        feed = self._feeds.get(tenant_id)
        if feed is None:
            feed = self._feeds[tenant_id] = Feed(tenant_id, tenant_uid)
        return feed

    def leave(self, watcher: Watcher, tenant_ids: Collection[int]) -> None:
        """Stop watching; a feed that nobody watches ends."""
        for tenant_id in tenant_ids:
            feed = self._feeds.get(tenant_id)
            if feed is None:
                continue
            feed.watchers.discard(watcher)
            if not feed.watchers:
                self._feeds.pop(tenant_id).close()

    def position(self, tenant_id: int) -> int:
        """How far the tenant's feed has come."""
        return self._feeds[tenant_id].position

    async def poll(self) -> None:
        """Ask once for all streams how far they are: hints may have been lost."""
        if not self._feeds:
            return
        lasts = await run_in_database_thread(_last_seqs, list(self._feeds))
        for tenant_id, last in lasts.items():
            feed = self._feeds.get(tenant_id)
            if feed is not None:
                feed.learn(last)


def refetch_frame(tenant_uid: str, seq: int) -> str:
    """Tells a browser to fetch afresh and go on from `seq`."""
    return strict_json.dumps({"type": "refetch", "tenant": tenant_uid, "seq": seq})


def _read(tenant_id: int, after: int) -> tuple[list[LiveItem] | None, int]:
    # The number first: what comes in between is then read a second time, never skipped.
    with row_security.tenant_scope(tenant_id):
        last = live.last_seqs([tenant_id])[tenant_id]
        return live.read_since(tenant_id=tenant_id, seq=after), last


def _last_seqs(tenant_ids: list[int]) -> dict[int, int]:
    with row_security.tenant_scope(*tenant_ids):
        return live.last_seqs(tenant_ids)
