"""Frozen values about telemetry that other apps may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from edge.protocol.messages import Telemetry

# Sent when no record of a batch had a number: nothing is acknowledged.
NOTHING_ACKED: Final = -1
# Begins the boot id that the server makes for a call which says nothing to know it again by: no
# reading of it can come twice.
SENT_ONCE: Final = "~~"


class Batch(NamedTuple):
    """What one device sent together, and whose it is; without its uid that is looked up."""

    device_id: int
    tenant_id: int | None
    telemetry: Telemetry
    device_uid: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """What became of a batch.

    Every record of this boot in the batch up to `acked_seq` is stored or refused for good; the
    device may forget those. `stored + duplicates + rejected` is the size of the batch.
    """

    boot_id: str
    acked_seq: int
    stored: int
    duplicates: int
    rejected: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """How far a device's clock is ahead of the server's, in seconds; behind below zero.

    Measured by the newest of its readings at `measured_at`, which the way to the server can only
    make look older: a clock is at least this far ahead.
    """

    skew_s: float
    measured_at: datetime
    is_wrong: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The newest reading of a device; both times are the server's clock or checked by it.

    `clock` is None for a device that has not sent the time.
    """

    metrics: Mapping[str, float]
    at: datetime
    received_at: datetime
    clock: Clock | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One value of one metric."""

    at: datetime
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Values of one metric in order of time; `is_truncated` when older ones were left out."""

    points: tuple[Point, ...]
    is_truncated: bool
