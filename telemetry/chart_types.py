"""Frozen values about charts, aggregates and exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from telemetry.buckets import Bucket, Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Metrics of a device over time: the buckets that hold anything, by number, and their plan."""

    device_uid: str
    plan: Plan
    series: Mapping[str, Mapping[int, Bucket]]


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricName:
    """A metric that a device has, with its last value."""

    metric: str
    last: float
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetGroup:
    """What a metric came to in one group of devices; figures that were not asked for are absent."""

    key: str | None
    name: str
    tenant_uid: str | None
    devices: int
    figures: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetAnswer:
    """Aggregates over devices, and the tier and the span they were computed from."""

    tier: int
    since: datetime
    until: datetime
    groups: tuple[FleetGroup, ...]
