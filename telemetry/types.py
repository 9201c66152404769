"""Frozen values about telemetry that other apps may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.protocol.messages import Telemetry

# Sent when no record of a batch had a number: nothing is acknowledged.
NOTHING_ACKED: Final = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
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
class Snapshot:
    """The newest reading of a device; both times are the server's clock or checked by it."""

    metrics: Mapping[str, float]
    at: datetime
    received_at: datetime


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
