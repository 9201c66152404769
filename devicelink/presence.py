"""Signs of life of this process's devices, written together."""

from __future__ import annotations

import asyncio
import logging

from django.utils import timezone

from devices.services import presence
from kernel import row_security
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)


class PresenceWriter:
    """Collects which devices spoke and notes it for all of them in one call every `every_s`."""

    def __init__(self, *, every_s: float) -> None:
        self._every_s = every_s
        self._spoke: set[int] = set()

    def note(self, device_id: int) -> None:
        """The device sent something just now."""
        self._spoke.add(device_id)

    async def run(self) -> None:
        """Write for ever; a failure is logged and tried again with the next write."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.flush()

    async def flush(self) -> None:
        """Write what was collected since the last time."""
        if not self._spoke:
            return
        spoke, self._spoke = self._spoke, set()
        try:
            await run_in_database_thread(_touch, sorted(spoke))
        except Exception:
            # Forgetting them would make live devices look dead.
            self._spoke |= spoke
            logger.exception("Signs of life could not be written")


def _touch(device_ids: list[int]) -> None:
    with row_security.platform_scope("devicelink.presence"):
        presence.touch(device_ids=device_ids, now=timezone.now())
