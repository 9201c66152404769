"""Devices with sensors and what they say, for sensor tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edge.protocol import sensors as wire
from telemetry.models import DeviceAttribute, DeviceSensorEvent, DeviceSensorState
from telemetry.sensor_types import ReportOutcome
from telemetry.services import sensing

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WHY = "tests look at everything"
# What an erasure counts of the words that `plant_words` plants.
WORDS_ERASED = {
    "attributes_deleted": 1,
    "sensor_texts_emptied": 2,
    "event_ids_emptied": 1,
    "units_emptied": 2,
}


def item(sensor: str = "hall", value: Any = True, **more: Any) -> dict[str, Any]:
    """One item of a report; `at` may be a time."""
    if "at" in more:
        more["at"] = more["at"].isoformat()
    return {"sensor": sensor, "kind": "motion", "value": value, **more}


def report(
    device_id: int, *items: dict[str, Any], now: datetime = NOW, **more: Any
) -> ReportOutcome:
    """What comes of a report of a device; `attributes` and `epoch` may be given."""
    attributes = more.pop("attributes", None)
    body = {"sensors": list(items)} | ({"attributes": attributes} if attributes else {})
    return sensing.record_sensor_report(
        device_id=device_id, report=wire.report(body), now=now, **more
    )


def outcomes(outcome: ReportOutcome) -> list[str]:
    """The outcomes in order of the items, or why one was refused."""
    return [verdict.reason or str(verdict.outcome) for verdict in outcome.verdicts]


def state_of(device_id: int, sensor: str = "hall") -> DeviceSensorState:
    """What the sensor says now."""
    states = DeviceSensorState.objects.unscoped(WHY)
    state: DeviceSensorState = states.get(device_id=device_id, sensor=sensor)
    return state


def history(device_id: int) -> list[DeviceSensorEvent]:
    """All events of the device in order of arrival."""
    return list(DeviceSensorEvent.objects.unscoped(WHY).filter(device_id=device_id).order_by("pk"))


def attributes_of(device_id: int) -> dict[str, str]:
    """What the device says of itself."""
    rows = DeviceAttribute.objects.unscoped(WHY).filter(device_id=device_id)
    return dict(rows.values_list("name", "value"))


def plant_words(device_id: int, tenant_id: int, word: str, now: datetime) -> None:
    """Sensors of the device whose values, units and ids have the word, and one that counts."""
    said: dict[str, Any] = {
        "device_id": device_id,
        "tenant_id": tenant_id,
        "kind": "other",
        "value": f"{word} value",
        "has_text": True,
        "unit": f"{word} unit",
        "at": now,
        "received_at": now,
    }
    DeviceSensorState.objects.create(sensor="words", changed_at=now, **said)
    DeviceSensorEvent.objects.create(sensor="words", event_id=f"{word}-sensor-1", **said)
    counted = said | {"value": 5, "has_text": False, "unit": ""}
    DeviceSensorEvent.objects.create(sensor="counter", **counted)
    DeviceAttribute.objects.create(
        device_id=device_id,
        tenant_id=tenant_id,
        name="note",
        value=f"{word} attribute",
        at=now,
        received_at=now,
    )
