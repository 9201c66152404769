"""Lanes: which commands of one device may be on their way together. Plain Python.

A command runs in a lane (`relay:3`); commands of one lane go out one at a time and in order.
`all` is the lane of commands that concern every relay: it excludes, and waits for, the others.
A lane without a name (`""`) excludes nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

EVERY_RELAY = "all"
# Restarts, installations and what they would disturb; configurations; infrared.
SYSTEM = "system"
CONFIG = "config"
INFRARED = "ir"
_RELAY = "relay:"


class InLane(Protocol):
    """Anything that runs in a lane."""

    @property
    def lane(self) -> str: ...


T = TypeVar("T", bound=InLane)


def relay_lane(index: int) -> str:
    """The lane of one relay."""
    return f"{_RELAY}{index}"


def is_of_relays(lane: str) -> bool:
    """Whether commands of this lane switch relays, so that the newest wish is the only one."""
    return lane == EVERY_RELAY or lane.startswith(_RELAY)


def exclude(one: str, other: str) -> bool:
    """Whether commands of these two lanes may not be on their way together."""
    if not one or not other:
        return False
    if one == other:
        return True
    both = {one, other}
    return EVERY_RELAY in both and any(lane.startswith(_RELAY) for lane in both)


def supersedes(newer: str, older: str) -> bool:
    """Whether a newer command makes an older, unsent one of that lane pointless."""
    return bool(older) and (newer == older or (newer == EVERY_RELAY and older.startswith(_RELAY)))


def overtakes(newer: str, older: str) -> bool:
    """Whether a newer command that waits leaves an older one of unknown outcome behind.

    Where only the last wish counts, repeating the older one would hold up the newer or come after
    it. In the other lanes the older one is repeated first, for there the order matters.
    """
    is_last_wish = is_of_relays(older) or older == CONFIG
    return is_last_wish and exclude(newer, older)


def deliverable(queued: Sequence[T], in_flight: Iterable[InLane]) -> list[T]:
    """Those of the queued commands (in order) that may be sent now.

    A command waits for any earlier one, queued or on its way, whose lane excludes its own.
    """
    blocking = [command.lane for command in in_flight]
    ready: list[T] = []
    for command in queued:
        if not any(exclude(command.lane, lane) for lane in blocking):
            ready.append(command)
        blocking.append(command.lane)
    return ready
