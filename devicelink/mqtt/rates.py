"""How much of one device is taken in, so that none holds up all the others.

MQTT has no way to slow a device down, and the broker acknowledges whatever it gets. What is too
much is let go unread: readings stay with the device until their `telemetry_ack`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.protocol.topics import UpChannel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many messages and bytes of one device, anew every `within_s` seconds."""

    messages: int
    size: int
    within_s: float


_MB: Final = 1024 * 1024
# A device that returns after days sends batches of 64 KiB, each after the last one's answer. Every
# greeting of a new connection is two lines in the log of contacts.
ALLOWED: Final = {
    UpChannel.TELEMETRY: Allowance(messages=5_000, size=4 * _MB, within_s=10.0),
    UpChannel.SENSOR: Allowance(messages=500, size=_MB, within_s=10.0),
    UpChannel.STATUS: Allowance(messages=60, size=_MB, within_s=60.0),
    UpChannel.ACK: Allowance(messages=1_000, size=4 * _MB, within_s=10.0),
    UpChannel.STATE: Allowance(messages=500, size=_MB, within_s=10.0),
    UpChannel.EVENT: Allowance(messages=500, size=_MB, within_s=10.0),
    UpChannel.TWIN_REPORTED: Allowance(messages=200, size=4 * _MB, within_s=10.0),
}
# Of what cannot be used; no more than a hundred of one device are kept anyway.
UNUSABLE: Final = Allowance(messages=30, size=2 * _MB, within_s=60.0)


class Rates:
    """Counts what each device has sent in the present span of time."""

    def __init__(
        self, allowance: Allowance, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowance = allowance
        self._clock = clock
        self._ends_at = 0.0
        self._sent: dict[str, tuple[int, int]] = {}
        self._refused: set[str] = set()

    def take(self, uid: str, size: int) -> bool:
        """Count a message of the device; False when it is too much."""
        now, allowance = self._clock(), self._allowance
        if now >= self._ends_at:
            self._ends_at = now + allowance.within_s
            self._sent.clear()
            self._refused.clear()
        messages, total = self._sent.get(uid, (0, 0))
        if messages >= allowance.messages or (total and total + size > allowance.size):
            self._refuse(uid)
            return False
        self._sent[uid] = (messages + 1, total + size)
        return True

    def _refuse(self, uid: str) -> None:
        if uid not in self._refused:
            self._refused.add(uid)
            logger.warning(
                "A device sends too much over MQTT; what is too much is let go",
                extra={"device": uid},
            )
