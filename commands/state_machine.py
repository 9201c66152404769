"""The ledger's state machine: plain data and functions, no clock and no database.

`queued -> sent -> acked -> succeeded | failed | rejected`, with the side exits `expired`,
`cancelled`, `superseded`. `timed_out` means that the outcome is unknown: a late answer or a
report of the device still resolves it until the command expires, after which it stays unknown.
A command that may be on its device is cancelled by the device's word only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

QUEUED = "queued"
SENT = "sent"
ACKED = "acked"
SUCCEEDED = "succeeded"
FAILED = "failed"
REJECTED = "rejected"
EXPIRED = "expired"
CANCELLED = "cancelled"
SUPERSEDED = "superseded"
TIMED_OUT = "timed_out"

OUTCOMES = frozenset({SUCCEEDED, FAILED, REJECTED})
FINAL = OUTCOMES | {EXPIRED, CANCELLED, SUPERSEDED}
STATES = FINAL | {QUEUED, SENT, ACKED, TIMED_OUT}
# On the device, or on the way to it: the next command of the same lane waits for these.
IN_FLIGHT = frozenset({SENT, ACKED})
# An answer of the device may still change these.
AWAITING = IN_FLIGHT | {TIMED_OUT}
# Nothing in these has ended; one of unknown outcome may have.
UNFINISHED = IN_FLIGHT | {QUEUED}
# What the device may say in the end.
ANSWERS = OUTCOMES | {CANCELLED}

MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        QUEUED: frozenset({SENT, EXPIRED, CANCELLED, SUPERSEDED}),
        SENT: frozenset({ACKED, TIMED_OUT}) | ANSWERS,
        ACKED: frozenset({TIMED_OUT}) | ANSWERS,
        TIMED_OUT: frozenset({ACKED}) | ANSWERS,
        **dict.fromkeys(FINAL, frozenset()),
    }
)

# What the device's ack says, and the state that makes of it.
STATE_OF_ACK: Mapping[str, str] = MappingProxyType(
    {
        "accepted": ACKED,
        "succeeded": SUCCEEDED,
        "failed": FAILED,
        "rejected": REJECTED,
        "cancelled": CANCELLED,
    }
)


class IllegalMove(Exception):
    """The state machine has no such move."""


def can_move(state: str, target: str) -> bool:
    """Whether a command may go from one state to another."""
    return target in MOVES[state]


def sources_of(target: str) -> frozenset[str]:
    """The states from which a command may reach `target`."""
    return frozenset(state for state, targets in MOVES.items() if target in targets)


def require_move(state: str, target: str) -> None:
    """Raise IllegalMove unless the move exists."""
    if not can_move(state, target):
        raise IllegalMove(f"{state} -> {target}")
