"""What becomes of the sensors of a device when it is claimed and when it is erased."""

from __future__ import annotations

from datetime import datetime

from devices.registry import Claimed
from telemetry.models import DeviceAttribute, DeviceSensorEvent, DeviceSensorState

CHUNK = 2_000
KEPT = (
    "Which sensors the device had and of what kind, and what they said where that is a number or "
    "true or false, with times: events until they are 90 days old, the newest for good."
)
_LOCKED = "the device whose lock is held"


def hand_to_owner(claimed: Claimed) -> None:
    """Give the new owner what the device's sensors said before it had one.

    Without it the database would hide those rows from the device's own later reports.
    """
    for model in (DeviceSensorState, DeviceSensorEvent, DeviceAttribute):
        rows = model.objects.unscoped(_LOCKED).filter(device_id=claimed.device_id)
        rows.filter(tenant_id__isnull=True).update(tenant_id=claimed.tenant_id)


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Remove a bounded piece of the words that the device chose itself, within its lock.

    Returns the counts, and nothing once all is gone: its attributes, values that are texts or
    objects, units, and the ids it made up for its events.
    """
    attributes = DeviceAttribute.objects.unscoped(_LOCKED).filter(device_id=device_id)
    states = DeviceSensorState.objects.unscoped(_LOCKED).filter(device_id=device_id)
    counts = {
        "attributes_deleted": attributes.delete()[0],
        "sensor_texts_emptied": states.filter(has_text=True).update(value=None, has_text=False)
        + _empty_events(device_id),
        "event_ids_emptied": _empty_event_ids(device_id),
        "units_emptied": states.exclude(unit="").update(unit="") + _empty_units(device_id),
    }
    return {name: count for name, count in counts.items() if count}


def _empty_events(device_id: int) -> int:
    events = DeviceSensorEvent.objects.unscoped(_LOCKED)
    texts = events.filter(device_id=device_id, has_text=True).order_by("pk")
    chunk = list(texts.values_list("pk", flat=True)[:CHUNK])
    emptied: int = events.filter(pk__in=chunk).update(value=None, has_text=False)
    return emptied


def _empty_event_ids(device_id: int) -> int:
    events = DeviceSensorEvent.objects.unscoped(_LOCKED)
    named = events.filter(device_id=device_id).exclude(event_id="").order_by("pk")
    chunk = list(named.values_list("pk", flat=True)[:CHUNK])
    emptied: int = events.filter(pk__in=chunk).update(event_id="")
    return emptied


def _empty_units(device_id: int) -> int:
    events = DeviceSensorEvent.objects.unscoped(_LOCKED)
    with_unit = events.filter(device_id=device_id).exclude(unit="").order_by("pk")
    chunk = list(with_unit.values_list("pk", flat=True)[:CHUNK])
    emptied: int = events.filter(pk__in=chunk).update(unit="")
    return emptied
