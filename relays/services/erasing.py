"""What the known positions of relays give up when a device is erased: who switched them last."""

from __future__ import annotations

from datetime import datetime

from relays.models import RelayState

KEPT = "The last known position of each relay with its time; without who switched it."


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Forget who switched the device's relays, within the caller's unit of work and its lock.

    Returns how many were emptied, and nothing once all are.
    """
    rows = RelayState.objects.unscoped("relays of the device whose lock is held")
    emptied = rows.filter(device_id=device_id).exclude(changed_by="").update(changed_by="")
    return {"relays_emptied": emptied} if emptied else {}
