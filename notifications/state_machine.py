"""How a delivery moves, when it is tried again, and when it is given up. Pure."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Final

PENDING, SENDING, FAILED = "pending", "sending", "failed"
DELIVERED, DEAD, DROPPED = "delivered", "dead", "dropped"

# Every state that is not final has a deadline: `next_at` of the first and the third, the lease of
# the second.
TRANSITIONS: Final = MappingProxyType(
    {
        PENDING: frozenset({SENDING, DROPPED, DEAD}),
        SENDING: frozenset({DELIVERED, FAILED, DEAD, DROPPED}),
        FAILED: frozenset({SENDING, DROPPED, DEAD}),
        DELIVERED: frozenset(),
        DEAD: frozenset(),
        DROPPED: frozenset(),
    }
)
OPEN: Final = (PENDING, SENDING, FAILED)
DUE: Final = (PENDING, FAILED)

FIRST_RETRY = timedelta(seconds=10)
LONGEST_RETRY = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(hours=24)
# Longer than the longest attempt: whoever holds a lease past this has died. A mail server may
# think for a while at each of a dozen steps.
LEASE = timedelta(seconds=60)
MAIL_LEASE = timedelta(minutes=5)
JITTER: Final = 0.2


def may_move(now_in: str, to: str) -> bool:
    """Whether a delivery may go from one state to the other."""
    return to in TRANSITIONS[now_in]


def retry_after(attempts: int, *, chance: float, asked: timedelta | None = None) -> timedelta:
    """How long to wait after that many failed attempts; `chance` in [0, 1) spreads the herd.

    A receiver that asks for more time gets it, up to the longest wait.
    """
    doubled = FIRST_RETRY * 2 ** min(max(attempts - 1, 0), 20)
    wait = min(doubled, LONGEST_RETRY) * (1 - JITTER + 2 * JITTER * chance)
    if asked is not None:
        wait = max(wait, min(asked, LONGEST_RETRY))
    return wait
