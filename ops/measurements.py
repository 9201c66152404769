"""Read models of what a device measured: its metrics over a span, side by side, and its sensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from devices import selectors as devices
from kernel.actors import Actor
from ops import histories, meters, selectors, sensor_histories, sensors
from ops.spans import Span
from telemetry import selectors as telemetry

# What one page draws; the others are found by their names.
SHOWN: Final = 24
# As many lines as can be told apart.
COMPARED: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One metric of the device: what it said last, and its drawing until the script has drawn."""

    meter: meters.Meter
    text: str
    tone: str
    at: datetime
    trace: histories.Trace | None
    is_compared: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetrySheet:
    """Everything the page of a device's telemetry shows."""

    card: selectors.DeviceCard
    span: Span
    panels: Sequence[Panel]
    compared: Sequence[meters.Meter]
    names: Sequence[meters.Meter]
    total: int
    search: str
    sensors: Sequence[sensors.SensorCard]
    sensor_traces: Mapping[str, sensor_histories.SensorTrace]
    export: str

    @property
    def left_out(self) -> int:
        """How many metrics match and are not drawn."""
        return len(self.names) - len(self.panels)

    @property
    def labels(self) -> str:
        """The names of what is compared, as the chart takes them."""
        return "|".join(meter.label for meter in self.compared)

    @property
    def units(self) -> str:
        """The units of what is compared, as the chart takes them."""
        return "|".join(meter.unit for meter in self.compared)


def telemetry_sheet(
    *, actor: Actor, uid: str, span: Span, search: str, compare: Sequence[str], now: datetime
) -> TelemetrySheet:
    """What a device of the viewer measured, its archive included. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    known = {
        found.metric: found for found in telemetry.metric_names(actor=actor, device_uid=device.uid)
    }
    keys = sorted((key for key in known if search.lower() in key), key=meters.order_of)
    shown = [meters.meter_for(key) for key in keys[:SHOWN]]
    compared = [key for key in dict.fromkeys(compare) if key in known][:COMPARED]
    traces = histories.drawn(actor=actor, device_uid=device.uid, shown=shown, span=span, now=now)
    said = telemetry.sensors_of(actor=actor, device_uid=device.uid)
    return TelemetrySheet(
        card=selectors.device_card(device, now=now),
        span=span,
        panels=[
            _panel(meter, known[meter.key], traces.get(meter.key), compared) for meter in shown
        ],
        compared=[meters.meter_for(key) for key in compared],
        names=[meters.meter_for(key) for key in keys],
        total=len(known),
        search=search,
        sensors=sensors.cards(said.sensors),
        sensor_traces=sensor_histories.traces(
            actor=actor, device_uid=device.uid, since=span.since, until=span.until
        ),
        export=f"{reverse('telemetry_api:export', args=[device.uid])}?{urlencode(span.ends)}",
    )


def _panel(
    meter: meters.Meter,
    found: telemetry.MetricName,
    trace: histories.Trace | None,
    compared: Sequence[str],
) -> Panel:
    gauge = meters.Gauge(meter=meter, value=found.last)
    return Panel(
        meter=meter,
        text=gauge.text,
        tone=gauge.tone,
        at=found.at,
        trace=trace,
        is_compared=meter.key in compared,
    )
