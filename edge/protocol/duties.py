"""What every device owes its server, as pure decisions: the agent and the simulator keep them.

Nothing here reads a clock, a file or a socket.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from edge.protocol import strict_json
from edge.protocol.codec import decode_up, encode
from edge.protocol.limits import COMMAND_RING_SIZE
from edge.protocol.messages import (
    Ack,
    AckStatus,
    Cancel,
    Command,
    RelayReading,
    SetAllRelays,
    SetRelay,
)

EXPIRED = "expired"
NO_SUCH_RELAY = "no_such_relay"
UNSUPPORTED = "unsupported"
INTERRUPTED = "interrupted"
REBOOT = "reboot"

AnyCommand = SetRelay | SetAllRelays | Command
Relays = tuple[bool, ...]


class CommandRing:
    """The outcomes of the last commands, so that a repeat is answered and not run again.

    The outcome of a command that takes time is ``untold`` until it was sent: a restart or a lost
    connection may come between its end and the answer.
    """

    def __init__(
        self,
        acks: Iterable[Ack] = (),
        *,
        untold: Iterable[str] = (),
        size: int = COMMAND_RING_SIZE,
    ) -> None:
        self._size = size
        self._acks: OrderedDict[str, Ack] = OrderedDict()
        for ack in acks:
            self._add(ack)
        self._untold = frozenset(untold) & self._acks.keys()

    def recall(self, command_id: str) -> Ack | None:
        """Return the answer given before, or None for a command never seen."""
        return self._acks.get(command_id)

    def remembering(self, ack: Ack, *, is_told: bool = True) -> "CommandRing":
        """Return a ring that also knows this outcome; the oldest falls out when it is full."""
        this = {ack.command_id}
        untold = self._untold - this if is_told else self._untold | this
        return CommandRing([*self._acks.values(), ack], untold=untold, size=self._size)

    def telling(self, command_id: str) -> "CommandRing":
        """Return a ring that knows that this outcome was sent."""
        return CommandRing(self._acks.values(), untold=self._untold - {command_id}, size=self._size)

    @property
    def has_untold(self) -> bool:
        """Whether an outcome, or what stands for one until it is there, was not sent."""
        return bool(self._untold)

    def untold(self, *, running: Collection[str] = ()) -> list[Ack]:
        """Return the outcomes still to be sent, oldest first; what runs has none yet."""
        return [
            ack
            for command_id, ack in self._acks.items()
            if command_id in self._untold and command_id not in running
        ]

    def to_plain(self) -> list[dict[str, Any]]:
        """Return the ring as JSON values, oldest first."""
        return [
            strict_json.loads(encode(ack))
            | ({"untold": True} if ack.command_id in self._untold else {})
            for ack in self._acks.values()
        ]

    @classmethod
    def from_plain(cls, items: Iterable[Any]) -> "CommandRing":
        """Return a stored ring; raises ``ProtocolError`` when an entry is no ack."""
        plain = list(items)
        decoded = [decode_up(strict_json.dumps(item)) for item in plain]
        untold = [item["command_id"] for item in plain if item.get("untold") is True]
        return cls((ack for ack in decoded if isinstance(ack, Ack)), untold=untold)

    def __len__(self) -> int:
        return len(self._acks)

    def _add(self, ack: Ack) -> None:
        self._acks[ack.command_id] = ack
        self._acks.move_to_end(ack.command_id)
        while len(self._acks) > self._size:
            self._acks.popitem(last=False)


class ServerClock:
    """The server's time, carried on by this machine's monotonic clock.

    The wall clock of a device may be years off or jump; ``expires_at`` is judged by this one.
    """

    def __init__(self) -> None:
        self._origin: datetime | None = None
        self._origin_monotonic = 0.0

    def set(self, *, server_time: datetime, monotonic: float) -> None:
        """Take over the time that came with ``welcome``."""
        self._origin = server_time
        self._origin_monotonic = monotonic

    def now(self, *, monotonic: float) -> datetime | None:
        """Return the server's time, or None before the first welcome."""
        if self._origin is None:
            return None
        return self._origin + timedelta(seconds=monotonic - self._origin_monotonic)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one command: the answer, and the new positions unless nothing moves.

    ``keep`` goes into the ring, durably, before anything is done or answered. A command that
    ``begins`` is now to be carried out, one that ``stops`` is to be left off.
    """

    ack: Ack
    relays: Relays | None = None
    is_repeat: bool = False
    keep: Ack | None = None
    begins: bool = False
    stops: bool = False


def decide(
    command: AnyCommand,
    *,
    relays: Relays,
    ring: CommandRing,
    server_now: datetime,
    knows: Callable[[str], bool] = lambda _: False,
    running: Collection[str] = (),
) -> Decision:
    """Return what a device does about a command, given its relays and what it remembers.

    ``knows`` says which kinds it can carry out besides those of relays, ``running`` holds the ids
    of the commands it has begun.
    """
    if command.command_id in running:
        return Decision(ack=accepted(command.command_id), is_repeat=True)
    remembered = ring.recall(command.command_id)
    if remembered is not None:
        return Decision(ack=_with_current_positions(remembered, relays), is_repeat=True)
    if command.expires_at <= server_now:
        return _rejection(command, EXPIRED)
    if isinstance(command, SetRelay):
        return _set_relay(command, relays)
    if isinstance(command, SetAllRelays):
        return _succeeded(command, (command.is_on,) * len(relays), range(len(relays)))
    if not knows(command.kind):
        return _rejection(command, UNSUPPORTED)
    return Decision(
        ack=accepted(command.command_id), keep=failure(command, error=INTERRUPTED), begins=True
    )


def decide_cancel(
    cancel: Cancel,
    *,
    relays: Relays,
    ring: CommandRing,
    running: Collection[str] = (),
    stoppable: Collection[str] = (),
) -> Decision:
    """Return what a device does when a command is no longer wanted.

    What is finished is answered with its outcome; what cannot be stopped goes on. What never came
    is remembered as cancelled, so that it is not run if it comes yet.
    """
    command_id = cancel.command_id
    if command_id in running and command_id not in stoppable:
        return Decision(ack=accepted(command_id), is_repeat=True)
    remembered = None if command_id in running else ring.recall(command_id)
    if remembered is not None:
        return Decision(ack=_with_current_positions(remembered, relays), is_repeat=True)
    ack = Ack(command_id=command_id, status=AckStatus.CANCELLED)
    return Decision(ack=ack, keep=ack, stops=command_id in running)


def accepted(command_id: str) -> Ack:
    """Return the answer for a command that has begun."""
    return Ack(command_id=command_id, status=AckStatus.ACCEPTED)


def readings_of(relays: Relays) -> tuple[RelayReading, ...]:
    """Return the whole board as the wire states it."""
    return tuple(RelayReading(index, is_on) for index, is_on in enumerate(relays))


def failure(command: AnyCommand, *, error: str) -> Ack:
    """Return the answer for a command that the hardware could not carry out."""
    return Ack(command_id=command.command_id, status=AckStatus.FAILED, error=error)


def _set_relay(command: SetRelay, relays: Relays) -> Decision:
    index = command.relay_index
    if index >= len(relays):
        return _rejection(command, NO_SUCH_RELAY)
    moved = (*relays[:index], command.is_on, *relays[index + 1 :])
    return _succeeded(command, moved, [index])


def _succeeded(command: AnyCommand, relays: Relays, touched: Iterable[int]) -> Decision:
    positions = tuple(RelayReading(index, relays[index]) for index in touched)
    ack = Ack(command_id=command.command_id, status=AckStatus.SUCCEEDED, relays=positions)
    return Decision(ack=ack, relays=relays, keep=ack)


def _rejection(command: AnyCommand, error: str) -> Decision:
    return Decision(ack=Ack(command_id=command.command_id, status=AckStatus.REJECTED, error=error))


def _with_current_positions(ack: Ack, relays: Relays) -> Ack:
    # Another command may have moved the relay since: repeating the old position would tell the
    # server something that is no longer true.
    if ack.relays is None:
        return ack
    current = tuple(
        RelayReading(relay.relay_index, relays[relay.relay_index])
        for relay in ack.relays
        if relay.relay_index < len(relays)
    )
    return replace(ack, relays=current)
