"""What devices answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

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
MAX_RESULT_BYTES = 16_384


def record_ack(*, device_id: int, epoch: int | None, ack: Ack, now: datetime) -> bool:
    """Settle the command as the device says and apply the effect, in one transaction.

    `epoch` is the session the ack came in, or None on a wire without sessions. An ack may come
    twice, late, or for a command of another device: what does not fit the ledger moves no
    command and returns False. Raises SessionFenced for a replaced session, DeviceUnpaired.
    """
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        sessions.require_current(facts, epoch)
        command = _command_of(device_id, ack.command_id)
        if command is None:
            return False
        outcome = _outcome(command, facts, ack, is_newest=_is_newest(facts, epoch, ack, now))
        if command.finished_at is None and command.state == outcome.state == state_machine.ACKED:
            return _keep_progress(command, facts.device_uid, ack, now)
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


def _is_newest(facts: SessionFacts, epoch: int | None, ack: Ack, now: datetime) -> bool:
    if epoch is None and facts.is_live:
        # Its session numbers what it says; this came by the way and fits in nowhere.
        return False
    return sessions.accept_observation(
        facts=facts,
        state_seq=ack.state_seq,
        is_counting_anew=epoch is None and facts.beside.has_greeted_lately(now),
    )


def _outcome(command: Command, facts: SessionFacts, ack: Ack, *, is_newest: bool) -> Outcome:
    is_first_answer = command.state in state_machine.IN_FLIGHT and command.sends == 1
    is_believed = is_newest and (ack.state_seq is not None or is_first_answer)
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
        result=ack.result,
    )


def _settle(command: Command, outcome: Outcome, ack: Ack, now: datetime) -> bool:
    if outcome.state == state_machine.ACKED:
        return transitions.move(
            command=command,
            device_uid=outcome.device_uid,
            target=outcome.state,
            now=now,
            acked_at=command.acked_at or now,
            **_progress(command, ack, now),
        )
    applied = registry.kind_named(command.kind).apply(outcome, now)
    is_settled = transitions.move(
        command=command,
        device_uid=outcome.device_uid,
        target=outcome.state,
        reason=_reason(command, outcome.state),
        now=now,
        acked_at=command.acked_at or now,
        result=_result(ack.result, applied),
        error=(ack.error or "")[:_ERROR_LENGTH],
    )
    failpoint("commands.ack.written")
    return is_settled


def _reason(command: Command, state: str) -> str:
    if state == state_machine.CANCELLED:
        return "cancelled" if command.cancel_asked_at else "cancelled_by_device"
    if command.cancel_asked_at:
        return "cancel_came_too_late"
    return "late_answer" if command.state == state_machine.TIMED_OUT else ""


def _result(
    given: Mapping[str, Any] | None, applied: dict[str, Any] | None
) -> dict[str, Any] | None:
    """What the device gave back and what that has changed; the latter has the last word."""
    if given is None:
        return applied
    size = len(json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode())
    kept = dict(given) if size <= MAX_RESULT_BYTES else {"too_large": True, "bytes": size}
    return kept | (applied or {})


def _keep_progress(command: Command, device_uid: str, ack: Ack, now: datetime) -> bool:
    before = command.progress
    if not transitions.change(command=command, now=now, **_progress(command, ack, now)):
        return False
    if command.progress != before:
        transitions.announce(command=command, device_uid=device_uid, now=now)
    return True


def _progress(command: Command, ack: Ack, now: datetime) -> dict[str, Any]:
    """Whoever says how far it is gets the time of its kind once more, until it expires."""
    run_s = registry.kind_named(command.kind).run_s
    said = {} if ack.progress is None else asdict(ack.progress)
    progress = {name: value for name, value in said.items() if value is not None}
    return {
        "timeout_at": min(now + timedelta(seconds=run_s), command.expires_at),
        "progress": progress or command.progress,
    }


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
    # Once for each outcome: a device may say it for ever.
    CommandEvent.objects.get_or_create(
        command=command,
        from_state=command.state,
        to_state=command.state,
        reason=f"late_ack_ignored:{outcome.state}",
        defaults={"at": now},
    )
