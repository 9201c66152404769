"""What devices answer."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db.models import UUIDField

from commands import registry, state_machine
from commands.models import Command, CommandEvent
from commands.services import transitions
from commands.types import Outcome
from devices.services import sessions
from devices.types import SessionFacts
from edge.protocol.messages import Ack
from kernel.compiled import Select, Slot
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work

_BY_UID = Select(
    lambda: Command.objects.unscoped("commands of the device whose lock is held").filter(
        uid=Slot("uid", UUIDField()), device_id=Slot("device_id")
    )
)
_ERROR_LENGTH = 500


def record_ack(*, device_id: int, epoch: int, ack: Ack, now: datetime) -> bool:
    """Settle the command as the device says and apply the effect, in one transaction.

    An ack may come twice, late, or for a command of another device: what does not fit the
    ledger moves no command and returns False. Raises SessionFenced for a replaced session.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        command = _command_of(device_id, ack.command_id)
        if command is None:
            return False
        is_newest = sessions.accept_observation(facts=facts, state_seq=ack.state_seq)
        outcome = _outcome(command, facts, ack, is_newest=is_newest)
        if command.finished_at is not None or not state_machine.can_move(
            command.state, outcome.state
        ):
            _note_late(command, outcome, now)
            return False
        return _settle(command, outcome, ack, now)


def resolve_by_report(
    *, facts: SessionFacts, command_uid: str, result: dict[str, object], now: datetime
) -> bool:
    """Settle a command of unknown outcome that the device's own report shows as done.

    Runs within the caller's unit of work, under the device's lock.
    """
    command = _command_of(facts.device_id, command_uid)
    if command is None or command.finished_at is not None:
        return False
    if command.state != state_machine.TIMED_OUT:
        return False
    return transitions.move(
        command=command,
        device_uid=facts.device_uid,
        target=state_machine.SUCCEEDED,
        reason="confirmed_by_state_report",
        now=now,
        result=result,
    )


def _outcome(command: Command, facts: SessionFacts, ack: Ack, *, is_newest: bool) -> Outcome:
    is_first_answer = command.state in state_machine.IN_FLIGHT and command.sends == 1
    is_believed = is_newest if ack.state_seq is not None else is_first_answer
    return Outcome(
        device_id=facts.device_id,
        device_uid=facts.device_uid,
        tenant_id=facts.tenant_id,
        command_uid=str(command.uid),
        state=state_machine.STATE_OF_ACK[ack.status],
        payload=command.payload,
        relays=ack.relays if is_believed else None,
        is_first_answer=is_first_answer and is_newest,
        is_outdated=not is_newest,
        sent_at=command.sent_at,
        cause=command.cause,
    )


def _settle(command: Command, outcome: Outcome, ack: Ack, now: datetime) -> bool:
    if outcome.state == state_machine.ACKED:
        return transitions.move(
            command=command,
            device_uid=outcome.device_uid,
            target=outcome.state,
            now=now,
            acked_at=now,
        )
    result = registry.kind_named(command.kind).apply(outcome, now)
    is_settled = transitions.move(
        command=command,
        device_uid=outcome.device_uid,
        target=outcome.state,
        reason="late_answer" if command.state == state_machine.TIMED_OUT else "",
        now=now,
        acked_at=command.acked_at or now,
        result=result,
        error=(ack.error or "")[:_ERROR_LENGTH],
    )
    failpoint("commands.ack.written")
    return is_settled


def _command_of(device_id: int, command_id: str) -> Command | None:
    try:
        uid = uuid.UUID(command_id)
    except ValueError:
        return None
    found: Command | None = _BY_UID.first(uid=uid, device_id=device_id)
    return found


def _note_late(command: Command, outcome: Outcome, now: datetime) -> None:
    """An answer after the end: the state it tells counts, the command stays as it ended."""
    if outcome.relays:
        registry.kind_named(command.kind).apply(outcome, now)
    if command.state == outcome.state:
        return
    CommandEvent.objects.create(
        command=command,
        from_state=command.state,
        to_state=command.state,
        reason=f"late_ack_ignored:{outcome.state}",
        at=now,
    )
