"""Somebody is told when a device has been other than desired for too long: once for each drift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from devices.types import Happening
from kernel.failpoints import failpoint
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work
from notifications.choices import Kind
from notifications.services import intents
from twins.models import Twin
from twins.selectors import long_drifts
from twins.types import LongDrift

CHUNK: Final = 500
_MOST_CHUNKS: Final = 20
DRIFT: Final = "drift"
DRIFT_ENDED: Final = "drift_ended"


def tell_of_long_drifts(now: datetime) -> int:
    """Have the notifications tell of devices that drift for too long; returns how many.

    Any number may run at once: a drift counts as told in the transaction that tells of it, and
    whoever comes second finds it told.
    """
    told = 0
    for _ in range(_MOST_CHUNKS):
        found = long_drifts(now=now, limit=CHUNK)
        told += _tell(found, now)
        if len(found) < CHUNK:
            break
    return told


@unit_of_work()
def _tell(drifts: Sequence[LongDrift], now: datetime) -> int:
    if not drifts:
        return 0
    began = {drift.device_id: drift for drift in drifts}
    rows: Any = Twin.objects.unscoped("what is to be told, of all tenants")
    untold = rows.filter(device_id__in=began, is_drifting=True, drift_told_at__isnull=True)
    # Under the rows' own locks: one that ended meanwhile, or was told, is not among them.
    still = [
        began[twin.pk]
        for twin in lock_rows(untold.only("pk", "drift_since"))
        if twin.drift_since == began[twin.pk].since
    ]
    rows.filter(pk__in=[drift.device_id for drift in still]).update(drift_told_at=now)
    intents.note(
        [
            Happening(
                kind=Kind.DRIFT,
                tenant_id=drift.tenant_id,
                at=now,
                device_id=drift.device_id,
                began_at=drift.since,
            )
            for drift in still
        ]
    )
    failpoint("twins.drift.told")
    return len(still)
