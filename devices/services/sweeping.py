"""The sweep as a job: it also knows when the server itself was away, and whose silence that was.

Whoever sweeps leaves a mark. A long time without one is a time in which nobody looked: everything
was stopped, the database was away, the machine slept. Devices that were last heard before it had
no chance to speak; that they are gone now is no silence of theirs, no outage and no flapping.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from devices.services import presence, presence_keys
from devices.types import Absence
from kernel.models import Heartbeat
from kernel.unit_of_work import unit_of_work

_SWEPT: Final = "devices.presence.sweep"
_SINCE: Final = "devices.presence.away.since"
_UNTIL: Final = "devices.presence.away.until"
_MARKED_EVERY = timedelta(seconds=5)
# A sweep that takes its time is no absence, nor is a ticker that is busy with something else.
_AWAY = timedelta(seconds=30)
# The parts of an installation stop one after the other; a mark may be this old by itself.
_LATE = timedelta(seconds=15)
# After it, what was heard meanwhile is on its way into the rows for so long.
_HOLD = timedelta(seconds=6)
# So long it explains why somebody is gone: devices come back within two minutes.
_EXPLAINS = timedelta(seconds=120)


def sweep(now: datetime) -> int:
    """Sweep as `presence.sweep` does, mindful of the last absence of the server."""
    presence_keys.tell_again()
    absence = _noted(now)
    if absence is not None and now < absence.until + _HOLD:
        return 0
    return presence.sweep(now, absence=absence)


@unit_of_work()
def _noted(now: datetime) -> Absence | None:
    """Leave a mark; returns the absence that may still explain a silence."""
    marks = dict(
        Heartbeat.objects.filter(name__in=(_SWEPT, _SINCE, _UNTIL)).values_list("name", "beat_at")
    )
    swept = marks.get(_SWEPT, now)
    new: dict[str, datetime] = {}
    if _SWEPT not in marks or now - swept >= _MARKED_EVERY:
        new[_SWEPT] = now
    if now - swept >= _AWAY:
        new |= {_SINCE: swept + _LATE, _UNTIL: now}
    # In one order for every sweeper.
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=new[name]) for name in sorted(new)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["beat_at"],
    )
    marks |= new
    if _UNTIL not in marks or now > marks[_UNTIL] + _EXPLAINS:
        return None
    return Absence(since=marks[_SINCE], until=marks[_UNTIL])
