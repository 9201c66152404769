"""What becomes of a device's codes when its life ends, and when it is erased."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from infrared.models import DeviceIrCode
from infrared.selectors import WHY

_TOGETHER = 500
KEPT = "Nothing: names and signals of infrared codes are removed with who made them."


def snapshot(device_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """The codes of each device by name, as JSON values; their signals stay in the archive."""
    rows = DeviceIrCode.objects.unscoped(WHY)
    found: dict[int, list[dict[str, Any]]] = {device_id: [] for device_id in device_ids}
    told = rows.filter(device_id__in=device_ids).order_by("device_id", "name")
    for device_id, uid, name, source in told.values_list("device_id", "uid", "name", "source"):
        found[device_id].append({"id": str(uid), "name": name, "source": str(source)})
    return found


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Remove the next codes of the device, within the caller's unit of work and its lock.

    Returns how many, and nothing once all are gone.
    """
    rows = DeviceIrCode.objects.unscoped(WHY).filter(device_id=device_id)
    chunk = list(rows.values_list("pk", flat=True)[:_TOGETHER])
    removed = rows.filter(pk__in=chunk).delete()[0]
    return {"codes_removed": removed} if removed else {}
