"""Signs of life of this process's devices, written together."""

from __future__ import annotations

import asyncio
import logging

from django.utils import timezone

from devices.services import signs_of_life
from kernel import row_security
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)

TOUCH_SECONDS = 2.0


class PresenceWriter:
    """Writes what is heard in this process, for all devices in one call every `every_s`."""

    def __init__(self, *, every_s: float) -> None:
        self._every_s = every_s
        self._signs = signs_of_life.current()

    def note(self, device_id: int) -> None:
        """The device sent something just now."""
        self._signs.note(device_id)

    async def run(self) -> None:
        """Write for ever; a failure is logged and tried again with the next write."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.flush()

    async def flush(self) -> None:
        """Write what was collected since the last time."""
        try:
            await run_in_database_thread(_flush, self._signs)
        except Exception:
            logger.exception("Signs of life could not be written")


def _flush(signs: signs_of_life.SignsOfLife) -> None:
    with row_security.platform_scope("devicelink.presence"):
        signs.flush(timezone.now())
