"""How a device's latest metrics are shown: name, unit, meter and when to worry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ops import wording

Unit = Literal["percent", "celsius", "bytes_per_second", "bytes", "seconds", ""]
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
_BY_KEY = {meter.key: meter for meter in METERS}
_IN_LISTS = ("cpu_percent", "memory_percent")
# What the end of a name says of the unit.
_ENDINGS: tuple[tuple[str, Unit], ...] = (
    ("_percent", "percent"),
    ("_celsius", "celsius"),
    ("_bytes_per_s", "bytes_per_second"),
    ("_bytes", "bytes"),
    ("_seconds", "seconds"),
    ("_s", "seconds"),
)
_ICONS = {"bytes_per_second": "network", "bytes": "disk", "seconds": "clock", "celsius": "sensor"}


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


def meter_for(key: str) -> Meter:
    """The meter of any metric: one of METERS, or what its name tells."""
    if key in _BY_KEY:
        return _BY_KEY[key]
    ending, unit = next((found for found in _ENDINGS if key.endswith(found[0])), ("", ""))
    words = key.removesuffix(ending).replace("_", " ").replace(".", " ").strip() or key
    return Meter(
        key=key,
        label=words[:1].upper() + words[1:],
        icon=_ICONS.get(unit, "sensor"),
        unit=unit,
        full=100 if unit == "percent" else None,
    )


def order_of(key: str) -> tuple[int, str]:
    """Where a metric stands among others: the known ones first, then by name."""
    keys = list(_BY_KEY)
    return (keys.index(key) if key in _BY_KEY else len(keys), key)


def written(value: float, *, unit: Unit) -> str:
    """A number with its unit as the cards show it."""
    if unit == "percent":
        return f"{value:.0f} %"
    if unit == "celsius":
        return f"{value:.0f} °C"
    if unit == "seconds":
        return wording.lasting(value)
    if not unit:
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return _in_bytes(value, "" if unit == "bytes" else "/s")


def _in_bytes(size: float, per: str) -> str:
    for step in _STEPS[:-1]:
        if abs(size) < 1000:
            short = f"{size:.0f}" if size >= 10 or step == "B" else f"{size:.1f}"
            return f"{short} {step}{per}"
        size /= 1000
    return f"{size:.1f} {_STEPS[-1]}{per}"


def reading(*, metrics: Mapping[str, float], at: datetime | None) -> Reading | None:
    """The gauges among these metrics; none when nothing of them is known to the console."""
    gauges = tuple(
        Gauge(meter=meter, value=metrics[meter.key]) for meter in METERS if meter.key in metrics
    )
    return Reading(at=at, gauges=gauges) if gauges else None
