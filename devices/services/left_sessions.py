"""Sessions that nobody holds any more although their devices are heard: over MQTT, beside them.

A process that is killed leaves its sessions live, and what their devices publish keeps those
present: no silence would end the sessions. So whoever hears a device over MQTT beside its session
puts that in doubt (`greeted_at`), and the process that holds it, if there is one, takes the doubt
away after a while. A doubt that has lasted twice as long will not be taken away any more.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from devices.choices import Wire
from devices.models import DeviceSession
from devices.services import sessions
from devices.types import Contact, HeldSession
from kernel.unit_of_work import require_unit_of_work, unit_of_work

# Not sooner: until then late words of a former MQTT connection are judged by the same time.
CLEARED_AFTER: Final = timedelta(seconds=30)
_LASTS: Final = timedelta(seconds=60)


class Beside(NamedTuple):
    """A session row as whoever hears its device over MQTT has read it, under the device's lock."""

    is_live: bool | None
    opened_at: datetime | None
    greeted_at: datetime | None


def note_publisher(*, device_id: int, session: Beside, now: datetime) -> None:
    """Doubt the session of a device that is heard over MQTT, or end one that was left.

    Within the caller's unit of work, under the device's lock.
    """
    if not session.is_live:
        return
    require_unit_of_work()
    if session.greeted_at is None:
        DeviceSession.objects.filter(device_id=device_id).update(greeted_at=now)
    elif now - max(session.greeted_at, session.opened_at or session.greeted_at) >= _LASTS:
        facts = sessions.lock_on_every_wire(device_id=device_id)
        over_mqtt = Contact(wire=Wire.MQTT, client_session=facts.beside.greeter)
        sessions.leave(facts=facts, to=over_mqtt, now=now)


def vouch_for(*, held: Collection[HeldSession]) -> None:
    """Take the doubt from these sessions, which the caller holds.

    One whose device others are busy with is left for the next time.
    """
    if not held:
        return
    with unit_of_work():
        free = sessions.lock_free_devices(device_ids={one.device_id for one in held})
        present = dict(
            DeviceSession.objects.filter(device_id__in=free, is_live=True).values_list(
                "device_id", "epoch"
            )
        )
        mine = [one.device_id for one in held if present.get(one.device_id) == one.epoch]
        DeviceSession.objects.filter(device_id__in=mine).update(greeted_at=None)
