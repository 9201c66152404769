"""Writing a command into the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from commands import events, lanes, registry, state_machine
from commands.choices import Delivery, State
from commands.models import Command, CommandEvent
from commands.services import transitions
from commands.types import Order
from devices.errors import DeviceOffline
from devices.services import sessions
from devices.types import SessionFacts
from kernel.actors import Actor
from kernel.compiled import Insert, Select, Slot
from kernel.events import publish
from kernel.failpoints import failpoint
from kernel.unit_of_work import require_unit_of_work

_COMMAND = Insert(Command)
_EVENT = Insert(CommandEvent)
_OLDER_QUEUED = Select(
    lambda: Command.objects.unscoped("commands of the device whose lock is held").filter(
        device_id=Slot("device_id"), state=State.QUEUED, pk__lt=Slot("newer_id")
    )
)
# A cause chain longer than this is a loop between rules.
MAX_CAUSE_DEPTH = 8


def enqueue(
    *,
    facts: SessionFacts,
    order: Order,
    actor: Actor,
    cause: list[dict[str, Any]] | None = None,
    now: datetime,
) -> Command:
    """Write a command for the device whose lock the caller holds (`sessions.lock_session`).

    With `delivery=now` the device must be reachable: DeviceOffline otherwise, and nothing
    is written. Older queued commands that this one makes pointless become superseded. Raises
    DeviceArchived for a device whose life has ended.
    """
    require_unit_of_work()
    sessions.require_living(facts)
    registry.kind_named(order.kind)
    require_reachable(facts, order, now)
    command = _COMMAND.one(
        Command(
            device_id=facts.device_id,
            tenant_id=facts.tenant_id,
            kind=order.kind,
            payload=order.payload,
            lane=order.lane,
            delivery=order.delivery,
            cause=[*(cause or []), actor.as_cause()][-MAX_CAUSE_DEPTH:],
            created_at=now,
            expires_at=now + order.lifetime,
        )
    )
    _EVENT.many([CommandEvent(command=command, to_state=State.QUEUED, at=now)])
    if order.coalesce and order.lane:
        _supersede_older(command, order, facts.device_uid, now)
    transitions.announce(command=command, device_uid=facts.device_uid, now=now)
    publish(
        events.CommandQueued(
            occurred_at=now,
            device_id=facts.device_id,
            command_uid=str(command.uid),
            kind=command.kind,
        )
    )
    failpoint("commands.enqueue.written")
    return command


def require_reachable(facts: SessionFacts, order: Order, now: datetime) -> None:
    """Refuse an order that is not to wait for a device that is not there. Raises DeviceOffline."""
    if order.delivery == Delivery.NOW and not facts.is_reachable(order.lifetime, now=now):
        seen = facts.last_seen_at
        raise DeviceOffline(
            details={
                "device_uid": facts.device_uid,
                "last_seen_at": None if seen is None else seen.isoformat(),
            }
        )


def makes_pointless(order: Order, older: Command) -> bool:
    """Whether the order leaves an older command that has not been sent nothing to do."""
    return (
        order.coalesce
        and lanes.supersedes(order.lane, older.lane)
        and (older.kind == order.kind or lanes.is_of_relays(older.lane))
    )


def _supersede_older(command: Command, order: Order, device_uid: str, now: datetime) -> None:
    for older in _OLDER_QUEUED.rows(device_id=command.device_id, newer_id=command.pk):
        if makes_pointless(order, older):
            transitions.move(
                command=older,
                device_uid=device_uid,
                target=state_machine.SUPERSEDED,
                reason=f"superseded_by:{command.uid}",
                now=now,
            )
