"""What the broker tells of itself: whether it throws messages away."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.utils import timezone

from kernel.metrics import MQTT_DROPPED, MQTT_STORED

logger = logging.getLogger(__name__)

_DROPPED: Final = b"$SYS/broker/publish/messages/dropped"
_STORED: Final = b"$SYS/broker/store/messages/count"
TOPICS: Final = (_DROPPED.decode(), _STORED.decode())


class BrokerWatch:
    """Counts the messages that the broker has dropped since this began to watch."""

    def __init__(self) -> None:
        self.dropped = 0
        self.dropped_at: datetime | None = None
        self._told: int | None = None

    def note(self, topic: bytes, payload: bytes) -> None:
        """Take in what the broker says under one of `TOPICS`; it counts from its own start."""
        if not payload.isdigit() or len(payload) > 18:
            return
        number = int(payload)
        if topic == _STORED:
            MQTT_STORED.set(number)
        elif topic == _DROPPED:
            self._note_dropped(number)

    def _note_dropped(self, number: int) -> None:
        before, self._told = self._told, number
        if before is None:
            return
        # A broker that was started anew counts from nothing.
        more = number - before if number >= before else number
        if more:
            self.dropped += more
            self.dropped_at = timezone.now()
            MQTT_DROPPED.set(self.dropped)
            logger.warning(
                "The broker has dropped %d messages; devices send readings again, other "
                "messages are lost",
                more,
            )
