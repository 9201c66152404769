"""Input events: what happens at a device's buttons and contacts."""

from __future__ import annotations

from datetime import datetime

from devices import events
from devices.models import DeviceEvent
from devices.services import sessions
from edge.protocol.messages import InputEvent
from kernel.events import publish
from kernel.unit_of_work import unit_of_work


def record_input_event(
    *, device_id: int, epoch: int | None, event: InputEvent, now: datetime
) -> bool:
    """Store the event once, by its id; False when it had come before.

    `epoch` is None on wires without sessions. Raises SessionFenced for a session that was replaced.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        known = DeviceEvent.objects.unscoped("the device's own events")
        if known.filter(device_id=device_id, event_id=event.event_id).exists():
            return False
        DeviceEvent.objects.create(
            device_id=device_id,
            tenant_id=facts.tenant_id,
            event_id=event.event_id,
            input_index=event.input_index,
            kind=event.kind,
            at=event.at,
            received_at=now,
        )
        publish(
            events.InputEventRecorded(
                occurred_at=now,
                device_id=device_id,
                event_id=event.event_id,
                input_index=event.input_index,
                kind=event.kind,
            )
        )
    return True
