"""What the ledger gives up when a device is erased: what was asked for and by whom."""

from __future__ import annotations

from datetime import datetime

from commands.models import Command, CommandEvent

CHUNK = 500
# Lines of the history that go on with who it was.
_NAMING = ("cancelled_by", "cancel_asked_by")
KEPT = (
    "Each command with its kind, state, reason and times, for counts; without what it carried, "
    "what the device answered, and who asked for it or took it back."
)


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Empty the next commands of the device, within the caller's unit of work and its lock.

    Returns how many, and nothing once all are empty. Rows and their moves stay.
    """
    rows = Command.objects.unscoped("commands of the device whose lock is held")
    left = rows.filter(device_id=device_id).exclude(
        payload={}, result__isnull=True, error="", cause=[], progress__isnull=True
    )
    chunk = list(left.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    emptied = rows.filter(pk__in=chunk).update(
        payload={}, result=None, error="", cause=[], progress=None
    )
    for note in _NAMING:
        moves = CommandEvent.objects.filter(command_id__in=chunk, reason__startswith=f"{note}:")
        moves.update(reason=note)
    return {"commands_emptied": emptied} if emptied else {}
