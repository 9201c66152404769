"""Reads about sensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from devices import selectors as devices
from kernel.actors import Actor
from telemetry.models import DeviceAttribute, DeviceSensorEvent, DeviceSensorState

_ENDING = "devices whose locks are held"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensors:
    """What the sensors of a device say now, by name, and what it says of itself."""

    device_uid: str
    sensors: list[DeviceSensorState]
    attributes: list[DeviceAttribute]


def sensors_of(*, actor: Actor, device_uid: str) -> Sensors:
    """The sensors of a device the actor may see, also of an archived one. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    states = DeviceSensorState.objects.visible_to(actor).filter(device_id=device.pk)
    attributes = DeviceAttribute.objects.visible_to(actor).filter(device_id=device.pk)
    return Sensors(
        device_uid=device.uid,
        sensors=list(states.order_by("sensor")),
        attributes=list(attributes.order_by("name")),
    )


def sensor_states(device_ids: Collection[int]) -> dict[int, list[DeviceSensorState]]:
    """What the sensors say of devices that the caller has found within its scope, by name."""
    rows = DeviceSensorState.objects.unscoped("the caller has found the devices within its scope")
    found: dict[int, list[DeviceSensorState]] = defaultdict(list)
    for state in rows.filter(device_id__in=device_ids).order_by("device_id", "sensor"):
        found[state.device_id].append(state)
    return dict(found)


def sensor_events_of(
    *,
    actor: Actor,
    device_uid: str,
    sensor: str = "",
    kind: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[DeviceSensorEvent]:
    """What the sensors of a device said in `[since, until)`, to be ordered by its reader.

    Raises NotFound for a device the actor may not see.
    """
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    wanted = {"sensor": sensor, "kind": kind, "at__gte": since, "at__lt": until}
    found: QuerySet[DeviceSensorEvent] = DeviceSensorEvent.objects.visible_to(actor).filter(
        device_id=device.pk, **{name: value for name, value in wanted.items() if value}
    )
    return found


def final_sensors(device_ids: Collection[int]) -> dict[int, dict[str, Any] | None]:
    """What the sensors of each device whose life ends say, as JSON values; None without any."""
    states = DeviceSensorState.objects.unscoped(_ENDING).filter(device_id__in=device_ids)
    attributes = DeviceAttribute.objects.unscoped(_ENDING).filter(device_id__in=device_ids)
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"sensors": {}, "attributes": {}})
    for state in states.order_by("sensor"):
        found[state.device_id]["sensors"][state.sensor] = {
            "kind": state.kind,
            "value": state.value,
            "unit": state.unit,
            "at": state.at.isoformat(),
        }
    for attribute in attributes.order_by("name"):
        found[attribute.device_id]["attributes"][attribute.name] = attribute.value
    return {device_id: found.get(device_id) for device_id in device_ids}
