"""What a device says of itself in words: the newest of each name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from edge.protocol import limits
from kernel.unit_of_work import require_unit_of_work
from telemetry.models import DeviceAttribute
from telemetry.sensor_types import TOO_MANY_ATTRIBUTES

_COLUMNS = ["tenant_id", "value", "at", "received_at"]


def keep_attributes(
    *, device_id: int, tenant_id: int | None, attributes: Mapping[str, str], now: datetime
) -> dict[str, str]:
    """Keep these texts under their names; an empty one removes the name.

    Within the caller's unit of work, under the device's lock. A device has at most 64 names;
    returns those there was no room for, with the reason.
    """
    require_unit_of_work()
    rows = DeviceAttribute.objects.unscoped("the device whose lock is held").filter(
        device_id=device_id
    )
    known = {row.name: row for row in rows}
    gone = [name for name, value in attributes.items() if not value and name in known]
    if gone:
        rows.filter(name__in=gone).delete()
    given = {name: value for name, value in attributes.items() if value}
    updated = [row for name, row in known.items() if name in given and row.value != given[name]]
    for row in updated:
        row.tenant_id, row.value, row.at, row.received_at = tenant_id, given[row.name], now, now
    if updated:
        rows.bulk_update(updated, _COLUMNS)
    room = limits.MAX_ATTRIBUTES - (len(known) - len(gone))
    new = [name for name in given if name not in known]
    DeviceAttribute.objects.bulk_create(
        DeviceAttribute(
            device_id=device_id,
            tenant_id=tenant_id,
            name=name,
            value=given[name],
            at=now,
            received_at=now,
        )
        for name in new[:room]
    )
    return dict.fromkeys(new[room:], TOO_MANY_ATTRIBUTES)
