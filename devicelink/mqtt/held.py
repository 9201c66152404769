"""A message between its arrival and its acknowledgement."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from devicelink.mqtt.frames import Arrived
from edge.protocol import topics
from edge.protocol.messages import SensorAck, TelemetryAck, TwinAck, UpMessage
from edge.protocol.topics import Channel, InvalidTopic, UpChannel

Reply = TelemetryAck | SensorAck | TwinAck


@dataclass(slots=True, eq=False)
class Line:
    """The messages of one connection: those to be acknowledged in order, and what all weigh."""

    in_order: deque[Held] = field(default_factory=deque)
    count: int = 0
    size: int = 0


@dataclass(slots=True, eq=False)
class Held:
    """A message that is not settled, of the device that its topic names.

    `message` is what the payload says, once it was understood. It `is_late` from when it had to
    wait for another try.
    """

    uid: str
    arrived: Arrived
    line: Line
    message: UpMessage | None = None
    is_settled: bool = False
    is_late: bool = False

    @property
    def payload(self) -> bytes:
        """What the device sent."""
        return self.arrived.payload


class Desk(Protocol):
    """Where takers say what became of a message. Each is settled once."""

    def settle(self, held: Held, reply: Reply | None = None) -> None:
        """It is committed, or needs nothing; the device may be told."""

    def set_aside(self, held: Held, reason: str, detail: str = "") -> None:
        """It can never be used: keep it where people see it, then settle it."""

    def postpone(self, held: Held) -> None:
        """It cannot be judged now: hand it to the taker once more, later."""


class Taker(Protocol):
    """Takes in the messages of one channel."""

    channel: UpChannel

    def take(self, held: Held, desk: Desk) -> None:
        """Begin with a message; raises nothing, and settles it at the desk sooner or later."""

    async def stop(self) -> None:
        """Finish what was begun."""


@lru_cache(maxsize=65_536)
def uid_in(topic: bytes, channel: Channel) -> str | None:
    """Whose topic it is, if it is one of that channel."""
    try:
        parsed = topics.parse(topic.decode())
    except (InvalidTopic, UnicodeDecodeError):
        return None
    return parsed.uid if parsed.channel is channel else None
