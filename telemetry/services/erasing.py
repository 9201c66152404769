"""What readings give up when a device is erased: the ids it made up for its boots."""

from __future__ import annotations

from datetime import datetime

from telemetry.models import Reading, ReadingWindow

CHUNK = 2_000
KEPT = (
    "Readings and what they were drawn together to are numbers with times and no names: they stay "
    "for analysis as long as those of any device, the newest reading for good."
)


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Replace the next boot id of the device by a number of ours, within its lock.

    Returns how many readings that was, and nothing once all are replaced. A device chooses its
    boot ids itself, so they could be anything. The windows go first: an archived device sends
    nothing more.
    """
    windows = ReadingWindow.objects.unscoped("windows of the device whose lock is held")
    if forgotten := windows.filter(device_id=device_id)._raw_delete(windows.db):
        return {"windows_forgotten": forgotten}
    rows = Reading.objects.unscoped("readings of the device whose lock is held")
    # No device may send an id with this sign in it.
    left = rows.filter(device_id=device_id).exclude(boot_id__startswith="~")
    boot_id = left.order_by("pk").values_list("boot_id", flat=True).first()
    if boot_id is None:
        return {}
    of_boot = left.filter(boot_id=boot_id).order_by("pk")
    chunk = list(of_boot.values_list("pk", flat=True)[:CHUNK])
    return {"boot_ids_replaced": rows.filter(pk__in=chunk).update(boot_id=f"~{chunk[0]}")}
