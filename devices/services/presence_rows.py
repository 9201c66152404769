"""Signs of life in the presence rows: any number of devices, each with its time, one statement.

It waits for nobody. A row that another transaction holds is passed by: whoever holds it is
writing about the same device, and waiting for it while holding others is how two of them would
wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from devices.models import DevicePresence
from devices.services import timeouts
from kernel.unit_of_work import require_unit_of_work

# Names of our own columns only; every value is a parameter.
_POSTGRESQL: Final = """
WITH said AS (
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) AS said (device_id, at)
), held AS (
    SELECT p.device_id, said.at
    FROM devices_devicepresence p JOIN said ON said.device_id = p.device_id
    WHERE p.is_online AND (p.last_seen_at IS NULL OR p.last_seen_at < said.at)
    ORDER BY p.device_id
    FOR NO KEY UPDATE OF p SKIP LOCKED
)
UPDATE devices_devicepresence p
SET last_seen_at = held.at,
    offline_due_at = held.at + make_interval(secs => coalesce(p.offline_after_s, %s))
FROM held WHERE held.device_id = p.device_id
RETURNING p.device_id, p.offline_after_s
"""
_SQLITE: Final = (
    "UPDATE devices_devicepresence SET last_seen_at = %s, offline_due_at = %s WHERE device_id = %s"
)


def write(signs: Mapping[int, datetime]) -> dict[int, int | None]:
    """Note when each of these was heard, within the caller's unit of work; only forwards.

    Returns those whose rows were written, each with the silence its row allows (None: the
    installation's). Left out are the offline, those heard later already, and the rows that another
    transaction holds.
    """
    require_unit_of_work()
    if not signs:
        return {}
    if connection.vendor != "postgresql":
        return _write_one_by_one(signs)
    with connection.cursor() as cursor:
        cursor.execute(
            _POSTGRESQL, [list(signs), list(signs.values()), settings.OFFLINE_AFTER_SECONDS]
        )
        return dict(cursor.fetchall())


def _write_one_by_one(signs: Mapping[int, datetime]) -> dict[int, int | None]:
    """For SQLite, where the unit of work holds the only write lock and no statement is a journey."""
    rows = DevicePresence.objects.filter(device_id__in=list(signs), is_online=True)
    found = {
        device_id: allowed
        for device_id, seen, allowed in rows.values_list(
            "device_id", "last_seen_at", "offline_after_s"
        )
        if seen is None or seen < signs[device_id]
    }
    moment = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(
            _SQLITE,
            [
                (moment(at), moment(at + timedelta(seconds=timeouts.in_force(found[one]))), one)
                for one, at in signs.items()
                if one in found
            ],
        )
    return found
