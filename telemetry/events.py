"""Facts about what devices measure, published on commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class SensorChanged(DomainEvent):
    """A sensor says something new; `previous` is what it said before, None for the first time."""

    name: ClassVar[str] = "telemetry.sensor.changed.v1"
    device_id: int
    sensor: str
    kind: str
    value: Any
    previous: Any
