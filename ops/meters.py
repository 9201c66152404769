"""How a device's latest metrics are shown: name, unit, meter and when to worry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Unit = Literal["percent", "celsius", "bytes_per_second"]
_STEPS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """One metric card; `full` is the value at which the bar is full (none: no bar)."""

    key: str
    label: str
    icon: str
    unit: Unit
    full: float | None = None
    warn_at: float | None = None
    bad_at: float | None = None


METERS: tuple[Meter, ...] = (
    Meter(
        key="cpu_percent", label="CPU", icon="cpu", unit="percent", full=100, warn_at=80, bad_at=95
    ),
    Meter(
        key="memory_percent",
        label="Memory",
        icon="memory",
        unit="percent",
        full=100,
        warn_at=80,
        bad_at=95,
    ),
    Meter(
        key="disk_percent",
        label="Disk",
        icon="disk",
        unit="percent",
        full=100,
        warn_at=80,
        bad_at=92,
    ),
    Meter(
        key="temperature_celsius",
        label="Temperature",
        icon="sensor",
        unit="celsius",
        full=100,
        warn_at=70,
        bad_at=85,
    ),
    Meter(key="net_recv_bytes_per_s", label="Network in", icon="network", unit="bytes_per_second"),
    Meter(key="net_sent_bytes_per_s", label="Network out", icon="network", unit="bytes_per_second"),
)
_IN_LISTS = ("cpu_percent", "memory_percent")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """A metric with its current value, ready to be shown."""

    meter: Meter
    value: float

    @property
    def text(self) -> str:
        """The value with its unit, short."""
        return written(self.value, unit=self.meter.unit)

    @property
    def fill(self) -> float | None:
        """How much of the bar is filled, 0 to 100."""
        if self.meter.full is None:
            return None
        return round(min(max(self.value / self.meter.full, 0), 1) * 100, 1)

    @property
    def tone(self) -> str:
        """`bad`, `warn` or `good`, by the meter's thresholds."""
        if self.meter.bad_at is not None and self.value >= self.meter.bad_at:
            return "bad"
        if self.meter.warn_at is not None and self.value >= self.meter.warn_at:
            return "warn"
        return "good"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """All gauges of a device and when they were measured."""

    at: datetime | None
    gauges: tuple[Gauge, ...]

    @property
    def in_list(self) -> tuple[Gauge, ...]:
        """The few gauges a row of the device list has room for."""
        return tuple(gauge for gauge in self.gauges if gauge.meter.key in _IN_LISTS)


def written(value: float, *, unit: Unit) -> str:
    """A number with its unit as the cards show it."""
    if unit == "percent":
        return f"{value:.0f} %"
    if unit == "celsius":
        return f"{value:.0f} °C"
    size = value
    for step in _STEPS[:-1]:
        if abs(size) < 1000:
            return f"{size:.0f} {step}/s" if size >= 10 or step == "B" else f"{size:.1f} {step}/s"
        size /= 1000
    return f"{size:.1f} {_STEPS[-1]}/s"


def reading(*, metrics: Mapping[str, float], at: datetime | None) -> Reading | None:
    """The gauges among these metrics; none when nothing of them is known to the console."""
    gauges = tuple(
        Gauge(meter=meter, value=metrics[meter.key]) for meter in METERS if meter.key in metrics
    )
    return Reading(at=at, gauges=gauges) if gauges else None
