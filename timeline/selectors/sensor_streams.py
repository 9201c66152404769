"""What the inputs and sensors of a device said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from devices.selectors import happenings
from telemetry import selectors as telemetry
from timeline import definitions
from timeline.selectors.rows import Scope, Stream, key, within
from timeline.types import Entry, Window

_SOURCE: Final = frozenset({"sensors"})
_LONGEST_VALUE: Final = 80


def _inputs(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = happenings.inputs_of(device=scope.device, actor=scope.actor)
    return [
        Entry(
            key=key("input", row, row.received_at),
            source="sensors",
            code="input",
            title=f"Input {row.input_index + 1}: {definitions.plain(row.kind)}",
            facts={"input_index": row.input_index, "kind": row.kind, "event_id": row.event_id},
        )
        for row in within(rows, "input", window, at="received_at")
    ]


def _sensors(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = telemetry.sensor_events_of(actor=scope.actor, device_uid=scope.device.uid)
    return [_sensor(row) for row in within(rows, "sensor", window)]


def _sensor(row: Any) -> Entry:
    return Entry(
        key=key("sensor", row, row.at),
        source="sensors",
        code="sensor",
        title=f"{definitions.plain(row.sensor).capitalize()}: {_said(row)}",
        by="" if row.source == "device" else "a person",
        facts={"sensor": row.sensor, "kind": row.kind, "value": row.value, "unit": row.unit},
    )


def _said(row: Any) -> str:
    if row.value is None:
        return "erased"
    if isinstance(row.value, bool):
        return "yes" if row.value else "no"
    value = row.value if isinstance(row.value, str) else json.dumps(row.value, ensure_ascii=False)
    return f"{value[:_LONGEST_VALUE]} {row.unit}".rstrip()


STREAMS: Final = (
    Stream(name="input", sources=_SOURCE, read=_inputs),
    Stream(name="sensor", sources=_SOURCE, read=_sensors),
)
