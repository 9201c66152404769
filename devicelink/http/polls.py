"""Devices whose fetches wait in this process for something to come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from commands import selectors as command_selectors
from devicelink import documents, outbound
from devicelink.documents import Document, Memory
from kernel import realtime, row_security
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)

# A device that waits is not answered because of a document it was told a moment ago.
_TOLD_AGAIN_S: Final = 60.0
_CHUNK: Final = 500
# Whose key or life has ended is told so when it looks again.
_HINTS: Final = frozenset(
    {outbound.COMMANDS, outbound.DOCUMENTS, outbound.REVOKED, outbound.UNPAIRED}
)


class Poll:
    """One fetch that waits; `is_over` when it is to be answered with what there is."""

    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self.is_over = False
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Have it look again."""
        self._news.set()

    def end(self) -> None:
        """Have it answered."""
        self.is_over = True
        self._news.set()

    def expect(self) -> None:
        """Whatever comes from now on is news."""
        self._news.clear()

    async def news(self) -> None:
        """Return when there is a reason to look again."""
        await self._news.wait()


class Polls:
    """All fetches that wait; of each device only the newest does."""

    def __init__(self) -> None:
        self._waiting: dict[int, Poll] = {}
        self._is_ending = False
        self._told = Memory(again_s=_TOLD_AGAIN_S)

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def waiting(self, device_id: int) -> Iterator[Poll]:
        """Be woken by hints about the device; an older fetch of the device is over."""
        poll = Poll(device_id)
        poll.is_over = self._is_ending
        older = self._waiting.get(device_id)
        if older is not None:
            older.end()
        self._waiting[device_id] = poll
        subscription = realtime.hub().subscribe(
            realtime.device_topic(device_id), lambda message: self._on_hint(poll, message)
        )
        try:
            yield poll
        finally:
            realtime.hub().unsubscribe(subscription)
            if self._waiting.get(device_id) is poll:
                del self._waiting[device_id]

    def is_news(self, device_id: int, found: Collection[Document]) -> bool:
        """Whether the device waits for any of these, and has not just been given it."""
        at = time.monotonic()
        return any(self._told.is_due(device_id, one.type, one.version, at) for one in found)

    def note_told(self, device_id: int, found: Collection[Document]) -> None:
        """The device is being given these."""
        for one in found:
            self._told.note(device_id, one.type, one.version, time.monotonic())

    def end_all(self) -> None:
        """Have everybody answered, now and from now on: the server ends."""
        self._is_ending = True
        for poll in list(self._waiting.values()):
            poll.end()

    async def run(self, *, every_s: float) -> None:
        """Make good what hints may lose, for ever; a failure is logged, the next round comes."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.check_once()
            except Exception:
                logger.exception("The waiting fetches could not be checked")

    async def check_once(self) -> None:
        """Wake those for whom something waits."""
        device_ids = sorted(self._waiting)
        if not device_ids:
            return
        waiting, unapplied = await run_in_database_thread(_look, device_ids)
        at = time.monotonic()
        for device_id, versions in unapplied.items():
            if any(self._told.is_due(device_id, *one, at) for one in versions.items()):
                waiting.add(device_id)
        for device_id in waiting:
            poll = self._waiting.get(device_id)
            if poll is not None:
                poll.wake()

    def _on_hint(self, poll: Poll, message: realtime.Message) -> None:
        if message.get("type") in _HINTS:
            poll.wake()


def _look(device_ids: list[int]) -> tuple[set[int], dict[int, dict[str, int]]]:
    waiting: set[int] = set()
    unapplied: dict[int, dict[str, int]] = {}
    with row_security.platform_scope("devicelink.supervision"):
        for start in range(0, len(device_ids), _CHUNK):
            chunk = device_ids[start : start + _CHUNK]
            waiting.update(command_selectors.devices_with_queued(chunk))
            unapplied.update(documents.unapplied_versions(chunk))
    return waiting, unapplied
