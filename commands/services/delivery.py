"""Handing commands to their device, over whatever wire it comes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField

from commands import lanes, registry, state_machine
from commands.models import Command
from commands.services import repeating, transitions
from commands.services.wires import Way
from devices.choices import Wire
from devices.services import sessions
from edge.protocol.messages import Cancel
from kernel import metrics
from kernel.compiled import Select, Slot
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

_OPEN = Select(
    lambda: (
        Command.objects.unscoped("commands of the device whose lock is held")
        .filter(device_id=Slot("device_id"), finished_at__isnull=True)
        .filter(expires_at__gt=Slot("now", DateTimeField()))
        .order_by("pk")
    )
)


def claim_deliverable(
    *,
    device_id: int,
    epoch: int | None,
    wire: str = Wire.WEBSOCKET,
    now: datetime,
    reconnect: bool = False,
    limit: int | None = None,
) -> list[Any]:
    """Mark the commands that may go to the device now as sent and return their messages.

    Send them only after this returned: the ledger knows of every command before the wire does.
    `epoch` is the session of the caller, or None for a wire without sessions: it is handed
    nothing while the device has a live session elsewhere. With `reconnect`, for a connection that
    has just been made, what is unanswered is handed out again under its old id; otherwise only
    what was due an answer and got none, as often as its kind allows. Raises SessionFenced,
    DeviceUnpaired.
    """
    way = Way(wire, epoch, is_new=reconnect)
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        if epoch is None and facts.is_live:
            return []
        open_commands = _OPEN.rows(device_id=device_id, now=now)
        cancels = _cancels(open_commands, way, now)[:limit]
        again = repeating.to_repeat(open_commands, way, now)[: _left(limit, cancels)]
        for command in cancels:
            repeating.note_cancel_sent(command, way, now)
        for command in again:
            repeating.note_repetition(command, way, now)
        fresh = _ready(open_commands, now)[: _left(limit, cancels, again)]
        sent = [command for command in fresh if _mark_sent(command, facts.device_uid, way, now)]
        if limit is None or len(cancels) + len(again) + len(sent) < limit:
            repeating.give_up_repeating(open_commands, now)
        if sent:
            failpoint("commands.claim.written")
    if sent:
        failpoint("commands.claim.committed")
    _count(again=len(again), cancels=len(cancels))
    return [*map(_cancel_message, cancels), *_messages([*again, *sent])]


def _count(*, again: int, cancels: int) -> None:
    for name, number in (("command", again), ("cancel", cancels)):
        if number:
            metrics.COMMANDS_REPEATED.labels(type=name).inc(number)


def _left(limit: int | None, *taken: Sequence[Command]) -> int | None:
    return None if limit is None else limit - sum(map(len, taken))


def _cancels(open_commands: list[Command], way: Way, now: datetime) -> list[Command]:
    """Those whose cancelling the device has not been told, or has not answered."""
    return [
        command
        for command in open_commands
        if command.cancel_asked_at is not None
        and command.state in state_machine.AWAITING
        and (command.cancel_sent_at is None or repeating.is_due_again(command, way, now))
    ]


def _ready(open_commands: list[Command], now: datetime) -> list[Command]:
    on_the_way = [command for command in open_commands if command.is_on_its_way(now)]
    queued = [command for command in open_commands if command.state == state_machine.QUEUED]
    ready = lanes.deliverable(queued, on_the_way)
    # A kind of a newer release waits until this process knows it, or until it expires.
    return [command for command in ready if registry.knows(command.kind)]


def _mark_sent(command: Command, device_uid: str, way: Way, now: datetime) -> bool:
    return transitions.move(
        command=command,
        device_uid=device_uid,
        target=state_machine.SENT,
        note=f"over:{way.name}",
        now=now,
        sent_at=now,
        timeout_at=repeating.answer_deadline(command, now),
        session_epoch=way.epoch,
        wire=way.wire,
        sends=1,
    )


def _messages(commands: Sequence[Command]) -> list[Any]:
    """One that its kind cannot put into words keeps no other from the device."""
    found = []
    for command in commands:
        try:
            kind = registry.kind_named(command.kind)
            found.append(kind.encode(str(command.uid), command.payload, command.expires_at))
        except Exception:
            logger.exception("A command cannot be sent", extra={"command": str(command.uid)})
    return found


def _cancel_message(command: Command) -> Cancel:
    return Cancel(command_id=str(command.uid))
