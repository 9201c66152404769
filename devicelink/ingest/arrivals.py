"""Readings on their way to their COMMIT, on whichever wire they came, and what becomes of them."""

from __future__ import annotations

from typing import NamedTuple

from devices.types import HeldSession, KnownCaller
from edge.protocol.messages import Telemetry
from kernel import errors
from telemetry.types import Acknowledgement


class Publisher(NamedTuple):
    """A device by the name under which the broker has authenticated it."""

    uid: str


# Who was let in, as it was then; whether it may still speak is asked again in the flush.
Sender = KnownCaller | HeldSession | Publisher

# None: the sender counts no more, or not for whom it did; who let it in knows why.
Verdict = Acknowledgement | errors.HomepotError | None


class Arrival(NamedTuple):
    """Readings that wait for their COMMIT; `size` is what they weigh in the queue, in bytes."""

    sender: Sender
    telemetry: Telemetry
    size: int
