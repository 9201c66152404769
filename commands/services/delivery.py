"""Handing commands to the session of their device."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import DateTimeField, F, Q

from commands import lanes, registry, state_machine
from commands.models import Command
from commands.services import transitions
from devices.services import sessions
from devices.types import SessionFacts
from kernel.compiled import Select, Slot
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work

_OPEN = Select(
    lambda: (
        Command.objects.unscoped("commands of the device whose lock is held")
        .filter(device_id=Slot("device_id"), finished_at__isnull=True)
        .filter(expires_at__gt=Slot("now", DateTimeField()))
        .order_by("pk")
    )
)


def claim_deliverable(
    *, device_id: int, epoch: int, now: datetime, reconnect: bool = False
) -> list[Any]:
    """Mark the commands that may go to the device now as sent and return their messages.

    Send them only after this returned: the ledger knows of every command before the wire does.
    With `reconnect` the unanswered commands of former sessions are handed out again under their
    old ids; the device knows by them what it has done already. One of unknown outcome that a
    newer command has overtaken is not: the device might do it last. Raises SessionFenced.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        open_commands = _open_commands(device_id, now)
        again = _unanswered(device_id, open_commands, epoch) if reconnect else []
        for command in again:
            _note_resend(command, epoch, now)
        in_flight = [
            command for command in open_commands if command.state in state_machine.IN_FLIGHT
        ]
        queued = [command for command in open_commands if command.state == state_machine.QUEUED]
        ready = lanes.deliverable(queued, in_flight)
        sent = [command for command in ready if _mark_sent(command, facts, epoch, now)]
        if sent:
            failpoint("commands.claim.written")
    if sent:
        failpoint("commands.claim.committed")
    return [
        registry.kind_named(command.kind).encode(
            str(command.uid), command.payload, command.expires_at
        )
        for command in [*again, *sent]
    ]


def _open_commands(device_id: int, now: datetime) -> list[Command]:
    return _OPEN.rows(device_id=device_id, now=now)


def _unanswered(device_id: int, open_commands: list[Command], epoch: int) -> list[Command]:
    unanswered = [
        command
        for command in open_commands
        if command.state in state_machine.AWAITING and command.session_epoch != epoch
    ]
    if all(command.state in state_machine.IN_FLIGHT for command in unanswered):
        return unanswered
    rows = Command.objects.unscoped("commands of the device whose lock is held")
    newer = list(
        rows.filter(device_id=device_id, pk__gt=unanswered[0].pk)
        .filter(Q(sent_at__isnull=False) | Q(state=state_machine.QUEUED, finished_at__isnull=True))
        .only("pk", "lane", "sent_at")
    )
    return [command for command in unanswered if not _is_overtaken(command, newer)]


def _is_overtaken(command: Command, newer: list[Command]) -> bool:
    """Only an unknown outcome frees its lane for others before it is answered."""
    return command.state == state_machine.TIMED_OUT and any(
        other.pk > command.pk
        and (
            lanes.supersedes(other.lane, command.lane)
            or (other.sent_at is not None and lanes.exclude(other.lane, command.lane))
        )
        for other in newer
    )


def _note_resend(command: Command, epoch: int, now: datetime) -> None:
    rows = Command.objects.unscoped("one row by its key")
    rows.filter(pk=command.pk).update(
        session_epoch=epoch, sends=F("sends") + 1, timeout_at=_timeout_at(command, now)
    )


def _mark_sent(command: Command, facts: SessionFacts, epoch: int, now: datetime) -> bool:
    return transitions.move(
        command=command,
        device_uid=facts.device_uid,
        target=state_machine.SENT,
        now=now,
        sent_at=now,
        timeout_at=_timeout_at(command, now),
        session_epoch=epoch,
        sends=1,
    )


def _timeout_at(command: Command, now: datetime) -> datetime:
    return min(now + timedelta(seconds=settings.ACK_TIMEOUT_SECONDS), command.expires_at)
