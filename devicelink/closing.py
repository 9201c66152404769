"""Ends of sessions, written together: a thousand sockets that break at once are one transaction."""

from __future__ import annotations

import asyncio
import logging

from django.utils import timezone

from devices.services import sessions
from kernel import row_security
from kernel.threads import run_in_database_thread
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

_BATCH = 200
_RETRY_SECONDS = 1.0

Ended = dict[int, tuple[int, str]]


class SessionCloser:
    """Closes sessions at once when idle, in batches when busy, and again after a failure."""

    def __init__(self) -> None:
        self._ended: Ended = {}
        self._news = asyncio.Event()

    def add(self, device_id: int, epoch: int, reason: str) -> None:
        """The socket of that session is gone; of two sessions of a device the newer counts."""
        known = self._ended.get(device_id)
        if known is None or known[0] < epoch:
            self._ended[device_id] = (epoch, reason)
        self._news.set()

    async def run(self) -> None:
        """Write for ever; the database may be away meanwhile."""
        while True:
            await self._news.wait()
            self._news.clear()
            if not await self.flush():
                await asyncio.sleep(_RETRY_SECONDS)
                self._news.set()

    async def flush(self) -> bool:
        """Write what is known now; False when the database did not take it."""
        while self._ended:
            batch = {key: self._ended.pop(key) for key in sorted(self._ended)[:_BATCH]}
            try:
                await run_in_database_thread(_close, batch)
            except Exception:
                # Closing is idempotent; a device that came back since has a higher epoch.
                self._ended = batch | self._ended
                logger.exception("Sessions could not be closed")
                return False
        return True


def _close(batch: Ended) -> None:
    now = timezone.now()
    with row_security.platform_scope("devicelink.closing"), unit_of_work():
        for device_id, (epoch, reason) in batch.items():
            sessions.close_session(device_id=device_id, epoch=epoch, reason=reason, now=now)
