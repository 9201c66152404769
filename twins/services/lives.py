"""What becomes of twins when devices are claimed, when their lives end, and when they are erased."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import F

from devices.registry import Claimed, Ended
from kernel.locking import lock_rows
from twins.models import Twin, TwinRevision
from twins.selectors.twins import sync_of

CHUNK: Final = 500
KEPT: Final = "How many versions its twin had, with the times of the last; not what was in them."
_LOCKED: Final = "the devices whose locks are held"


def hand_to_owner(claimed: Claimed) -> None:
    """Give the new owner what the device reported before it had one.

    Without it the database would hide those rows from the device's own later reports.
    """
    for model in (Twin, TwinRevision):
        rows = model.objects.unscoped(_LOCKED).filter(device_id=claimed.device_id)
        rows.filter(tenant_id__isnull=True).update(tenant_id=claimed.tenant_id)


def end_drifts(ended: Sequence[Ended]) -> None:
    """Nobody waits any more for devices whose lives have ended to be as desired."""
    rows = Twin.objects.unscoped(_LOCKED)
    lives = {life.device_id: life.now for life in ended}
    if lives:
        # Of those that did not drift, too, something else is shown from now on. Locked in the
        # order in which the job does that tells of drifts.
        twins = lock_rows(rows.filter(device_id__in=lives).only("pk"))
        rows.filter(pk__in=[twin.pk for twin in twins]).update(
            is_drifting=False,
            drift_since=None,
            drift_told_at=None,
            edition=F("edition") + 1,
            updated_at=max(lives.values()),
        )


def snapshot(device_ids: Collection[int]) -> dict[int, dict[str, Any] | None]:
    """Both documents of each device with their versions, as JSON values; None without a twin."""
    found: dict[int, dict[str, Any] | None] = dict.fromkeys(device_ids)
    rows = Twin.objects.unscoped(_LOCKED)
    for twin in rows.filter(device_id__in=device_ids):
        found[twin.device_id] = {
            "desired": twin.desired,
            "desired_version": twin.desired_version,
            "reported": twin.reported,
            "reported_version": twin.reported_version,
            "applied_version": twin.applied_version,
            "sync": str(sync_of(twin)),
            "drift_since": None if twin.drift_since is None else twin.drift_since.isoformat(),
        }
    return found


def erase(device_id: int, now: datetime) -> dict[str, int]:
    """Remove a bounded piece of what the device's twin ever held, within its lock.

    Returns the counts, and nothing once all is gone.
    """
    revisions = TwinRevision.objects.unscoped(_LOCKED).filter(device_id=device_id)
    chunk = list(revisions.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if chunk:
        rows = TwinRevision.objects.unscoped(_LOCKED)
        return {"revisions_deleted": rows.filter(pk__in=chunk)._raw_delete(rows.db)}
    emptied = {
        "desired": {}, "desired_stamps": {}, "desired_by": "", "tombstones": {},
        "reported": {}, "reported_stamps": {},
    }  # fmt: skip
    twin = Twin.objects.unscoped(_LOCKED).filter(device_id=device_id).first()
    if twin is None or all(getattr(twin, name) == value for name, value in emptied.items()):
        return {}
    for name, value in emptied.items():
        setattr(twin, name, value)
    twin.edition += 1
    twin.save(update_fields=[*emptied, "edition"])
    return {"documents_emptied": 1}
