"""What a device measured before it had an owner becomes its owner's."""

from __future__ import annotations

from devices.registry import Claimed
from telemetry.models import LatestMetrics, Reading, ReadingWindow


def hand_to_owner(claimed: Claimed) -> None:
    """Give the owner the rows without one, within the claim's transaction.

    The device goes on writing as its owner's: a row of nobody's in its way would be neither seen
    nor replaced under row security.
    """
    for model in (Reading, ReadingWindow, LatestMetrics):
        rows = model.objects.unscoped("the device that is being claimed")
        rows.filter(device_id=claimed.device_id, tenant_id__isnull=True).update(
            tenant_id=claimed.tenant_id
        )
